package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/alertscribe/alertscribe/incident"
)

// maxFeedbackBytes bounds the body: room for the longest text with every character escaped.
const maxFeedbackBytes = 16 << 10

// remarked is the answer 200 to feedback.
type remarked struct {
	Status    string            `json:"status"`
	Incident  string            `json:"incident"`
	Feedback  incident.Feedback `json:"feedback"` // as it was stored
	ReportURL string            `json:"report_url"`
}

var errNothingToConfirm = &problem{
	status: http.StatusConflict, reason: "there is no analysis to confirm yet; use correct to say what the cause is",
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
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	var refused bool
	err := h.Store.Update(ctx, id, func(inc *incident.Incident) bool { // may run more than once
		refused = f.Kind == incident.Confirm && len(inc.Analysis.Covered) == 0
		if !refused {
			inc.AddFeedback(f)
		}
		return !refused
	})
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return err
	case err != nil:
		return &problem{
			status: http.StatusServiceUnavailable, cause: fmt.Errorf("storing feedback: %w", err),
			reason: "the feedback could not be stored; send it again, and see the log of alertscribe for why",
		}
	case refused:
		return errNothingToConfirm
	}
	return nil
}

// readFeedback checks a request, whose body it reads whole.
func (h *handler) readFeedback(w http.ResponseWriter, r *http.Request) (id string, f incident.Feedback, err error) {
	if err := h.authorise(w, r); err != nil {
		return "", f, err
	}
	if err := checkType(r.Header); err != nil {
		return "", f, err
	}
	if id = chi.URLParam(r, "id"); !incident.ValidID(id) {
		return "", f, incident.ErrNotFound
	}
	body, err := readAtMost(w, r, maxFeedbackBytes, fmt.Sprintf("send less: a text has at most %d", incident.MaxFeedbackText))
	if err != nil {
		return "", f, err
	}
	f, err = decodeFeedback(body, h.Now())
	return id, f, err
}

// decodeFeedback reads feedback that arrived at now. An error is a *BadRequest that names the field.
func decodeFeedback(body []byte, now time.Time) (incident.Feedback, error) {
	f := incident.Feedback{At: now.UTC().Truncate(time.Microsecond)}
	var members fields
	if err := json.Unmarshal(body, &members); err != nil {
		return f, syntaxError(body, err, `send a JSON object such as {"kind":"correct","text":"the disk was full"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains([]string{"kind", "text", "by"}, name) {
			return f, badRequest(strings.TrimPrefix(member(name), "."), "not a key of feedback; send kind, text and by")
		}
		if !utf8.Valid(members[name]) {
			return f, badRequest(name, "not UTF-8")
		}
	}
	var kind string
	if err := members.decode("", []target{{"kind", &kind, wantString}, {"text", &f.Text, wantString}, {"by", &f.By, wantString}}); err != nil {
		return f, err
	}
	if f.Kind = incident.FeedbackKind(kind); !slices.Contains(incident.FeedbackKinds(), f.Kind) {
		return f, badRequest("kind", "%s is not one of confirm, correct", quote(kind))
	}
	f.Text, f.By = cleaned(f.Text, "\n\t"), cleaned(f.By, "")
	if err := f.Validate(); err != nil {
		field, reason, _ := strings.Cut(err.Error(), ": ")
		return f, badRequest(field, "%s", reason)
	}
	return f, nil
}

// cleaned returns what a person has written without control characters but those kept, and without space around it: it
// is shown on terminals, too.
func cleaned(s, keep string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(keep, r) {
			return -1
		}
		return r
	}, s))
}
