package handler

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const maxMatch = 20 // parameters match of a query

// filterNames are the parameters that select incidents, as the list's links keep them.
var filterNames = []string{"q", "status", "severity", "alertname", "match", "fingerprint", "group_key", "skipped", "limit"}

// search reads the parameters of a list that select by more than columns.
func (h *handler) search(v url.Values, q *incident.Query) error {
	q.Text, q.Fingerprint, q.GroupKey = v.Get("q"), v.Get("fingerprint"), v.Get("group_key")
	for name, value := range map[string]string{"q": q.Text, "fingerprint": q.Fingerprint, "group_key": q.GroupKey} {
		if len(value) > maxParameter || !utf8.ValidString(value) {
			return badRequest(name, "%s is too long, or not UTF-8", quote(value))
		}
	}
	if len(v["match"]) > maxMatch {
		return badRequest("match", "%d given; at most %d allowed", len(v["match"]), maxMatch)
	}
	for _, s := range v["match"] {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if len(s) > maxParameter || !utf8.ValidString(s) {
			return badRequest("match", "%s is too long, or not UTF-8", quote(s))
		}
		parsed, err := labels.ParseMatchers(s)
		if err != nil {
			return badRequest("match", `%s is not a matcher such as namespace="shop": %s`, quote(s), text.Cut(text.OneLine(err.Error()), maxLine))
		}
		q.Match = append(q.Match, parsed...)
	}
	switch skipped := v.Get("skipped"); skipped {
	case "", "only":
		q.OnlySkipped = skipped == "only"
	default:
		return badRequest("skipped", "%s is not only", quote(skipped))
	}
	return nil
}

// list reads the page of incidents that the query asks for.
func (h *handler) list(r *http.Request, hideSkipped bool) (incident.List, error) {
	q, err := h.query(r.URL.Query())
	if err != nil {
		return incident.List{}, err
	}
	// Who looks for something finds what is skipped, too.
	q.HideSkipped = hideSkipped && !q.OnlySkipped && q.Text+q.Alertname+q.Fingerprint+q.GroupKey == "" && len(q.Match) == 0
	found, err := h.Store.List(r.Context(), q)
	return found, listProblem(err, q)
}

func listProblem(err error, q incident.Query) error {
	switch {
	case errors.Is(err, incident.ErrCursor):
		return badRequest("after", "%s is not a cursor; send the previous page's next, or omit it", quote(q.After))
	case errors.Is(err, incident.ErrTooManyValues):
		return badRequest("match", "%s", err)
	}
	return err
}

// goPage answers GET /go: a redirect to the report of the newest incident of an alert name that has all labels that are given, for
// links in messages that know labels alone.
func (h *handler) goPage(w http.ResponseWriter, r *http.Request) error {
	var q incident.Query
	v := r.URL.Query()
	if len(v) == 0 || len(v) > maxMatch {
		return badRequest("alertname", "give an alert name, labels, or both, at most %d", maxMatch)
	}
	for name, values := range v {
		for _, value := range values {
			m, err := labels.NewMatcher(labels.MatchEqual, name, value)
			if err != nil || len(value) > maxParameter || !utf8.ValidString(name+value) {
				return badRequest(text.Cut(text.OneLine(name), maxQuoted), "%s is too long, or not UTF-8", quote(value))
			}
			q.Match = append(q.Match, m)
		}
	}
	id, err := h.Store.Newest(r.Context(), q)
	if err != nil {
		return listProblem(err, q)
	}
	h.seeReport(w, id)
	return nil
}

// counted is a choice of a filter with what it would select.
func counted(name string, n int) string { return fmt.Sprintf("%s %d", name, n) }

func (h *handler) filters(v url.Values, l *incident.List) []filter {
	all := func(counts int) string { return counted(h.words.All, counts) }
	statusSum, severitySum := 0, 0
	for _, n := range l.ByStatus {
		statusSum += n
	}
	for _, n := range l.BySeverity {
		severitySum += n
	}
	status := filter{h.words.Status, []choice{{all(statusSum), h.listURL(v, "status", ""), v.Get("status") == ""}}}
	for _, s := range statuses {
		status.Choices = append(status.Choices, choice{counted(h.words.Statuses[s], l.ByStatus[s]), h.listURL(v, "status", string(s)), v.Get("status") == string(s)})
	}
	severity := filter{h.words.Severity, []choice{{all(severitySum), h.listURL(v, "severity", ""), v.Get("severity") == ""}}}
	for _, s := range h.severities {
		severity.Choices = append(severity.Choices, choice{counted(s, l.BySeverity[s]), h.listURL(v, "severity", s), v.Get("severity") == s})
	}
	return []filter{status, severity}
}

// chosen returns what the list is limited to besides status and severity, each with the URL of the list without it.
func (h *handler) chosen(v url.Values) []choice {
	var out []choice
	for _, name := range []string{"alertname", "fingerprint", "group_key"} {
		if s := v.Get(name); s != "" {
			out = append(out, choice{Name: name + `="` + text.Cut(text.OneLine(s), maxRowLabel) + `"`, URL: h.listURL(v, name, "")})
		}
	}
	for i, s := range v["match"] {
		rest := maps.Clone(v)
		rest["match"] = slices.Delete(slices.Clone(v["match"]), i, i+1)
		out = append(out, choice{Name: text.Cut(text.OneLine(s), maxRowLabel), URL: h.listURL(rest, "", "")})
	}
	if v.Get("skipped") != "" {
		out = append(out, choice{Name: h.words.Reasons[incident.Skipped], URL: h.listURL(v, "skipped", "")})
	}
	return out
}

// listURL returns the URL of the list with one parameter changed. Any but the cursor leads to the first page.
func (h *handler) listURL(v url.Values, name, value string) string {
	changed := url.Values{}
	for _, keep := range filterNames {
		if keep == name {
			continue
		}
		for _, s := range v[keep] {
			if s != "" {
				changed.Add(keep, s)
			}
		}
	}
	if value != "" {
		changed.Set(name, value)
	}
	target := h.link("/reports")
	if len(changed) > 0 {
		target += "?" + changed.Encode()
	}
	return target
}

// withMatch returns the URL of the list limited to a label too.
func (h *handler) withMatch(v url.Values, name, value string) string {
	more := maps.Clone(v)
	m, err := labels.NewMatcher(labels.MatchEqual, name, value)
	if err != nil {
		return ""
	}
	if !slices.Contains(v["match"], m.String()) {
		more["match"] = append(slices.Clone(v["match"]), m.String())
	}
	return h.listURL(more, "", "")
}

// bar is a day in the strip over the list.
type bar struct {
	X, Y, Height float64
	Title        string
}

const (
	stripHeight = 36.0
	barWidth    = 10.0
)

// strip draws how many incidents were opened on each day; nil when there were none.
func (h *handler) strip(days []incident.Day) []bar {
	most := 0
	for _, d := range days {
		most = max(most, d.Count)
	}
	if most == 0 {
		return nil
	}
	bars := make([]bar, len(days))
	for i, d := range days {
		height := 0.0
		if d.Count > 0 {
			height = max(2, stripHeight*float64(d.Count)/float64(most))
		}
		bars[i] = bar{float64(i) * barWidth, stripHeight - height, height, fmt.Sprintf("%s: %d", d.Start.Format(time.DateOnly), d.Count)}
	}
	return bars
}

// setup is what the list says while there is no incident: how the first one comes.
type setup struct {
	URL, Token string
	Curl       string
}

// setup writes the address of the webhook as this browser reaches it.
func (h *handler) setup(r *http.Request) *setup {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host := r.Host
	if !plainHost(host) {
		host = "alertscribe:5008"
	}
	s := &setup{URL: scheme + "://" + host + h.link("/alert")}
	authorization := ""
	if h.Token != "" {
		s.Token = "$ALERTSCRIBE_WEBHOOK_TOKEN"
		authorization = ` -H "Authorization: Bearer ` + s.Token + `"`
	}
	s.Curl = "curl -H 'Content-Type: application/json'" + authorization + " " + s.URL + " -d '" +
		`{"version":"4","receiver":"alertscribe","status":"firing","groupKey":"{}:{alertname=\"TryMe\"}","groupLabels":{"alertname":"TryMe"},` +
		`"alerts":[{"status":"firing","labels":{"alertname":"TryMe","severity":"info"},"annotations":{"summary":"A first alert by hand"}}]}'`
	return s
}

// plainHost reports whether a host can stand in YAML and in a shell as it is.
func plainHost(host string) bool {
	return cmp.Or(strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_"), "") == "" && host != ""
}
