package evidence

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/microcosm-cc/bluemonday"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// Runbooks say which runbooks may be fetched. The zero value allows none.
type Runbooks struct {
	// Allow lists URL prefixes, such as https://runbooks.example.com/oncall/. Scheme and host must be equal to those of
	// a runbook's URL, the path must lie below that of the prefix. Redirects are held to the list as well.
	Allow []string
	// Networks lists networks in CIDR notation, such as 10.1.0.0/16, whose addresses may be fetched from although they
	// are not public.
	Networks []string
}

// The bounds of a runbook.
const (
	runbookTimeout   = 5 * time.Second
	maxRunbookBytes  = 256 << 10
	maxRunbookLine   = 300 // runes
	maxRunbookHops   = 3
	maxRunbookHeader = 32 << 10
	maxDecodings     = 4 // of a path, which no name needs
)

var (
	msgRunbook     = message{"The first %[1]d of %[2]d lines of %[3]s.", "%[3]s 的前 %[1]d 行（共 %[2]d 行）。"}
	errNotAllowed  = errors.New("not in analysis.runbooks.allow")
	errDisguised   = fmt.Errorf("%w: its path has dots, backslashes, or semicolons, which servers read differently", errNotAllowed)
	errPrivate     = errors.New("private address, not in analysis.runbooks.networks")
	errNotText     = errors.New("it is not text")
	percentCode    = regexp.MustCompile("%[0-9A-Fa-f]{2}")
	runbookLabels  = []string{"runbook_url", "runbook", "runbook_link", "runbookURL", "playbook_url", "playbook"} // as report links them
	textMediaTypes = []string{"text/plain", "text/markdown", "text/x-markdown", "text/html"}
)

// runbookFetcher fetches runbooks. What an annotation names is a stranger's choice: only what is on the list is fetched, and
// the address is checked when it is dialed, after its name was resolved, so that no name can lead elsewhere.
type runbookFetcher struct {
	allow  []*url.URL
	nets   []netip.Prefix
	client *http.Client
}

// Validate returns what is wrong with an entry, or nil.
func (r Runbooks) Validate() error {
	_, _, err := r.parse()
	return err
}

func (r Runbooks) parse() (allow []*url.URL, nets []netip.Prefix, err error) {
	for _, raw := range r.Allow {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, nil, fmt.Errorf("the runbook prefix %q is not an http or https URL with a host", raw)
		}
		allow = append(allow, u)
	}
	for _, raw := range r.Networks {
		p, err := netip.ParsePrefix(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("the runbook network %q is not in CIDR notation, such as 10.1.0.0/16: %w", raw, err)
		}
		nets = append(nets, p.Masked())
	}
	return allow, nets, nil
}

func newRunbookFetcher(r Runbooks) (*runbookFetcher, error) {
	allow, nets, err := r.parse()
	if err != nil {
		return nil, err
	}
	l := &runbookFetcher{allow: allow, nets: nets}
	dialer := &net.Dialer{Timeout: runbookTimeout, Control: l.checkAddress}
	l.client = &http.Client{
		Timeout: runbookTimeout,
		Transport: &http.Transport{ // no proxy: it would resolve names itself
			DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxRunbookHeader,
			TLSHandshakeTimeout: runbookTimeout, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= maxRunbookHops {
				return errors.New("it redirects too often")
			}
			return l.checkURL(req.URL)
		},
	}
	return l, nil
}

// checkURL reports whether a URL is on the list.
func (l *runbookFetcher) checkURL(u *url.URL) error {
	if !plainPath(u) {
		return errDisguised
	}
	clean := path.Clean("/" + u.Path)
	for _, a := range l.allow {
		below := path.Clean("/" + a.Path)
		if u.Scheme == a.Scheme && strings.EqualFold(u.Host, a.Host) && u.User == nil &&
			(below == "/" || clean == below || strings.HasPrefix(clean, below+"/")) {
			return nil
		}
	}
	return errNotAllowed
}

// plainPath reports whether every server reads a path as checkURL does. Some take a backslash for a slash, drop what follows a
// semicolon or a zero byte, or decode twice, and would leave the prefix by what to us is a name.
func plainPath(u *url.URL) bool {
	strange := func(r rune) bool { return r == 0 || r == '\\' || r == ';' }
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	for p, i := u.Path, 0; i < maxDecodings && !strings.ContainsFunc(p, strange); i++ {
		decoded := percentCode.ReplaceAllStringFunc(p, func(code string) string {
			c, err := strconv.ParseUint(code[1:], 16, 8)
			if err != nil {
				return code
			}
			return string([]byte{byte(c)})
		})
		if decoded == p {
			return true
		}
		if p = decoded; slices.ContainsFunc(strings.Split(p, "/"), dots) {
			return false
		}
	}
	return false
}

// nonPublicNetworks are networks that net/netip has no word for and that nothing public is in: shared and test networks, and
// those that carry IPv4 addresses within.
var nonPublicNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// checkAddress is asked before every connection, with the address that the name was resolved to.
func (l *runbookFetcher) checkAddress(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("reading the address %q: %w", address, err)
	}
	ip := addr.Addr().Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(ip) }
	if slices.ContainsFunc(l.nets, within) {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || slices.ContainsFunc(nonPublicNetworks, within) {
		return errPrivate
	}
	return nil
}

// fetch returns the text of a runbook.
func (l *runbookFetcher) fetch(ctx context.Context, u *url.URL) (string, error) {
	if err := l.checkURL(u); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", "alertscribe")
	req.Header.Set("Accept", strings.Join(textMediaTypes, ", "))
	resp, err := l.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(textMediaTypes, media) {
		return "", fmt.Errorf("%w but %q", errNotText, text.Cut(resp.Header.Get("Content-Type"), 60))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRunbookBytes))
	if err != nil {
		return "", err
	}
	content := strings.ToValidUTF8(string(body), "")
	if media == "text/html" {
		strip := bluemonday.StrictPolicy()
		strip.AddSpaceWhenStrippingTag(true)
		content = html.UnescapeString(strip.Sanitize(content))
	}
	return content, nil
}

// visibleLines returns the lines of a text that have something in them, without what can't be seen.
func visibleLines(s string) []string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = text.OneLine(line); line != "" {
			lines = append(lines, text.Cut(line, maxRunbookLine))
		}
	}
	return lines
}

// runbookOf returns the first runbook of an alert that may be fetched; nil for none.
func (c *Collector) runbookOf(a incident.Alert) *url.URL {
	for _, name := range runbookLabels {
		raw := strings.TrimSpace(a.Annotations[name])
		if u, err := url.Parse(raw); raw != "" && err == nil && c.runbooks.checkURL(u) == nil {
			return u
		}
	}
	return nil
}

// runbookItem shows the text of the alert's runbook where it may be fetched.
func (c *Collector) runbookItem(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	u := c.runbookOf(inv.alert)
	if u == nil {
		return nil, nil // the report shows it all the same
	}
	count := c.metrics.counter("runbook")
	content, err := c.runbooks.fetch(ctx, u)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		count("unavailable")
		return nil, fmt.Errorf("fetching the runbook: %w", err)
	}
	count("ok")
	lines := visibleLines(content)
	table := &incident.Table{Columns: []string{inv.say(msgTitleRunbook)}}
	for _, line := range lines[:min(len(lines), maxRows)] {
		table.Rows = append(table.Rows, []string{line})
	}
	return []incident.Evidence{{
		Title: inv.say(msgTitleRunbook), Summary: inv.say(msgRunbook, len(table.Rows), len(lines), u.Redacted()), Table: table,
	}}, nil
}
