package report

import (
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
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Opaque != "" {
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

// alertsURL opens the group's alerts in Alertmanager; "" when externalURL is none that could be opened.
func alertsURL(inc *incident.Incident) string {
	return alertmanagerURL(inc.ExternalURL, "/#/alerts?filter=", inc.GroupLabels)
}

// silenceURL opens a form for a silence that matches the labels.
func silenceURL(externalURL string, labels map[string]string) string {
	return alertmanagerURL(externalURL, "/#/silences/new?filter=", labels)
}

func alertmanagerURL(externalURL, page string, labels map[string]string) string {
	base := safeURL(externalURL)
	if base == "" || strings.ContainsAny(base, "?#") {
		return ""
	}
	// Alertmanager's page decodes %20, not a plus.
	filter := strings.ReplaceAll(url.QueryEscape(matchers(labels)), "+", "%20")
	return strings.TrimRight(base, "/") + page + filter
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
