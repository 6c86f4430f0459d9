package handler

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	// acceptTimeout bounds a request whose storing hangs. Alertmanager's own patience is group_interval; it retries.
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

// analysed is the answer 200 to a request with ?wait=.
type analysed struct {
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
			writeJSON(w, http.StatusOK, analysed{
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
	n, wait, err := h.read(w, r)
	if err == nil {
		receipt, err = h.accept(r.Context(), n)
	}
	if err != nil {
		outcome = asProblem(err).outcome
		return receipt, 0, err
	}
	outcome = string(receipt.Outcome)
	h.metrics.accept.Observe(h.Now().Sub(start).Seconds())
	return receipt, wait, nil
}

func (h *handler) accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	receipt, err := h.Store.Accept(ctx, n)
	if err != nil {
		err = &problem{
			status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: err,
			reason: "the notification could not be stored; send it again (Alertmanager does), and see the log of alertscribe for why",
		}
	}
	return receipt, err
}

// read checks a request before anything is stored and reads its body whole.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (*incident.Notification, time.Duration, error) {
	if err := h.authorise(w, r); err != nil {
		return nil, 0, err
	}
	if err := checkType(r.Header); err != nil {
		return nil, 0, err
	}
	wait, err := waitParameter(r)
	if err != nil {
		return nil, 0, err
	}
	const wayOut = "raise web.max_body_bytes, or set max_alerts on the webhook in Alertmanager"
	body, err := readAtMost(w, r, h.MaxBodyBytes, wayOut)
	if err != nil {
		return nil, 0, err
	}
	n, err := Decode(body, h.Now().UTC())
	return n, wait, err
}

// authorise checks the bearer token, and that no web page of another site made a browser send the request.
func (h *handler) authorise(w http.ResponseWriter, r *http.Request) error {
	if h.Token != "" {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if subtle.ConstantTimeCompare(sum[:], h.tokenSum[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="alertscribe"`)
			return &problem{
				status: http.StatusUnauthorized, outcome: outcomeUnauthorized,
				reason: "the bearer token is missing or wrong; send the value of ALERTSCRIBE_WEBHOOK_TOKEN (http_config.authorization.credentials in Alertmanager)",
			}
		}
	}
	if err := h.crossOrigin.Check(r); err != nil {
		return &problem{status: http.StatusForbidden, outcome: outcomeUnauthorized, reason: "a web page of another site may not send anything here"}
	}
	return nil
}

// checkType wants JSON. A request that names no type is taken for it.
func checkType(header http.Header) error {
	unsupported := func(format string, args ...any) error {
		return &problem{status: http.StatusUnsupportedMediaType, outcome: outcomeUnsupportedType, reason: fmt.Sprintf(format, args...)}
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("Content-Encoding: %s is not supported; send the body as it is", quote(encoding))
	}
	given := header.Get("Content-Type")
	if given == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(given)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) ||
		mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
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

// readAtMost reads at most so many bytes; wayOut says what to do about more. A body that does not arrive is no fault of what
// was sent: 503 has it sent again.
func readAtMost(w http.ResponseWriter, r *http.Request, most int64, wayOut string) ([]byte, error) {
	const usual = 64 << 10 // a Content-Length is only a promise
	buf := bytes.NewBuffer(make([]byte, 0, bytes.MinRead+max(0, min(r.ContentLength, usual))))
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge, outcome: outcomeTooLarge,
			reason: fmt.Sprintf("body: over %d bytes; %s", tooLarge.Limit, wayOut),
		}
	}
	if err != nil {
		return nil, &problem{
			status: http.StatusServiceUnavailable, outcome: outcomeFailed, cause: fmt.Errorf("reading the body: %w", err),
			reason: "the body did not arrive in time; send it again",
		}
	}
	return buf.Bytes(), nil
}
