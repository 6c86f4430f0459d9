package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// healthTimeout bounds each check: an answer that comes later is as bad as none.
const healthTimeout = 2 * time.Second

type healthAnswer struct {
	Status    string    `json:"status"`
	Timestamp time.Time `json:"timestamp"`
	Services  services  `json:"services"`
}

type services struct {
	Model             string          `json:"model"`
	DeepSeek          string          `json:"deepseek"` // the same, whichever the model is: for those who asked for this key
	Prometheus        string          `json:"prometheus"`
	Alertmanager      string          `json:"alertmanager"`
	ModelAnswers      modelAnswers    `json:"model_answers"`
	ReportDir         string          `json:"report_dir"`
	ReportDirWritable bool            `json:"report_dir_writable"`
	ReportDirError    string          `json:"report_dir_error,omitempty"`
	Store             string          `json:"store"`
	Queue             *incident.Queue `json:"queue"` // null when it could not be read
	// Channels says how each notification channel is: "ok", or what went wrong.
	Channels map[string]string `json:"channels,omitempty"`
}

// modelAnswers counts the model's answers since the start. One that can't be read is paid for all the same.
type modelAnswers struct {
	Read       int64 `json:"read"`
	Unreadable int64 `json:"unreadable"`
}

// health answers GET /health. Only what keeps us from taking notifications or writing reports makes us unhealthy: a
// restart cures no model.
func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	dir := make(chan error, 1)
	go func() { dir <- h.checkDirectory(ctx) }()
	model := h.Analyzer.Status()
	s := services{Model: model, DeepSeek: model, Prometheus: h.server("prometheus"), Alertmanager: h.server("alertmanager"), ReportDir: h.ReportDir, Store: "ready"}
	s.ModelAnswers.Read, s.ModelAnswers.Unreadable = h.Analyzer.Answers()
	if h.Channels != nil {
		s.Channels = h.Channels()
	}
	status, code := "healthy", http.StatusOK
	if err := h.Store.Ping(ctx); err != nil {
		s.Store = "failing: " + text.Cut(text.OneLine(err.Error()), maxLine)
		status, code = "unhealthy", http.StatusServiceUnavailable
	}
	if queue, err := h.Store.Queue(ctx); err == nil {
		s.Queue = &queue
	}
	if err := <-dir; err != nil {
		s.ReportDirError = text.Cut(text.OneLine(err.Error()), maxLine)
		status, code = "unhealthy", http.StatusServiceUnavailable
	} else {
		s.ReportDirWritable = true
	}
	writeJSON(w, code, healthAnswer{Status: status, Timestamp: h.Now().UTC(), Services: s})
}

func (h *handler) server(name string) string { return text.Cut(text.OneLine(h.Servers(name)), maxLine) }

// checkDirectory gives up with ctx on a file system that hangs. It starts no second check while one hangs.
func (h *handler) checkDirectory(ctx context.Context) error {
	errHangs := errors.New("file system not responding")
	select {
	case h.dirChecks <- struct{}{}:
	case <-ctx.Done():
		return errHangs
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-h.dirChecks }()
		defer func() {
			if p := recover(); p != nil { // here it would end the process
				done <- fmt.Errorf("checking the report directory panicked: %v", p)
			}
		}()
		done <- h.Directory.Check()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errHangs
	}
}

func (h *handler) healthy(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "alertscribe is Healthy.\n")
}

// ready says whether notifications can be taken.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	if err := h.Store.Ping(ctx); err != nil {
		writeText(w, http.StatusServiceUnavailable, "alertscribe is not Ready: the database can't be written, see /health.\n")
		return
	}
	writeText(w, http.StatusOK, "alertscribe is Ready.\n")
}

func writeText(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client has gone, or reads it
}
