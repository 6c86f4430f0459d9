package channel

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	amtemplate "github.com/prometheus/alertmanager/template"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	webhookBytes = 20_000 // Standard Webhooks asks senders to stay below that
	webhookName  = 200    // characters of a name
)

// webhookLabels is how many labels a payload has at each budget of its texts, from the first that is too small for all.
func webhookLabels(budget int) int {
	const most = 64
	if budget >= budgets[0] {
		return most
	}
	return max(most*budget/budgets[0], maxTags)
}

// Payload is what the webhook sends as JSON, and what its template sees.
type Payload struct {
	Version    string            `json:"version"` // 1
	ID         string            `json:"id"`      // the same whenever this event of this incident is sent
	Event      Event             `json:"event"`
	Incident   string            `json:"incident"`
	Alertname  string            `json:"alertname"`
	Severity   string            `json:"severity"`
	Status     incident.Status   `json:"status"`
	Summary    string            `json:"summary"`
	Cause      string            `json:"cause"`  // the most likely one; "" for none
	Action     string            `json:"action"` // what to do first; "" for nothing
	ReportURL  string            `json:"report_url"`
	Labels     map[string]string `json:"labels"` // that all alerts of the incident have
	StartedAt  time.Time         `json:"started_at"`
	ResolvedAt *time.Time        `json:"resolved_at"` // null while it fires
	Cost       float64           `json:"cost"`        // USD
	Language   incident.Language `json:"language"`

	Likelihood string `json:"-"` // of the cause: high, medium, low; for templates
}

// Payload returns the message as a webhook sends it, each text cut to so many characters.
func (m *Message) payload(budget int) Payload {
	w := wordsOf(m.Language)
	cut := func(s string, mark Mark) string {
		if s = text.Cut(text.OneLine(s), budget); s != "" && mark != Unmarked {
			s += " " + w.marks[mark]
		}
		return s
	}
	p := Payload{
		Version: "1", ID: m.ID, Event: m.Event, Incident: m.Incident, Alertname: text.Cut(m.Alertname, webhookName), Severity: text.Cut(m.Severity, webhookName), Status: m.Status,
		Summary: cut(m.Summary, Unmarked), Cause: cut(m.Cause, m.CauseMark), Action: cut(m.Action, m.ActionMark),
		ReportURL: m.ReportURL, Labels: map[string]string{}, Likelihood: m.Likelihood, StartedAt: m.StartedAt.UTC(), Cost: m.Cost, Language: m.Language,
	}
	for _, name := range m.firstLabels(webhookLabels(budget)) {
		p.Labels[text.Cut(name, webhookName)] = text.Cut(m.Labels[name], max(budget, maxTagRunes))
	}
	if !m.ResolvedAt.IsZero() {
		p.ResolvedAt = new(m.ResolvedAt.UTC())
	}
	return p
}

// firstLabels returns the names of at most n labels: those of the group first.
func (m *Message) firstLabels(n int) []string {
	names := slices.Sorted(maps.Keys(m.Labels))
	slices.SortStableFunc(names, func(a, b string) int {
		_, ofA := m.Group[a]
		_, ofB := m.Group[b]
		switch {
		case ofA == ofB:
			return 0
		case ofA:
			return -1
		}
		return 1
	})
	return names[:min(n, len(names))]
}

// webhook posts JSON, or what a template makes of it, signed as Standard Webhooks describes.
type webhook struct {
	*core

	url      string
	key      []byte // nil: unsigned
	headers  map[string]string
	template *template.Template // nil for JSON
}

func newWebhook(s *Settings, c *core) (Channel, error) {
	w := &webhook{core: c, url: s.URL.Reveal(), headers: map[string]string{}}
	for name, value := range s.Headers {
		w.headers[name] = value.Reveal()
	}
	var err error
	if w.key, err = signingKey(s.Secret.Reveal()); err != nil {
		return nil, err
	}
	if s.Template == "" {
		return w, nil
	}
	funcs := template.FuncMap(amtemplate.DefaultFuncs)
	if w.template, err = template.New("template").Option("missingkey=error").Funcs(funcs).Parse(s.Template); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	if _, err = w.render(Delivery{Message: &Message{Labels: map[string]string{}}}); err != nil { // with names that it does not have
		return nil, fmt.Errorf("template: %w", err)
	}
	return w, nil
}

const keyPrefix = "whsec_"

// signingKey returns the key of a secret: whsec_ and base64, as Standard Webhooks has it, else its bytes.
func signingKey(secret string) ([]byte, error) {
	encoded, standard := strings.CutPrefix(secret, keyPrefix)
	if !standard {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	const shortest, longest = 24, 64
	if err != nil || len(key) < shortest || len(key) > longest {
		return nil, errors.New("secret: after whsec_ come 24 to 64 bytes in base64")
	}
	return key, nil
}

func (*webhook) Pace() (time.Duration, int) { return 20 * time.Millisecond, 50 }

func (c *webhook) render(d Delivery) ([]byte, error) {
	from := 0
	if d.Small {
		from = smallBudget
	}
	var body []byte
	for _, budget := range append([]int{2000}, budgets...)[from:] {
		var err error
		if body, err = c.encode(d.Message.payload(budget)); err != nil {
			return nil, err
		}
		if len(body) < webhookBytes {
			break
		}
	}
	return body, nil
}

func (c *webhook) encode(p Payload) ([]byte, error) {
	if c.template == nil {
		b, err := marshal(p)
		return text.JSON(b), err
	}
	var b bytes.Buffer
	err := c.template.Execute(&b, p)
	return b.Bytes(), err
}

func (c *webhook) Send(ctx context.Context, d Delivery) (Receipt, error) {
	body, err := c.render(d)
	if err != nil {
		return Receipt{}, failed(BadConfig, "template: %w", err)
	}
	stamp := strconv.FormatInt(c.now().Unix(), 10) // of the attempt; the id is that of the message
	header := map[string]string{"Idempotency-Key": d.Message.ID, "webhook-id": d.Message.ID, "webhook-timestamp": stamp}
	if len(c.key) > 0 {
		header["webhook-signature"] = standardSignature(c.key, d.Message.ID, stamp, body)
	}
	if !json.Valid(body) {
		header["Content-Type"] = "text/plain; charset=utf-8"
	}
	maps.Copy(header, c.headers)
	r, err := c.do(ctx, request{url: c.url, header: header, body: body})
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{}, c.judge(r)
}

// standardSignature signs as https://www.standardwebhooks.com describes.
func standardSignature(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
