package evidence

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

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
	client.Transport = bounded{client.Transport, make(chan struct{}, maxLarge)}
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

// The bounds of what answers may take in memory, all incidents together.
const (
	maxBody   = 16 << 20 // bytes of an answer, decompressed
	largeBody = 1 << 20  // bytes beyond which an answer is large
	maxLarge  = 2        // large answers that are read at a time; others wait
)

// bounded ends an answer that grows beyond maxBody with an error, and lets few large ones in at a time.
type bounded struct {
	next  http.RoundTripper
	large chan struct{}
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, done: req.Context().Done(), large: b.large}
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
	done  <-chan struct{} // of the request
	large chan struct{}
	read  int
	holds bool // a place among the large ones
	mu    sync.Mutex
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.read > maxBody {
		return 0, fmt.Errorf("%w: the answer has more than %d MiB", errTooExpensive, maxBody>>20)
	}
	if b.read > largeBody && !b.enter() {
		return 0, context.DeadlineExceeded
	}
	if room := maxBody + 1 - b.read; len(p) > room {
		p = p[:room]
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	if err != nil {
		b.leave()
	}
	return n, err
}

// Close may be called while a Read waits: that is how a request is given up.
func (b *boundedBody) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}

// enter waits for a place among the large answers; false when the request was given up.
func (b *boundedBody) enter() bool {
	b.mu.Lock()
	holds := b.holds
	b.mu.Unlock()
	if holds {
		return true
	}
	select {
	case b.large <- struct{}{}:
	case <-b.done:
		return false
	}
	b.mu.Lock()
	b.holds = true
	b.mu.Unlock()
	select {
	case <-b.done: // Close may have come before
		b.leave()
		return false
	default:
		return true
	}
}

func (b *boundedBody) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds {
		<-b.large
		b.holds = false
	}
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
