package handler

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/alertscribe/alertscribe/text"
)

//go:embed web
var webFiles embed.FS

// assets are the static files by the name they are served under, which has a hash of their content in it: what has
// that name never changes.
type assets struct {
	files map[string][]byte // style.1a2b3c4d.css
	names map[string]string // style.css
}

func loadAssets() assets {
	a := assets{files: map[string][]byte{}, names: map[string]string{}}
	entries, err := webFiles.ReadDir("web/static")
	if err != nil {
		panic(err) // embedded
	}
	for _, e := range entries {
		content, err := webFiles.ReadFile("web/static/" + e.Name())
		if err != nil {
			panic(err) // embedded
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:4]) + ext
		a.files[name], a.names[e.Name()] = content, name
	}
	return a
}

// parseTemplates returns a template for each page.
func (h *handler) parseTemplates() map[string]*template.Template {
	layout := template.Must(template.New("").Funcs(template.FuncMap{
		"link":  h.link,
		"asset": h.assetURL,
		"local": func(t time.Time) string { return t.In(h.TimeZone).Format("2006-01-02 15:04") },
		"zone":  h.zoneName,
		"inBrackets": func(zone string) template.HTML { // the reader's own zone takes its place, if scripts run
			return template.HTML(fmt.Sprintf(h.words.InBrackets, "<span data-zone>"+template.HTMLEscapeString(zone)+"</span>")) //nolint:gosec // escaped
		},
		"clock":   func(t time.Time) string { return t.In(h.TimeZone).Format("15:04:05 ") + h.zoneName() },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}).ParseFS(webFiles, "web/templates/layout.html"))
	pages := map[string]*template.Template{}
	for _, name := range []string{"reports.html", "report.html", "problem.html"} {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(webFiles, "web/templates/"+name))
	}
	return pages
}

// zoneName names the zone of the pages' times: UTC, or a place, whose distance from UTC can change over the year.
func (h *handler) zoneName() string { return h.TimeZone.String() }

func (h *handler) assetURL(name string) (string, error) {
	hashed, ok := h.assets.names[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return h.link("/static/" + hashed), nil
}

// staticTypes are the types of static files, whatever the system says.
var staticTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// static answers GET /static/FILE.
func (h *handler) static(w http.ResponseWriter, r *http.Request) {
	name := chi.URLParam(r, "file")
	content, ok := h.assets.files[name]
	if !ok {
		h.fail(w, r, errNoRoute)
		return
	}
	w.Header().Set("Content-Type", staticTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content) // the client has gone, or reads it
}

// frame is what the layout of every page shows.
type frame struct {
	Title   string
	Words   *words
	Version string
	Now     time.Time
	Events  string // URL of the events by which the page is brought up to date; "" for none
	Notice  notice
}

// frame returns what the layout shows of a page that follows the events of a path of ours, "" for none.
func (h *handler) frame(title, events string) frame {
	if events != "" {
		events = h.link(events)
	}
	return frame{Title: text.OneLine(title), Words: h.words, Version: h.Version, Now: h.Now(), Events: events}
}

// render answers with a page. It is made whole before the first byte goes out, so that a fault is still a 500.
func (h *handler) render(w http.ResponseWriter, status int, name string, data any) {
	var buf bytes.Buffer
	if err := h.templates[name].ExecuteTemplate(&buf, name, data); err != nil {
		panic(err) // a fault of ours
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the client has gone, or reads it
}

// page makes a handler of a function that answers with a page, or returns why it could not.
func (h *handler) page(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		p := h.logged(r, err)
		data := struct {
			frame
			Reason string
		}{h.frame(h.words.Unavailable, ""), h.words.Unreadable}
		switch p.status {
		case http.StatusNotFound:
			data.Title, data.Reason = h.words.NotFound, h.words.NoReport
		case http.StatusServiceUnavailable, http.StatusInternalServerError:
			// the words above
		default:
			data.Title, data.Reason = h.words.BadRequest, p.reason
		}
		h.render(w, p.status, "problem.html", data)
	}
}
