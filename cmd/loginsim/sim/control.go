package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxBody     = 64 << 10
	maxRate     = 1000 // logins per second
	maxDuration = 24 * time.Hour
)

// control answers the control port:
//
//	POST /attack?region=shenzhen&user_type=admin&duration=5m&rate=2
//	POST /normal
//	GET  /
//
// Every parameter has a default; each answer is the State after it.
func (s *Service) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /attack", s.startAttack)
	mux.HandleFunc("POST /normal", func(w http.ResponseWriter, _ *http.Request) {
		s.logins.stopAttack()
		s.logger.Info("Back to normal")
		s.writeState(w)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.writeState(w) })
	mux.HandleFunc("GET /-/healthy", healthy)
	return mux
}

func (s *Service) startAttack(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	now := s.now()
	attack, err := Attack{}, r.ParseForm()
	if err == nil {
		attack, err = parseAttack(r.Form, now)
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	s.logins.startAttack(now, attack)
	s.logger.Info("Attack started", "region", attack.Region, "user_type", attack.UserType, "rate", attack.Rate, "until", attack.Until)
	s.writeState(w)
}

// parseAttack reads the parameters of an attack that begins now. An error names the parameter and what it allows.
func parseAttack(form url.Values, now time.Time) (Attack, error) {
	parameters := []string{"region", "user_type", "duration", "rate"}
	for name := range form {
		if !slices.Contains(parameters, name) {
			return Attack{}, fmt.Errorf("unknown parameter %q: there are %s", name, strings.Join(parameters, ", "))
		}
	}
	region, err := oneOf(form, "region", "shenzhen", Regions)
	if err != nil {
		return Attack{}, err
	}
	user, err := oneOf(form, "user_type", adminUser, UserTypes)
	if err != nil {
		return Attack{}, err
	}
	duration, err := time.ParseDuration(orElse(form.Get("duration"), "5m"))
	if err != nil || duration <= 0 || duration > maxDuration {
		return Attack{}, fmt.Errorf("duration is %q: it must be like 90s or 5m, more than 0 and at most 24h", form.Get("duration"))
	}
	rate, err := strconv.ParseFloat(orElse(form.Get("rate"), "2"), 64)
	if err != nil || !(rate >= 0.01 && rate <= maxRate) { // so written, NaN is refused too
		return Attack{}, fmt.Errorf("rate is %q: it must be failed logins per second, from 0.01 to %d", form.Get("rate"), maxRate)
	}
	return Attack{Region: region, UserType: user, Rate: rate, Until: now.Add(duration)}, nil
}

func oneOf(form url.Values, name, otherwise string, allowed []string) (string, error) {
	value := orElse(form.Get(name), otherwise)
	if !slices.Contains(allowed, value) {
		return "", fmt.Errorf("%s is %q: it must be one of %s", name, value, strings.Join(allowed, ", "))
	}
	return value, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (s *Service) writeState(w http.ResponseWriter) {
	s.logins.advance(s.now()) // an attack that is over is not shown
	writeJSON(w, http.StatusOK, s.logins.state())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone, or there is nothing wrong
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("loginsim is healthy.\n"))
}
