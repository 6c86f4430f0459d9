package notifytest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// WebhookSecret signs requests to Webhook, as Standard Webhooks writes secrets.
var WebhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of the secret 1"))

// Webhook is a receiver of Standard Webhooks that checks signature, time and id, and counts an id that comes again as Edits.
func Webhook() *Standin {
	return start("/hook", func(s *Standin, r *http.Request, body []byte) answer {
		id, stamp := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
			return refuse(http.StatusBadRequest, "timestamp")
		}
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(WebhookSecret, "whsec_"))
		if r.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(sum(key, id+"."+stamp+"."+string(body))) {
			return refuse(http.StatusUnauthorized, "signature")
		}
		if id == "" || r.Header.Get("Idempotency-Key") != id {
			return refuse(http.StatusBadRequest, "id")
		}
		if len(body) >= 20_000 {
			return refuse(http.StatusRequestEntityTooLarge, "larger than 20 kB")
		}
		a := &Accepted{ID: id, Text: string(body)}
		if s.find(id) {
			a.Edits = id
		}
		return ok("", a)
	})
}

// AlertmanagerAlert is an alert that an Alertmanager was sent.
type AlertmanagerAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	At                  time.Time `json:"-"`
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Alertmanager is its API for alerts: it takes those of a batch that are valid although it answers 400.
type Alertmanager struct {
	*Standin

	alertsMu sync.Mutex
	alerts   []AlertmanagerAlert
}

// NewAlertmanager starts one.
func NewAlertmanager() *Alertmanager {
	am := &Alertmanager{}
	am.Standin = start("", func(s *Standin, r *http.Request, body []byte) answer {
		var alerts []AlertmanagerAlert
		if r.Method != http.MethodPost || r.URL.Path != "/api/v2/alerts" || json.Unmarshal(body, &alerts) != nil {
			return refuse(http.StatusBadRequest, `"bad request"`)
		}
		bad := false
		am.alertsMu.Lock()
		defer am.alertsMu.Unlock()
		for _, a := range alerts {
			if len(a.Labels) == 0 || !a.EndsAt.IsZero() && a.EndsAt.Before(a.StartsAt) {
				bad = true
				continue
			}
			invalid := false
			for name, value := range a.Labels { // as before 0.27: newer ones take any name
				invalid = invalid || !labelName.MatchString(name) || value == ""
			}
			if bad = bad || invalid; invalid {
				continue
			}
			a.At = time.Now()
			am.alerts = append(am.alerts, a)
		}
		if bad {
			return refuse(http.StatusBadRequest, `"start time must be before end time"`)
		}
		return ok("", &Accepted{ID: s.next(), Text: string(body)})
	})
	return am
}

// Alerts returns what it was sent, in order.
func (am *Alertmanager) Alerts() []AlertmanagerAlert {
	am.alertsMu.Lock()
	defer am.alertsMu.Unlock()
	return append([]AlertmanagerAlert(nil), am.alerts...)
}
