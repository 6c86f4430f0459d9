package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
	"github.com/alertscribe/alertscribe/text"
)

// What a form of a report's page can do. It is the last part of the form's path, and the parameter that its notice goes by.
const (
	actFeedback = "feedback"
	actAnalyze  = "analyze"
	actSilence  = "silence"
	actSignIn   = "session"
)

// acts is what a report's page offers to do.
type acts struct {
	Base      string // of the forms' paths, with a slash
	Token     string // of forms
	SignIn    bool   // nothing else is offered before that
	Confirm   bool   // there is an analysis that can be right
	Silence   bool   // by Alertmanager's API
	SilenceAt string // else: Alertmanager's own form, "" when its address is not known
	Matchers  string // of the silence, one on a line
	Durations []duration
}

type duration struct{ Value, Name string }

func (h *handler) acts(w http.ResponseWriter, r *http.Request, inc *incident.Incident, f incident.Findings) acts {
	a := acts{
		Base: h.reportURL(inc.ID) + "/", Token: h.formToken(w, r), SignIn: !h.signedIn(r), Confirm: f.Verdict != nil,
		Silence: h.Silencer != nil,
	}
	if inc.Status == incident.Resolved {
		a.Silence = false
		return a
	}
	set := silenced(inc)
	if !a.Silence {
		a.SilenceAt = h.alertmanagerPage(inc, "/#/silences/new?filter="+pathEscape("{"+strings.Join(set, ",")+"}"))
		return a
	}
	a.Matchers = strings.Join(set, "\n")
	for _, d := range silenceTimes {
		a.Durations = append(a.Durations, duration{d.String(), h.wordOf(d)})
	}
	return a
}

var silenceTimes = []time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// silenced returns the matchers that a silence of the incident has unless somebody changes them: the labels of its group, or else
// those that all its alerts have.
func silenced(inc *incident.Incident) []string {
	set := inc.GroupLabels
	if len(set) == 0 && len(inc.Alerts) > 0 {
		set = map[string]string{}
		for name, value := range inc.Alerts[0].Labels {
			if !slices.ContainsFunc(inc.Alerts, func(a incident.Alert) bool { return a.Labels[name] != value }) {
				set[name] = value
			}
		}
	}
	var out []string
	for name, value := range set {
		if m, err := labels.NewMatcher(labels.MatchEqual, name, value); err == nil && value != "" {
			out = append(out, m.String())
		}
	}
	slices.Sort(out)
	return out
}

// pathEscape escapes as Alertmanager's pages read it: they take a plus as it is.
func pathEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// alertmanagerPage returns a page of Alertmanager, which begins with /#; "" when its address is not known, or is none. A query of the
// address comes before the #, for proxies that want one.
func (h *handler) alertmanagerPage(inc *incident.Incident, page string) string {
	base := h.AlertmanagerURL
	if base == "" {
		base = inc.ExternalURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
		return ""
	}
	u.User, u.Path = nil, strings.TrimRight(u.Path, "/")+"/"
	return u.String() + strings.TrimPrefix(page, "/")
}

// act answers POST /reports/ID/ACT, from the form of a page: it does what the form asks for and leads back to the page, which says so.
func (h *handler) act(w http.ResponseWriter, r *http.Request, what string, do func(r *http.Request, id string) (url.Values, error)) error {
	if err := h.readForm(w, r); err != nil {
		return err
	}
	id, err := h.incidentID(r)
	if err != nil {
		return err
	}
	if what == actSignIn {
		err = h.signIn(w, r)
	} else if !h.signedIn(r) {
		err = errSignIn
	}
	if err != nil {
		return err
	}
	told := url.Values{}
	if do != nil {
		if told, err = do(r, id); err != nil {
			return err
		}
	}
	if told == nil {
		told = url.Values{}
	}
	told.Set("done", what)
	w.Header().Set("Location", h.reportURL(id)+"?"+told.Encode())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (h *handler) actPage(what string, do func(r *http.Request, id string) (url.Values, error)) http.HandlerFunc {
	return h.page(func(w http.ResponseWriter, r *http.Request) error { return h.act(w, r, what, do) })
}

// giveFeedback takes the fields of a form as the API takes those of a body.
func (h *handler) giveFeedback(r *http.Request, id string) (url.Values, error) {
	body, err := json.Marshal(map[string]string{
		"kind": r.PostForm.Get("kind"), "text": r.PostForm.Get("text"), "by": r.PostForm.Get("by"),
	})
	if err != nil {
		return nil, err
	}
	f, err := payload.DecodeFeedback(bytes.NewReader(body), h.Now())
	if err != nil {
		return nil, err
	}
	f.WithToken = h.Token != "" // with which this browser has signed in
	if err := h.remark(r.Context(), id, f); err != nil {
		return nil, err
	}
	h.metrics.feedback.WithLabelValues(string(f.Kind)).Inc()
	return nil, nil
}

func (h *handler) askAnalysis(r *http.Request, id string) (url.Values, error) {
	return nil, h.storeAsked(r.Context(), id)
}

const (
	maxSilence     = 366 * 24 * time.Hour
	silenceTimeout = 10 * time.Second
)

// makeSilence makes a silence in Alertmanager.
func (h *handler) makeSilence(r *http.Request, id string) (url.Values, error) {
	if h.Silencer == nil {
		return nil, &problem{status: http.StatusConflict, reason: "no Alertmanager to silence in; set ALERTMANAGER_URL"}
	}
	s, err := h.readSilence(r.PostForm)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), silenceTimeout)
	defer cancel()
	made, err := h.Silencer.Silence(ctx, s)
	if err != nil {
		return nil, &problem{
			status: http.StatusBadGateway, cause: err,
			reason: "not silenced: " + text.Cut(text.OneLine(err.Error()), maxLine),
		}
	}
	h.Logger.Info("Silence created", "incident", id, "silence", made, "by", s.By, "until", s.Until)
	return url.Values{"silence": {made}}, nil
}

// readSilence reads the form of a silence.
func (h *handler) readSilence(form url.Values) (incident.Silence, error) {
	now := h.Now().UTC()
	s := incident.Silence{From: now, By: text.Cut(text.OneLine(form.Get("by")), maxRowLabel), Comment: text.Cut(text.OneLine(form.Get("comment")), maxLine)}
	lasts, err := time.ParseDuration(form.Get("duration"))
	switch {
	case err != nil || lasts < time.Minute || lasts > maxSilence:
		return s, badRequest("duration", "%s is not a duration from 1m to 8784h", quote(form.Get("duration")))
	case s.By == "":
		return s, badRequest("by", "is empty; Alertmanager wants a name")
	case s.Comment == "":
		return s, badRequest("comment", "is empty; Alertmanager wants one")
	}
	s.Until = now.Add(lasts)
	something := false
	for line := range strings.Lines(form.Get("matchers")) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		parsed, err := labels.ParseMatchers(strings.TrimSpace(line))
		if err != nil {
			return s, badRequest("matchers", "%s: %s", quote(line), text.OneLine(err.Error()))
		}
		for _, m := range parsed {
			something = something || !m.Matches("")
		}
		s.Matchers = append(s.Matchers, parsed...)
	}
	if !something {
		return s, badRequest("matchers", `at least one must not match the empty string, such as namespace="shop"`)
	}
	return s, nil
}

var silenceID = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

// notice is what a page says of the form that led to it.
type notice struct {
	Text string
	URL  string // of what was made
}

// notice is for who was led here by a form alone: an address with it may be passed on, and nothing was done by whoever opens that.
func (h *handler) notice(r *http.Request, inc *incident.Incident) notice {
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" {
		return notice{}
	}
	v := r.URL.Query()
	n := notice{Text: h.words.Notices[v.Get("done")]}
	if id := v.Get("silence"); n.Text != "" && silenceID.MatchString(id) {
		n.URL = h.alertmanagerPage(inc, "/#/silences/"+id)
	}
	return n
}
