package handler

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	defaultLimit = 50
	maxLimit     = 500
	maxParameter = 1024 // bytes of a parameter that filters
)

// list is the answer of GET /api/v1/incidents.
type list struct {
	Incidents []entry `json:"incidents"`
	Next      string  `json:"next"`  // "" on the last page
	Total     int     `json:"total"` // on all pages
}

// entry is an incident in a list: what it is and how it stands, without what makes it large.
type entry struct {
	ID          string            `json:"id"`
	Alertname   string            `json:"alertname"`
	Status      incident.Status   `json:"status"`
	Severity    string            `json:"severity"`
	Receiver    string            `json:"receiver"`
	GroupLabels map[string]string `json:"group_labels"`
	OpenedAt    time.Time         `json:"opened_at"`
	StartedAt   time.Time         `json:"started_at"`
	LastHeardAt time.Time         `json:"last_heard_at"`
	ResolvedAt  time.Time         `json:"resolved_at,omitzero"`
	Firing      int               `json:"alerts_firing"`
	Total       int               `json:"alerts_total"`
	Truncated   uint64            `json:"truncated_alerts"`
	Repeats     int               `json:"repeats"`
	Flaps       int               `json:"flaps"`
	Analysis    entryAnalysis     `json:"analysis"`
	Spend       incident.Spend    `json:"spend"`
	Cause       string            `json:"cause,omitempty"`        // the verdict's first
	CauseMarked bool              `json:"cause_marked,omitempty"` // by the fact check
	ReportURL   string            `json:"report_url"`
	ReportPath  string            `json:"report_path"`
}

type entryAnalysis struct {
	State  incident.State  `json:"state"`
	Reason incident.Reason `json:"reason,omitempty"`
}

// detail is the answer of GET /api/v1/incidents/ID.
type detail struct {
	*incident.Incident
	incident.Findings

	ReportURL  string `json:"report_url"`
	ReportPath string `json:"report_path"` // with the directory, where the incident's own is within it
}

// api makes a handler of a function that returns what to answer as JSON.
func (h *handler) api(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := f(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func (h *handler) listIncidents(r *http.Request) (any, error) {
	found, err := h.list(r, false)
	if err != nil {
		return nil, err
	}
	answer := list{Incidents: make([]entry, len(found.Rows)), Next: found.Next, Total: found.Total}
	for i, row := range found.Rows {
		answer.Incidents[i] = h.entry(row.Incident)
		answer.Incidents[i].Cause, answer.Incidents[i].CauseMarked = row.Cause, row.Marked
	}
	return answer, nil
}

func (h *handler) entry(inc *incident.Incident) entry {
	return entry{
		ID: inc.ID, Alertname: inc.Alertname, Status: inc.Status, Severity: inc.Severity, Receiver: inc.Receiver,
		GroupLabels: inc.GroupLabels, OpenedAt: inc.OpenedAt, StartedAt: inc.StartedAt, LastHeardAt: inc.LastHeardAt,
		ResolvedAt: inc.ResolvedAt, Firing: inc.FiringCount(), Total: inc.TotalAlerts(), Truncated: inc.Truncated,
		Repeats: inc.Repeats, Flaps: inc.Flaps, Analysis: entryAnalysis{inc.Analysis.State, inc.Analysis.Reason},
		Spend: inc.Spend, ReportURL: h.reportURL(inc.ID), ReportPath: h.Directory.Path(inc),
	}
}

func (h *handler) getIncident(r *http.Request) (any, error) {
	inc, findings, err := h.incident(r)
	if err != nil {
		return nil, err
	}
	if findings.Evidence == nil {
		findings.Evidence = []incident.Evidence{}
	}
	return detail{Incident: inc, Findings: findings, ReportURL: h.reportURL(inc.ID), ReportPath: h.Directory.Path(inc)}, nil
}

// incident reads the incident that the path names.
func (h *handler) incident(r *http.Request) (*incident.Incident, incident.Findings, error) {
	id, err := h.incidentID(r)
	if err != nil {
		return nil, incident.Findings{}, err
	}
	return h.Store.Incident(r.Context(), id)
}

// incidentID returns the id of the incident that the path names, by its whole id or the first letters of it.
func (h *handler) incidentID(r *http.Request) (string, error) {
	return h.wholeID(r.Context(), chi.URLParam(r, "id"))
}

// wholeID returns the id that begins so, whatever the case of its letters: keyboards of phones begin with a capital one.
func (h *handler) wholeID(ctx context.Context, id string) (string, error) {
	id = strings.ToLower(id)
	switch {
	case incident.ValidID(id):
		return id, nil
	case !incident.ValidIDPrefix(id):
		return "", incident.ErrNotFound
	}
	found, err := h.Store.FindID(ctx, id)
	if errors.Is(err, incident.ErrAmbiguous) {
		return "", badRequest("id", "several incidents begin with %s; send more of the ID", quote(id))
	}
	return found, err
}

// query reads the parameters of a list. An empty one is as good as none.
func (h *handler) query(v url.Values) (incident.Query, error) {
	q := incident.Query{
		Limit: defaultLimit, After: v.Get("after"), Status: incident.Status(v.Get("status")),
		Severity: v.Get("severity"), Alertname: v.Get("alertname"),
	}
	if s := v.Get("limit"); s != "" {
		limit, err := strconv.Atoi(s)
		if err != nil || limit < 1 || limit > maxLimit {
			return q, badRequest("limit", "%s is not a number from 1 to %d", quote(s), maxLimit)
		}
		q.Limit = limit
	}
	if q.Status != "" && !slices.Contains(statuses, q.Status) {
		return q, badRequest("status", "%s is not one of firing, resolved, stale", quote(string(q.Status)))
	}
	if q.Severity != "" && !slices.Contains(h.severities, q.Severity) {
		return q, badRequest("severity", "%s is not one of %s", quote(q.Severity), strings.Join(h.severities, ", "))
	}
	for name, value := range map[string]string{"after": q.After, "alertname": q.Alertname} {
		if len(value) > maxParameter || !utf8.ValidString(value) {
			return q, badRequest(name, "%s is too long, or not UTF-8", quote(value))
		}
	}
	return q, h.search(v, &q)
}

var statuses = []incident.Status{incident.Firing, incident.Resolved, incident.Stale}
