package handler

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
)

const (
	// acceptTimeout bounds the wait for a turn, then the arrival of the body, then the storing. Alertmanager's own patience is
	// group_interval; it retries.
	acceptTimeout = 10 * time.Second
	minWait       = time.Second
	maxWait       = 10 * time.Minute
)

// accepted is the answer 202. A notification that belongs to no incident has neither id nor URL: both are null.
type accepted struct {
	Status    string  `json:"status"`
	Incident  *string `json:"incident"`
	ReportURL *string `json:"report_url"`
}

// analyzed is the answer 200 to a request with ?wait=.
type analyzed struct {
	Status         string          `json:"status"`
	Analysis       string          `json:"analysis"` // the report's Markdown
	AnalysisState  incident.State  `json:"analysis_state"`
	AnalysisReason incident.Reason `json:"analysis_reason,omitempty"`
	ReportPath     string          `json:"report_path"`
	ReportURL      string          `json:"report_url"`
	Incident       string          `json:"incident"`
}

// alert answers POST /alert.
func (h *handler) alert(w http.ResponseWriter, r *http.Request) {
	receipt, wait, err := h.receive(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer := accepted{Status: "accepted"}
	if id := receipt.IncidentID; id != "" {
		if inc, findings, ok := h.await(w, r, id, wait); ok {
			writeJSON(w, http.StatusOK, analyzed{
				Status: "success", Analysis: string(h.Report.Markdown(inc, findings, inc.ID)),
				AnalysisState: inc.Analysis.State, AnalysisReason: inc.Analysis.Reason,
				ReportPath: h.Directory.Path(inc), ReportURL: h.reportURL(id), Incident: id,
			})
			return
		}
		answer.Incident, answer.ReportURL = &id, new(h.reportURL(id))
	}
	writeJSON(w, http.StatusAccepted, answer)
}

// receive checks, reads and stores a notification, and counts what it came to.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) (receipt incident.Receipt, wait time.Duration, err error) {
	start := h.Now()
	outcome := outcomeFailed // when something below panics
	defer func() { h.metrics.notifications.WithLabelValues(outcome).Inc() }()
	wait, err = h.admit(w, r)
	if err == nil {
		receipt, err = h.take(w, r)
	}
	if err != nil {
		outcome = asProblem(err).outcome
		return receipt, 0, err
	}
	outcome = string(receipt.Outcome)
	h.metrics.accept.Observe(h.Now().Sub(start).Seconds())
	return receipt, wait, nil
}

// take reads, decodes and stores a notification in its turn.
func (h *handler) take(w http.ResponseWriter, r *http.Request) (incident.Receipt, error) {
	done, err := h.turns.wait(r.Context(), r.ContentLength)
	if err != nil {
		return incident.Receipt{}, err
	}
	defer done()
	// A sender that stalls must not keep its turn. The server sets the deadline anew for the next request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(acceptTimeout))
	n, err := payload.Decode(r.Body, h.Now().UTC(), payload.Options{MaxBytes: h.MaxBodyBytes, MaxAlerts: h.MaxAlerts, Size: r.ContentLength})
	if err != nil {
		return incident.Receipt{}, notArrived(err)
	}
	if set := charset(r.Header); set != "" && !utf8.Valid(n.Body) { // its words would be stored as so many question marks
		return incident.Receipt{}, unsupported("Content-Type: charset %s is not supported; send UTF-8", quote(set))
	}
	return h.accept(r.Context(), n)
}

// outage is an error of a store that says why it takes no notifications, in words for strangers.
type outage interface {
	error
	Reason() string
}

func (h *handler) accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	receipt, err := h.Store.Accept(ctx, n)
	if err != nil {
		p := &problem{
			status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: err,
			reason: "notification not stored; retry (Alertmanager does) and see the alertscribe log",
		}
		if o, ok := errors.AsType[outage](err); ok { // the store logs it once
			p.reason, p.cause = "notification not stored, "+o.Reason()+"; retry (Alertmanager does)", nil
		}
		err = p
	}
	return receipt, err
}

// admit checks a request before its body is read.
func (h *handler) admit(w http.ResponseWriter, r *http.Request) (wait time.Duration, err error) {
	if err := h.authorize(w, r); err != nil {
		return 0, err
	}
	if err := checkType(r.Header); err != nil {
		return 0, err
	}
	return waitParameter(r)
}

// authorize checks the bearer token, and that no web page of another site made a browser send the request.
func (h *handler) authorize(w http.ResponseWriter, r *http.Request) error {
	if h.Token != "" {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if subtle.ConstantTimeCompare(sum[:], h.tokenSum[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="alertscribe"`)
			return &problem{
				status: http.StatusUnauthorized, outcome: outcomeUnauthorized,
				reason: "missing or wrong bearer token; send the value of ALERTSCRIBE_WEBHOOK_TOKEN (http_config.authorization.credentials in Alertmanager)",
			}
		}
	}
	if err := h.crossOrigin.Check(r); err != nil {
		return &problem{status: http.StatusForbidden, outcome: outcomeUnauthorized, reason: "cross-origin requests are not allowed"}
	}
	return nil
}

func unsupported(format string, args ...any) error {
	return &problem{status: http.StatusUnsupportedMediaType, outcome: outcomeUnsupportedType, reason: fmt.Sprintf(format, args...)}
}

// charset returns the character set that a request names, if it is another one than UTF-8.
func charset(header http.Header) string {
	_, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if set := params["charset"]; !strings.EqualFold(strings.ReplaceAll(set, "-", ""), "utf8") {
		return set
	}
	return ""
}

// checkType wants JSON. A request that names no type is taken for it.
func checkType(header http.Header) error {
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("Content-Encoding: %s is not supported; send the body as it is", quote(encoding))
	}
	given := header.Get("Content-Type")
	if given == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(given)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) ||
		mediaType != "application/json" && mediaType != "text/json" && !strings.HasSuffix(mediaType, "+json") {
		return unsupported("Content-Type: %s is not JSON; add -H 'Content-Type: application/json'", quote(given))
	}
	return nil
}

func waitParameter(r *http.Request) (time.Duration, error) {
	query := r.URL.Query()
	if !query.Has("wait") {
		return 0, nil
	}
	wait, err := time.ParseDuration(query.Get("wait"))
	if err != nil || wait < minWait || wait > maxWait {
		return 0, badRequest("wait", "%s is not a duration from 1s to 10m; send one such as 60s", quote(query.Get("wait")))
	}
	return wait, nil
}

// notArrived says that a body could not be read to its end, where that is what the error says. It is no fault of what was
// sent: 503 has it sent again.
func notArrived(err error) error {
	if _, ok := errors.AsType[*payload.Error](err); ok {
		return err
	}
	return &problem{
		status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: err, reason: "the body did not arrive in time; retry",
	}
}
