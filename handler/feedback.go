package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
)

// remarked is the answer 200 to feedback.
type remarked struct {
	Status    string            `json:"status"`
	Incident  string            `json:"incident"`
	Feedback  incident.Feedback `json:"feedback"` // as it was stored
	ReportURL string            `json:"report_url"`
}

// feedback answers POST /api/v1/incidents/ID/feedback.
func (h *handler) feedback(w http.ResponseWriter, r *http.Request) {
	id, f, err := h.readFeedback(w, r)
	if err == nil {
		err = h.remark(r.Context(), id, f)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.metrics.feedback.WithLabelValues(string(f.Kind)).Inc()
	writeJSON(w, http.StatusOK, remarked{Status: "success", Incident: id, Feedback: f, ReportURL: h.reportURL(id)})
}

// remark stores feedback.
func (h *handler) remark(ctx context.Context, id string, f incident.Feedback) error {
	var refused error
	err := h.change(ctx, id, "feedback", func(inc *incident.Incident) bool { // may run more than once
		refused = inc.AddFeedback(f)
		return refused == nil
	})
	return cmp.Or(err, refused)
}

// change stores what a person wants of an incident; what names it in the error.
func (h *handler) change(ctx context.Context, id, what string, apply func(*incident.Incident) bool) error {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	err := h.Store.Update(ctx, id, apply)
	if err == nil || errors.Is(err, incident.ErrNotFound) {
		return err
	}
	return &problem{
		status: http.StatusServiceUnavailable, cause: fmt.Errorf("storing %s: %w", what, err),
		reason: what + " not stored; retry and see the alertscribe log",
	}
}

// readFeedback checks a request and reads its body.
func (h *handler) readFeedback(w http.ResponseWriter, r *http.Request) (id string, f incident.Feedback, err error) {
	if err := h.authorize(w, r); err != nil {
		return "", f, err
	}
	if err := checkType(r.Header); err != nil {
		return "", f, err
	}
	if id, err = h.incidentID(r); err != nil {
		return "", f, err
	}
	if f, err = payload.DecodeFeedback(r.Body, h.Now()); err != nil {
		return "", f, notArrived(err)
	}
	f.WithToken = h.Token != "" // which authorize has compared
	return id, f, nil
}
