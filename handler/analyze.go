package handler

import (
	"context"
	"net/http"

	"github.com/alertscribe/alertscribe/incident"
)

// asked is the answer 202 to a person who wants another analysis.
type asked struct {
	Status    string `json:"status"`
	Incident  string `json:"incident"`
	ReportURL string `json:"report_url"`
}

// analyzeAgain answers POST /api/v1/incidents/ID/analyze: another look at everything, and another analysis of it. What the
// body holds is not looked at.
func (h *handler) analyzeAgain(w http.ResponseWriter, r *http.Request) {
	id, err := h.requestAnalysis(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusAccepted, asked{Status: "accepted", Incident: id, ReportURL: h.reportURL(id)})
}

func (h *handler) requestAnalysis(w http.ResponseWriter, r *http.Request) (id string, err error) {
	if err := h.authorize(w, r); err != nil {
		return "", err
	}
	if id, err = h.incidentID(r); err != nil {
		return "", err
	}
	return id, h.storeAsked(r.Context(), id)
}

// storeAsked stores that somebody asks for another analysis.
func (h *handler) storeAsked(ctx context.Context, id string) error {
	return h.change(ctx, id, "request", func(inc *incident.Incident) bool {
		inc.AnalyzeAgain(h.Policy, h.Now())
		return true
	})
}
