package handler

import (
	"cmp"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// observe times every request.
func (h *handler) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := h.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			status := cmp.Or(ww.Status(), http.StatusOK)
			if ww.Header().Get("Content-Type") == eventStream { // lasts as long as somebody reads
				return
			}
			h.metrics.requests.WithLabelValues(routeLabel(r, status), methodLabel(r.Method), strconv.Itoa(status)).
				Observe(h.Now().Sub(start).Seconds())
		}()
		next.ServeHTTP(ww, r)
	})
}

// routeLabel returns the pattern of the route. The set is closed: what no route matches is "other".
func routeLabel(r *http.Request, status int) string {
	pattern := chi.RouteContext(r.Context()).RoutePattern()
	if pattern == "" || status == http.StatusMethodNotAllowed {
		return "other"
	}
	return pattern
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost}

func methodLabel(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}

// recoverPanics turns a panic into a 500 and a log line with its stack. A panic that means to end the connection goes on.
func (h *handler) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
				panic(p)
			}
			h.Logger.Error("Request panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			h.fail(w, r, errPanic)
		}()
		next.ServeHTTP(w, r)
	})
}

// contentSecurityPolicy lets pages load our own script, style and images, ask us, and send us forms: nothing else, and nothing that is
// written in a page itself.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure sets the headers that every answer has. Handlers may replace them.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin") // with no-referrer, forms would say that they come from nowhere
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// stripPrefix takes the route prefix off the path. Unlike a mux it never redirects, and unlike http.StripPrefix it
// does not let /prefixalert through.
func (h *handler) stripPrefix(next http.Handler) http.Handler {
	if h.RoutePrefix == "" {
		return next
	}
	stripped := http.StripPrefix(h.RoutePrefix, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, h.RoutePrefix); !ok || rest != "" && rest[0] != '/' {
			h.fail(w, r, errNoRoute)
			return
		}
		stripped.ServeHTTP(w, r)
	})
}

func (h *handler) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range methods {
		find := method
		if method == http.MethodHead {
			find = http.MethodGet // see middleware.GetHead
		}
		if h.router.Match(chi.NewRouteContext(), find, cmp.Or(r.URL.RawPath, r.URL.Path, "/")) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 { // a method that the router has never heard of
		h.fail(w, r, errNoRoute)
		return
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	h.fail(w, r, &problem{status: http.StatusMethodNotAllowed, reason: "method not allowed; use " + list})
}
