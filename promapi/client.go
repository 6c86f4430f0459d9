package promapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Server says where an HTTP API is. The zero value is none.
type Server struct {
	// URL is the root of the API; a path, as Thanos, Mimir or a proxy has, is kept, and a query is sent with each request. It
	// may hold a user and a password.
	URL *url.URL
	// PublicURL is the root as people reach it, for links, which keep its query; default URL without its credentials.
	PublicURL *url.URL
	// HTTP holds headers, TLS, tenants and credentials, as http_config of Prometheus does. Start from
	// config.DefaultHTTPClientConfig.
	HTTP config.HTTPClientConfig
}

// Client is a Server with its connections. It is safe for concurrent use.
type Client struct {
	client api.Client
	http   *http.Client
	url    *url.URL // may hold a password: for requests only
	public *url.URL // the root of links, without credentials and without a slash at the end
}

// Connect makes the client of a server, which is called name in errors; it does not ask anything yet. The client is nil where
// Server.URL is.
func Connect(s Server, name string) (*Client, error) {
	if s.URL == nil {
		return nil, nil //nolint:nilnil // no server is a setting like any other
	}
	if err := CheckURL(s.URL); err != nil {
		return nil, fmt.Errorf("the URL of %s: %w", name, err)
	}
	client, err := config.NewClientFromConfig(s.HTTP, name, config.WithUserAgent("alertscribe"))
	if err != nil {
		return nil, fmt.Errorf("making the client of %s: %w", name, err)
	}
	u := *s.URL
	if u.RawQuery != "" {
		client.Transport = queryTransport{client.Transport, &u}
	}
	client.Transport = boundedTransport{client.Transport, make(chan struct{}, maxLarge)}
	root := u
	root.RawQuery = "" // it goes behind the path of each request
	c, err := api.NewClient(api.Config{Address: root.String(), Client: client})
	if err != nil {
		return nil, fmt.Errorf("making the client of %s: %w", name, err)
	}
	return &Client{client: c, http: client, url: &u, public: linkBase(s.PublicURL, &u)}, nil
}

// String returns the URL for logs, without a password or another secret; "" for nil.
func (c *Client) String() string {
	if c == nil {
		return ""
	}
	return Redacted(c.url)
}

// Close ends idle connections; nil has none. The client may still be used.
func (c *Client) Close() {
	if c != nil {
		c.http.CloseIdleConnections()
	}
}

// getTimeout bounds Get.
const getTimeout = 5 * time.Second

// Get reads a resource below the root, in at most 5 s. Its errors are ErrUnavailable or ErrTooExpensive, or the context's.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, getTimeout)
	defer cancel()
	body, err := c.get(limited, path, query)
	return body, classify(ctx, err)
}

func (c *Client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	u := c.client.URL(path, nil)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, body, err := c.client.Do(ctx, req) //nolint:bodyclose // the client has read and closed it
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode)
	}
	return body, nil
}

// linkBase returns the root that links for people start with: public, or else the server's own.
func linkBase(public, own *url.URL) *url.URL {
	if public == nil {
		public = own
	}
	return LinkRoot(public)
}

// LinkRoot returns a URL as links for people may have it: without credentials, without parameters that are named like secrets, and
// without a slash at its end.
func LinkRoot(u *url.URL) *url.URL {
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, withoutSecrets(u.RawQuery), ""
	c.Path, c.RawPath = strings.TrimRight(c.Path, "/"), ""
	return &c
}

// GraphURL returns a URL that opens a query in Prometheus' own pages, over a range of time. It is "" for no query, and for a nil
// client.
func (c *Client) GraphURL(query string, start, end time.Time) string {
	if c == nil || query == "" {
		return ""
	}
	u := *c.public
	u.Path += "/graph"
	values := url.Values{
		"g0.expr":        {query},
		"g0.tab":         {"0"},
		"g0.range_input": {rangeInput(end.Sub(start))},
		"g0.end_input":   {end.UTC().Format("2006-01-02 15:04:05")},
	}
	own := strings.ReplaceAll(values.Encode(), "+", "%20") // its page reads a plus as a plus
	u.RawQuery = strings.Trim(u.RawQuery+"&"+own, "&")
	return u.String()
}

// rangeInput formats a duration as the field of that name takes it: whole units without fractions.
func rangeInput(d time.Duration) string {
	return model.Duration(max(d.Round(time.Second), time.Second)).String()
}
