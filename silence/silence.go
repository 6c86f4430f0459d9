package silence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxAnswer = 64 << 10 // bytes
	maxReason = 200      // characters of an answer that an error quotes
)

// Options of a Client. URL is required.
type Options struct {
	URL       *url.URL          // of Alertmanager, with its route prefix; user and password are sent as basic authentication
	Transport http.RoundTripper // default http.DefaultTransport
}

// Client asks one Alertmanager. Its methods may be called from many goroutines at once.
type Client struct {
	endpoint string
	user     *url.Userinfo
	http     http.Client
}

// New returns a client.
func New(o Options) (*Client, error) {
	if o.URL == nil || o.URL.Host == "" {
		return nil, errors.New("silence: Options.URL is required")
	}
	endpoint := o.URL.JoinPath("/api/v2/silences")
	endpoint.User = nil
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a POST would become a GET
	return &Client{
		endpoint: endpoint.String(), user: o.URL.User,
		http: http.Client{Transport: o.Transport, CheckRedirect: noRedirects},
	}, nil
}

// postable is a silence as Alertmanager's API v2 takes it.
type postable struct {
	Matchers  []matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
}

type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Silence makes a silence and returns its ID. The error is for people: what Alertmanager says of a silence that it rejects, or
// why it could not be asked; it holds no password.
func (c *Client) Silence(ctx context.Context, s incident.Silence) (id string, err error) {
	body := postable{StartsAt: s.From, EndsAt: s.Until, CreatedBy: s.By, Comment: s.Comment}
	for _, m := range s.Matchers {
		body.Matchers = append(body.Matchers, matcher{
			Name: m.Name, Value: m.Value, IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
			IsEqual: m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp,
		})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encoding a silence: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(encoded))
	if err != nil {
		return "", fmt.Errorf("asking Alertmanager for a silence: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if password, _ := c.user.Password(); c.user != nil {
		req.SetBasicAuth(c.user.Username(), password)
	}
	resp, err := c.http.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // the rest names the address
	}
	if err != nil {
		return "", fmt.Errorf("Alertmanager does not answer: %w; check ALERTMANAGER_URL", err) //nolint:staticcheck // a name
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("reading Alertmanager's answer: %w", err)
	}
	return read(resp.StatusCode, answer)
}

// read returns the ID that an answer holds, or what the answer says instead.
func read(status int, answer []byte) (string, error) {
	if status != http.StatusOK {
		var reason string
		if json.Unmarshal(answer, &reason) != nil { // API v2 answers with a string of JSON
			reason = string(answer)
		}
		return "", fmt.Errorf("Alertmanager answers %d: %s", status, text.Cut(text.OneLine(reason), maxReason)) //nolint:staticcheck // a name
	}
	var made struct {
		ID string `json:"silenceID"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.ID == "" {
		return "", errors.New("the answer is not Alertmanager's; check ALERTMANAGER_URL")
	}
	return made.ID, nil
}
