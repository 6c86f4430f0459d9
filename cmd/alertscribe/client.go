package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/text"
)

const (
	healthTimeout = 5 * time.Second
	askTimeout    = time.Minute
	maxAnswer     = 64 << 20 // bytes: 400 days of a thousand alerts
)

// client asks a running alertscribe over HTTP. What it says of its errors holds neither token nor password.
type client struct {
	root  *url.URL      // of the pages, without the user
	user  *url.Userinfo // nil for none; has precedence over the token, since both want the same header
	token redact.Secret
	http  *http.Client
}

// client returns a client of the service at a root URL; "" is where the settings say that it listens. The token of the
// settings is sent where the service may ask for it; nothing else is read from them when a URL is given.
func (c *cli) client(root string, withToken bool) (*client, error) {
	cfg := &config{}
	if root == "" || withToken {
		var err error
		if cfg, err = c.load(); err != nil {
			return nil, err
		}
	}
	if root == "" {
		host, port, err := net.SplitHostPort(cfg.Web.ListenAddress)
		if err != nil {
			return nil, err
		}
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1" // a container may have no /etc/hosts
		}
		root = "http://" + net.JoinHostPort(host, port) + c.prefix()
	}
	u, err := url.Parse(root)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: --url: %q is not an http:// or https:// URL with a host", errBadInput, redactURL(root))
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := &client{user: u.User, http: &http.Client{CheckRedirect: noRedirects}}
	a.root = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if withToken {
		a.token = cfg.Web.WebhookToken
	}
	return a, nil
}

// page returns the address of a path under the root.
func (a *client) page(path string) *url.URL { return a.root.JoinPath(path) }

// send sends a request, with a body of JSON where it is not nil, and returns the answer, whatever its status. The error
// says where nobody answered and what to do; what names the thing that is asked for.
func (a *client) send(ctx context.Context, what, method string, u *url.URL, body []byte) (status int, reply []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("asking for %s: %w", what, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a.authenticate(req)
	resp, err := a.http.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // the rest names the address again
	}
	if err != nil {
		return 0, nil, fmt.Errorf("asking for %s at %s: %w; is alertscribe running there? If not, set --url", what, a.root, err)
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading %s from %s: %w", what, a.root, err)
	}
	return resp.StatusCode, reply, nil
}

func (a *client) authenticate(req *http.Request) {
	if password, _ := a.user.Password(); a.user != nil {
		req.SetBasicAuth(a.user.Username(), password)
	} else if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token.Reveal())
	}
}

// ask sends a request and reads the JSON that is answered with 200 or 202. Any other answer is an error that says why: errBadInput
// where another request would be answered.
func (a *client) ask(ctx context.Context, what, method string, u *url.URL, body []byte, into any) (reply []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, reply, err := a.send(ctx, what, method, u, body)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK && status != http.StatusAccepted:
		return nil, a.refusal(status, u, reply)
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return nil, fmt.Errorf("%w: %s does not look like alertscribe (%w); set --url to its root", errBadInput, a.root, err)
	}
	return reply, nil
}

// refusal says why a request was not answered as it should be.
func (a *client) refusal(status int, u *url.URL, body []byte) error {
	var answer struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(body, &answer)     // another server may say something else
	reason := text.OneLine(answer.Reason) // it goes to a terminal
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s; set the service's ALERTSCRIBE_WEBHOOK_TOKEN, or use --url=http://USER:PASSWORD@HOST",
			errBadInput, cmp.Or(reason, "user and password are missing or wrong"))
	case status < 400:
		return fmt.Errorf("%w: %s redirects (%d); set --url to the target", errBadInput, u, status)
	case reason == "":
		reason = fmt.Sprintf("%s answers %d %s; --url is the root of alertscribe's pages", u, status, http.StatusText(status))
	}
	if status < 500 {
		return fmt.Errorf("%w: %s", errBadInput, reason)
	}
	return errors.New(reason)
}

// health asks a running alertscribe for its health: for containers, whose image holds nothing but this binary.
func (c *cli) health(ctx context.Context, root string) error {
	a, err := c.client(root, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	status, reply, err := a.send(ctx, "the health", http.MethodGet, a.page("health"), nil)
	if err != nil {
		return err
	}
	if status == http.StatusUnauthorized { // of basic authentication: it has no body of ours
		return fmt.Errorf("not healthy: %d %s; use --url=http://USER:PASSWORD@HOST", status, http.StatusText(status))
	}
	fmt.Fprintln(c.stdout, strings.TrimSpace(string(text.JSON(reply))))
	if status != http.StatusOK {
		return fmt.Errorf("not healthy: %d %s", status, http.StatusText(status))
	}
	return nil
}
