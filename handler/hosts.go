package handler

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/alertscribe/alertscribe/text"
)

// Hosts are the names by which a service is reached.
type Hosts struct {
	Names       []string     // without ports
	RoutePrefix string       // all routes are under it
	Logger      *slog.Logger // default silent
}

// Only answers 421 to what asks for a name that is not ours. A page on a foreign name that its owner lets lead to our address (DNS
// rebinding) is one of our own pages to a browser: it could read reports and give feedback.
//
// Other names that pass are those that no stranger can own: addresses, localhost, names without a dot, and those below .localhost,
// .local, .internal, and .svc. So does what no browser sends, a POST that does not say which page it comes from, since Alertmanager
// may know us by any name; and what tells nothing of an incident: /-/healthy, /-/ready, and /metrics.
func (o Hosts) Only(next http.Handler) http.Handler {
	var names []string
	for _, name := range o.Names {
		names = append(names, hostName(name))
	}
	told := rejectedHosts{log: o.Logger}
	if told.log == nil {
		told.log = slog.New(slog.DiscardHandler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostName(r.Host)
		fromPage := r.Method != http.MethodPost || r.Header.Get("Origin") != ""
		open := []string{o.RoutePrefix + "/-/healthy", o.RoutePrefix + "/-/ready", o.RoutePrefix + "/metrics"}
		if slices.Contains(names, name) || isOwnName(name) || !fromPage || slices.Contains(open, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		told.tell(name)
		reason := fmt.Sprintf("%s is not a name of this service; use that of --web.external-url, or add it to web.hosts", quote(name))
		writeJSON(w, http.StatusMisdirectedRequest, map[string]string{"status": "failed", "reason": reason})
	})
}

// hostName returns the name in a Host header: without its port, brackets, and final dot, in lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// ownZones end names that are given out within a machine, a network, or a cluster alone (RFC 6761, RFC 6762, ICANN's .internal, and
// Kubernetes).
var ownZones = []string{".localhost", ".local", ".internal", ".svc"}

// isOwnName reports whether no stranger can own a name. What has no name at all is no browser.
func isOwnName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return !strings.Contains(name, ".") || slices.ContainsFunc(ownZones, func(zone string) bool { return strings.HasSuffix(name, zone) })
}

// maxRejectedHosts is how many names are logged: enough to find one's own, and no way to fill the log.
const maxRejectedHosts = 20

// rejectedHosts logs each name once.
type rejectedHosts struct {
	log   *slog.Logger
	mu    sync.Mutex
	names map[string]bool
}

func (h *rejectedHosts) tell(name string) {
	name = text.Cut(text.OneLine(name), maxQuoted)
	h.mu.Lock()
	again := h.names[name] || len(h.names) == maxRejectedHosts
	if !again {
		if h.names == nil {
			h.names = map[string]bool{}
		}
		h.names[name] = true
	}
	h.mu.Unlock()
	if !again {
		h.log.Warn("Requests for a foreign host rejected; if it is a name of this service, add it to web.hosts", "host", name)
	}
}
