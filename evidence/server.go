package evidence

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/config"
)

// Server is an HTTP API to ask. The zero value is none.
type Server struct {
	// URL is the root of the API; a path, as Thanos, Mimir or a proxy has, is kept. It may hold a user and a password.
	URL *url.URL
	// HTTP holds headers, TLS, tenants and credentials, as http_config of Prometheus does. Start from
	// config.DefaultHTTPClientConfig.
	HTTP config.HTTPClientConfig
}

// server is a Server with its client; it is an api.Client. Its answers are bounded.
type server struct {
	api.Client
	http *http.Client
	url  *url.URL // may hold a password: for requests only
}

// connect makes the client of a server; nil where there is none.
func connect(s Server, name string) (*server, error) {
	if s.URL == nil {
		return nil, nil //nolint:nilnil // no server is a setting like any other
	}
	if s.URL.Scheme != "http" && s.URL.Scheme != "https" || s.URL.Host == "" {
		return nil, fmt.Errorf("the URL of %s, %q, is not an http or https URL with a host", name, s.URL.Redacted())
	}
	client, err := config.NewClientFromConfig(s.HTTP, name, config.WithUserAgent("alertscribe"))
	if err != nil {
		return nil, fmt.Errorf("making the client of %s: %w", name, err)
	}
	client.Transport = bounded{client.Transport}
	u := *s.URL
	u.Fragment, u.RawQuery = "", ""
	c, err := api.NewClient(api.Config{Address: u.String(), Client: client})
	if err != nil {
		return nil, fmt.Errorf("making the client of %s: %w", name, err)
	}
	return &server{Client: c, http: client, url: &u}, nil
}

// String returns the URL for logs, without a password.
func (s *server) String() string { return s.url.Redacted() }

// close ends connections that are kept for later.
func (s *server) close() {
	if s != nil {
		s.http.CloseIdleConnections()
	}
}

// get reads a resource below the root.
func (s *server) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	u := s.URL(path, nil)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, body, err := s.Do(ctx, req) //nolint:bodyclose // the client has read and closed it
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode)
	}
	return body, nil
}

// bounded ends an answer that grows beyond maxBody with an error.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
	}
	return resp, err
}

// CloseIdleConnections lets http.Client reach the transport's.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("%w: the answer has more than %d MiB", errTooExpensive, maxBody>>20)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// linkBase returns the root that links for people start with: public, or else the server's own without credentials.
func linkBase(public, own *url.URL) *url.URL {
	u := public
	if u == nil {
		u = own
	}
	if u == nil {
		return nil
	}
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, "", ""
	c.Path = strings.TrimRight(c.Path, "/")
	return &c
}
