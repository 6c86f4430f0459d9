package report

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// maxURLBytes bounds a link; a longer URL would be cut by some reader on the way.
const maxURLBytes = 4096

// safeURL returns an untrusted URL in a form that any reader of Markdown takes as one destination, or "" when it is no
// absolute http or https URL. A user name or password in it is dropped.
func safeURL(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "" {
		return ""
	}
	u.User = nil
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if alphanumeric(c) || strings.IndexByte("-._~:/?#@!$&*+,=%[]", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() > maxURLBytes {
		return ""
	}
	return b.String()
}

// reportFile is the form of incident.ReportPath, in three parts. A path of any other form is not linked to.
var reportFile = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)/(\d{6}_[\p{L}\p{Nd}_-]{1,80}_([a-z2-7]{8})\.md)$`)

// toIncident links to the report of another incident by the way that leads there from where this report is read: our own
// address where it is known; else, from our page, the page beside it, whatever prefix both are under; else, from a file, the
// other file. Without any it returns the label, which is ours or escaped already.
func (p *page) toIncident(label, id, file string) string {
	if !incident.ValidID(id) {
		return label
	}
	switch parts := reportFile.FindStringSubmatch(file); {
	case p.site != "":
		return p.link(label, p.site+"/reports/"+id)
	case p.chartBase == p.inc.ID:
		return p.refer(label, id)
	case parts != nil && parts[3] == id[:8] && dayName.MatchString(path.Dir(p.inc.ReportPath)):
		return p.refer(label, "../"+parts[1]+"/"+url.PathEscape(parts[2]))
	}
	return label
}

// groupLinks returns where the group can be looked at: its alerts and a silence in Alertmanager, what its rules link to. Grafana
// has other pages, and its body brings the form for a silence of each alert.
func (p *page) groupLinks() []string {
	inc := p.inc
	line := linkLine{page: p}
	if slices.ContainsFunc(inc.Alerts, fromGrafana) {
		line.add(p.w.Grafana, pageURL(inc.ExternalURL, "/alerting/list", ""))
	} else {
		line.add(p.w.Alertmanager, alertmanagerURL(p.alertmanager(), "/alerts?filter=", inc.GroupLabels))
		line.add(p.w.Silence, silenceURL(p.alertmanager(), inc.GroupLabels))
	}
	for _, l := range []struct {
		label string
		names []string
	}{{p.w.Runbook, runbookNames}, {p.w.Dashboard, dashboardNames}, {p.w.Panel, panelNames}} {
		line.add(l.label, p.linkOf(l.names))
	}
	return line.links
}

// linkLine is links that stand beside each other. Each says which host it leads to, unless the one before it leads there as well or
// the settings name it: an address that an alert brings may lead anywhere, whatever the link is called.
type linkLine struct {
	page  *page
	links []string
	host  string // of the last one
}

// add adds a link; "" is none.
func (l *linkLine) add(label, link string) {
	if link == "" {
		return
	}
	host := hostOf(link)
	if host != l.host {
		label = l.page.withHost(label, link)
	}
	l.host = host
	l.links = append(l.links, l.page.link(label, link))
}

// withHost adds the host of a link to its label, unless the settings name that host.
func (p *page) withHost(label, link string) string {
	host := hostOf(link)
	if host == "" || p.servers.have(host) {
		return label
	}
	return fmt.Sprintf(p.w.LinkHost, label, escaped(host, titleRunes))
}

// hostOf returns the host of a URL with its port, in lower case; "" for none.
func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// have reports whether one of the servers is at a host.
func (s Servers) have(host string) bool {
	return slices.ContainsFunc(append([]string{s.Alertmanager, s.Prometheus, s.PrometheusAsked}, s.Others...), func(root string) bool {
		return hostOf(root) == host
	})
}

// alertLinks returns where one alert can be looked at, and silenced while it fires.
func (p *page) alertLinks(a incident.Alert) []string {
	line := linkLine{page: p}
	line.add(p.generator(a))
	silence := p.ownSilence(a)
	if silence == "" && !fromGrafana(a) {
		silence = silenceURL(p.alertmanager(), a.Labels)
	}
	if a.Status == incident.Firing {
		line.add(p.w.Silence, silence)
	}
	line.add(p.w.Runbook, urlOf(a, runbookNames))
	return line.links
}

// ownSilence returns the form for a silence that Grafana's body brings with an alert; "" for one on another host than the sender's own
// pages, which anybody may have put into an annotation.
func (p *page) ownSilence(a incident.Alert) string {
	link := safeURL(a.Annotations[silenceAnnotation])
	own, err := url.Parse(link)
	sender, senderErr := url.Parse(p.inc.ExternalURL)
	if link == "" || err != nil || senderErr != nil || !strings.EqualFold(own.Host, sender.Host) {
		return ""
	}
	return link
}

// fromGrafana reports whether Grafana's own alerting sent an alert: it has fields that nobody else sends, or links to its rule
// there.
func fromGrafana(a incident.Alert) bool {
	for _, name := range []string{silenceAnnotation, "valueString", "orgId"} {
		if a.Annotations[name] != "" {
			return true
		}
	}
	u, err := url.Parse(a.GeneratorURL)
	return err == nil && strings.Contains(u.Path, "/alerting/")
}

// alertmanager returns the root of Alertmanager's pages: as the settings have it, else as it says itself.
func (p *page) alertmanager() string { return cmp.Or(p.servers.Alertmanager, p.inc.ExternalURL) }

// generator returns a link to what raised the alert, and what it is called; "" where it can't be followed. The query in
// Prometheus' pages opens where the settings say that people reach Prometheus, since a server seldom knows its own address.
func (p *page) generator(a incident.Alert) (label, link string) {
	u, err := url.Parse(strings.TrimSpace(a.GeneratorURL))
	switch {
	case err != nil:
		return "", ""
	case fromGrafana(a):
		return p.w.Grafana, safeURL(a.GeneratorURL)
	case !isGraph(u):
		return p.w.Rule, safeURL(a.GeneratorURL)
	}
	root, asked := p.servers.Prometheus, p.servers.PrometheusAsked
	if p.servers.PrometheusOf != nil {
		root, asked = p.servers.PrometheusOf(a)
	}
	if root == "" && u.Hostname() == "" && (u.Scheme == "http" || u.Scheme == "https") { // http://:9090, from a server without a name
		root = asked
	}
	if root == "" {
		return p.w.Graph, safeURL(a.GeneratorURL)
	}
	return p.w.Graph, pageURL(root, u.Path[strings.LastIndex(u.Path, "/"):], u.RawQuery)
}

// notPromQL finds what other languages have outside of quotes, as Loki's rules do: a pipe, or a selector without a metric.
var notPromQL = regexp.MustCompile(`\||(?:^|[^\w:])\{`)

var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")

// isGraph reports whether a URL opens an expression in Prometheus' own pages.
func isGraph(u *url.URL) bool {
	if !strings.HasSuffix(u.Path, "/graph") && !strings.HasSuffix(u.Path, "/query") {
		return false
	}
	return !notPromQL.MatchString(quoted.ReplaceAllString(u.Query().Get("g0.expr"), `""`))
}

// silenceURL opens a form for a silence that matches the labels.
func silenceURL(externalURL string, labels map[string]string) string {
	return alertmanagerURL(externalURL, "/silences/new?filter=", labels)
}

// alertmanagerURL opens a page of Alertmanager, which stands behind a #.
func alertmanagerURL(externalURL, page string, labels map[string]string) string {
	root := pageURL(externalURL, "/", "")
	if root == "" {
		return ""
	}
	// Alertmanager's page decodes %20, not a plus.
	filter := strings.ReplaceAll(url.QueryEscape(matchers(labels)), "+", "%20")
	return root + "#" + page + filter
}

// pageURL returns the address of a page below a root, whose own query comes before that of the page; "" for a root that is none.
func pageURL(root, page, query string) string {
	base := safeURL(root)
	if base == "" || strings.Contains(base, "#") {
		return ""
	}
	base, own, _ := strings.Cut(base, "?")
	base = strings.TrimRight(base, "/") + page
	if query = strings.Trim(own+"&"+query, "&"); query != "" {
		base += "?" + query
	}
	return base
}

// matchers writes labels as Alertmanager reads matchers.
func matchers(labels map[string]string) string {
	var parts []string
	for _, name := range sortedKeys(labels) {
		shown := name
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			shown = strconv.Quote(name)
		}
		parts = append(parts, shown+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
