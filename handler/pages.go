package handler

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// reportsData is what the list of reports shows.
type reportsData struct {
	frame
	Filters     []filter
	Filtered    bool
	Chosen      []choice // what else the list is limited to
	Kept        []choice // names and values that a search keeps
	Query       string
	Clear       string // URL of the whole list
	Days        []bar
	Total       int
	Skipped     int // that are apart
	SkippedURL  string
	Rows        []row
	Setup       *setup
	First, Next string // URLs of other pages; "" where there is none
}

type filter struct {
	Name    string
	Choices []choice
}

type choice struct {
	Name, URL string
	Active    bool
}

type row struct {
	ID, URL, Name, Summary  string
	Cause                   string
	Marked                  bool
	Labels                  []choice
	Status                  incident.Status
	StatusWord              string
	Severity, SeverityClass string
	Count, CountTitle       string
	Started                 time.Time
	Lasted                  string
	Analysis                incident.State
	AnalysisWord            string
}

const (
	maxRowLabels = 6
	maxRowLabel  = 60  // characters
	maxRowText   = 160 // characters
)

// reportsPage answers GET /reports and GET /. A search for an ID, or for the address of a report, leads to the report.
func (h *handler) reportsPage(w http.ResponseWriter, r *http.Request) error {
	if id, ok := incident.IDFrom(r.URL.Query().Get("q")); ok {
		if id, err := h.wholeID(r.Context(), id); err == nil {
			h.seeReport(w, id)
			return nil
		}
	}
	found, err := h.list(r, true)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	data := reportsData{
		frame: h.frame(h.words.Reports, "/api/v1/events"), Filters: h.filters(v, &found), Chosen: h.chosen(v), Query: text.OneLine(v.Get("q")),
		Clear: h.link("/reports"), Days: h.strip(found.Days), Total: found.Total, Skipped: found.Skipped,
	}
	for _, name := range filterNames {
		for _, s := range v[name] {
			data.Filtered = data.Filtered || s != "" && name != "limit"
			if s != "" && name != "q" {
				data.Kept = append(data.Kept, choice{Name: name, URL: text.OneLine(s)})
			}
		}
	}
	if v.Get("after") != "" {
		data.First = h.listURL(v, "after", "")
	}
	if found.Next != "" {
		data.Next = h.listURL(v, "after", found.Next)
	}
	if found.Skipped > 0 {
		data.SkippedURL = h.listURL(v, "skipped", "only")
	}
	for _, inc := range found.Rows {
		data.Rows = append(data.Rows, h.row(inc, v))
	}
	if !data.Filtered && len(data.Rows) == 0 && found.Skipped == 0 {
		data.Setup = h.setup(r)
	}
	h.render(w, http.StatusOK, "reports.html", data)
	return nil
}

func (h *handler) seeReport(w http.ResponseWriter, id string) {
	w.Header().Set("Location", h.reportURL(id))
	w.WriteHeader(http.StatusSeeOther)
}

func (h *handler) row(listed incident.ListRow, v url.Values) row {
	inc := listed.Incident
	firing := inc.Firing()
	shown := firing
	if len(firing) == 0 {
		shown = inc.Alerts
	}
	r := row{
		ID: inc.ID, Cause: text.Cut(text.OneLine(listed.Cause), maxRowText), Marked: listed.Marked,
		URL: h.reportURL(inc.ID), Name: h.name(inc), Status: inc.Status, StatusWord: h.words.Statuses[inc.Status],
		Severity: text.OneLine(h.severity(inc)), SeverityClass: severityClass(inc.Severity), Count: fmt.Sprint(len(shown)),
		CountTitle: fmt.Sprintf(h.words.Counts, len(firing), inc.TotalAlerts()), Started: began(inc), Lasted: h.lasted(inc),
		Analysis: inc.Analysis.State, AnalysisWord: cmp.Or(h.words.Reasons[inc.Analysis.Reason], h.words.States[inc.Analysis.State]),
	}
	if inc.Truncated > 0 {
		r.Count += "+"
	}
	if len(shown) > 0 {
		a := shown[0].Annotations
		r.Summary = text.Cut(text.OneLine(cmp.Or(a["summary"], a["message"], a["description"])), maxRowText)
	}
	for _, name := range slices.Sorted(maps.Keys(inc.GroupLabels)) {
		if name != "alertname" && name != "severity" && len(r.Labels) < maxRowLabels {
			r.Labels = append(r.Labels, choice{
				Name: text.Cut(text.OneLine(name+"="+inc.GroupLabels[name]), maxRowLabel), URL: h.withMatch(v, name, inc.GroupLabels[name]),
			})
		}
	}
	return r
}

func (h *handler) name(inc *incident.Incident) string {
	return cmp.Or(text.Cut(text.OneLine(inc.Alertname), maxRowText), h.words.Unnamed)
}

// severity returns how bad the alerts say that it is; what that counts as stands beside it where it is another word.
func (h *handler) severity(inc *incident.Incident) string {
	said, known := inc.SaidSeverity()
	switch {
	case known || inc.Severity == "":
		return inc.Severity
	case said == "":
		return fmt.Sprintf(h.words.NoSeverity, inc.Severity)
	}
	return fmt.Sprintf(h.words.SeverityOurs, text.Cut(text.OneLine(said), maxRowLabel), inc.Severity)
}

func severityClass(severity string) string {
	switch severity {
	case "critical", "page", "error":
		return "high"
	case "warning":
		return "middle"
	case "info":
		return "low"
	}
	return "other"
}

func began(inc *incident.Incident) time.Time {
	if inc.StartedAt.IsZero() {
		return inc.OpenedAt
	}
	return inc.StartedAt
}

// lasted returns how long the incident has lasted, or did: in its two largest units.
func (h *handler) lasted(inc *incident.Incident) string {
	end := h.Now()
	switch {
	case !inc.ResolvedAt.IsZero():
		end = inc.ResolvedAt
	case inc.Status == incident.Stale:
		end = inc.LastHeardAt
	}
	d := max(end.Sub(began(inc)), 0)
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, h.words.Day}, {time.Hour, h.words.Hour}, {time.Minute, h.words.Minute}, {time.Second, h.words.Second}}
	for i, unit := range units[:len(units)-1] {
		if d < unit.size {
			continue
		}
		lasted := fmt.Sprint(int(d/unit.size), unit.name)
		if rest := d % unit.size / units[i+1].size; rest > 0 {
			lasted += fmt.Sprint(" ", int(rest), units[i+1].name)
		}
		return lasted
	}
	return fmt.Sprint(int(d/time.Second), h.words.Second)
}

// reportData is what the page of one report shows.
type reportData struct {
	frame
	Revision                              int64
	Steps                                 []step
	Acts                                  acts
	By                                    string // who is asking, where the server knows
	Comment                               string // of a silence
	Markdown, JSON, SameName, Predecessor string // URLs
	Progress                              string // what is still to come; "" when nothing is
	Body                                  template.HTML
}

// reportPage answers GET /reports/ID, from the database alone.
func (h *handler) reportPage(w http.ResponseWriter, r *http.Request) error {
	inc, findings, err := h.incident(r)
	if err != nil {
		return err
	}
	body, err := h.Report.HTML(h.Report.Markdown(inc, findings, inc.ID)) // sanitized
	if err != nil {
		return err
	}
	page := &article{words: h.words, reports: h.link("/reports/"), revision: inc.Revision, evidence: map[string]incident.Evidence{}}
	if h.TimeZone == time.UTC {
		page.day = inc.StartedAt.UTC().Format(time.DateOnly)
	}
	for _, e := range findings.Evidence {
		page.evidence[e.ID] = e
	}
	if body, err = page.render(body); err != nil {
		return err
	}
	data := reportData{
		frame: h.frame(h.name(inc), "/api/v1/events?id="+inc.ID), Markdown: h.reportURL(inc.ID) + ".md", JSON: h.link("/api/v1/incidents/" + inc.ID),
		Progress: h.progress(inc), Steps: h.steps(inc), Acts: h.acts(w, r, inc, findings), Revision: inc.Revision,
		Comment: "alertscribe: " + h.name(inc) + ", " + inc.ID,
		Body:    template.HTML(body), //nolint:gosec // a tree of sanitized HTML, rendered
	}
	data.Notice = h.notice(r, inc)
	data.By, _, _ = r.BasicAuth()
	if inc.Alertname != "" {
		data.SameName = h.listURL(url.Values{}, "alertname", inc.Alertname)
	}
	if incident.ValidID(inc.Predecessor) {
		data.Predecessor = h.reportURL(inc.Predecessor)
	}
	h.render(w, http.StatusOK, "report.html", data)
	return nil
}

// progress says what is still to come; "" when nothing is.
func (h *handler) progress(inc *incident.Incident) string {
	switch {
	case collecting(inc):
		return h.words.Collecting
	case inc.Analysis.Verifying():
		return h.words.Verifying
	case inc.Analysis.State == incident.Pending && inc.Analysis.Attempts == 0:
		return h.words.Writing
	}
	return "" // the report itself says that it is tried again
}

// wordOf words a duration of whole units in the largest of them.
func (h *handler) wordOf(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprint(int(d/(24*time.Hour)), h.words.Day)
	}
	return fmt.Sprint(int(d/time.Hour), h.words.Hour)
}

// reportMarkdown answers GET /reports/ID.md.
func (h *handler) reportMarkdown(w http.ResponseWriter, r *http.Request) error {
	inc, findings, err := h.incident(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
	_, _ = w.Write(h.Report.Markdown(inc, findings, inc.ID)) // the client has gone, or reads it
	return nil
}

// chartSecurityPolicy is for a chart that is opened as a page of its own: it has its own style, and nothing else.
const chartSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

var chartFile = regexp.MustCompile(`^E[1-9][0-9]{0,3}\.(?:svg|json)$`)

// reportChart answers GET /reports/ID/E2.svg, and /reports/ID/E2.json with the values that are drawn.
func (h *handler) reportChart(w http.ResponseWriter, r *http.Request) error {
	file := chi.URLParam(r, "file")
	if !chartFile.MatchString(file) {
		return incident.ErrNotFound
	}
	_, findings, err := h.incident(r)
	if err != nil {
		return err
	}
	if name, isPlot := strings.CutSuffix(file, ".json"); isPlot {
		data, ok := h.Report.Plot(findings, name+".svg")
		if !ok {
			return incident.ErrNotFound
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data) // the client has gone, or reads it
		return nil
	}
	svg, ok := h.Report.Chart(findings, file)
	if !ok {
		return incident.ErrNotFound
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", chartSecurityPolicy)
	_, _ = w.Write(svg) // the client has gone, or reads it
	return nil
}
