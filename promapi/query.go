package promapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// ownParameters are set by requests themselves: in a server's URL they would change every question.
var ownParameters = []string{
	"query", "time", "start", "end", "step", "match[]", "timeout", "limit", "limit_per_metric", "metric", "type", "rule_name[]", "filter",
	"active", "silenced", "inhibited", "unprocessed", "receiver",
}

// CheckURL says why the URL of a server can't be used, with the way out; nil where it can. A query is kept and sent with
// each request, as extra_label of VictoriaMetrics and dedup of Thanos need it.
func CheckURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http:// or https:// URL with a host", Redacted(u))
	}
	if u.Fragment != "" {
		return fmt.Errorf("%q has a fragment, which no server is sent; leave out #%s", Redacted(u), u.Fragment)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("the query of %q can't be read; escape what is special in it", Redacted(u))
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if slices.Contains(ownParameters, name) {
			return fmt.Errorf("%q sets the parameter %s, which each request sets by itself; leave it out", Redacted(u), name)
		}
	}
	path := strings.TrimRight(u.Path, "/")
	for _, end := range []string{"/api/v1/query", "/api/v1", "/api/v2/alerts", "/api/v2", "/graph", "/-/ready", "/-/healthy"} {
		if root, ok := strings.CutSuffix(path, end); ok {
			c := *u
			c.Path, c.RawPath = root, ""
			return fmt.Errorf("%q ends in %s, which is a page or an endpoint below the root; use %s", Redacted(u), end, Redacted(&c))
		}
	}
	return nil
}

// secretName matches parameters whose values nobody should see.
var secretName = regexp.MustCompile(`(?i)token|secret|passw|auth|api_?key|access_?key|^key$|sig(nature)?$|credential`)

// Redacted returns a URL for logs: without its password, and without the values of parameters that are named like secrets.
func Redacted(u *url.URL) string {
	c := *u
	c.RawQuery = mapQuery(c.RawQuery, func(pair, name string) string {
		if secretName.MatchString(name) {
			return url.QueryEscape(name) + "=xxxxx"
		}
		return pair
	})
	return c.Redacted()
}

// withoutSecrets returns a query without the parameters that are named like secrets.
func withoutSecrets(query string) string {
	return mapQuery(query, func(pair, name string) string {
		if secretName.MatchString(name) {
			return ""
		}
		return pair
	})
}

// mapQuery returns a query with each name=value replaced; an empty one is left out. What is not replaced stays to the byte.
func mapQuery(query string, replace func(pair, name string) string) string {
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if pair = replace(pair, name); pair != "" {
			pairs = append(pairs, pair)
		}
	}
	return strings.Join(pairs, "&")
}

// queryTransport adds the query of the server's URL to each request to it.
type queryTransport struct {
	next http.RoundTripper
	base *url.URL
}

func (t queryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.base.Host || req.URL.Scheme != t.base.Scheme { // a redirect to somebody else
		return t.next.RoundTrip(req)
	}
	has := req.URL.Query()
	added := mapQuery(t.base.RawQuery, func(pair, name string) string {
		if has.Has(name) { // by a redirect that kept it
			return ""
		}
		return pair
	})
	req = req.Clone(req.Context())
	req.URL.RawQuery = strings.Trim(added+"&"+req.URL.RawQuery, "&")
	return t.next.RoundTrip(req)
}

// CloseIdleConnections lets http.Client reach the transport's.
func (t queryTransport) CloseIdleConnections() { closeIdle(t.next) }

func closeIdle(next http.RoundTripper) {
	if c, ok := next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
