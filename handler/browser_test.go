package handler

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browserWait bounds each thing that a test waits for in a browser: generous, since two cores may be busy.
const browserWait = time.Minute

// browserName is a host name that leads to loopback and that a browser does not trust as it trusts 127.0.0.1: without TLS it sends
// no Sec-Fetch-Site there and has no clipboard.
const browserName = "alertscribe.test"

// browser is a running Chromium.
type browser struct{ ctx context.Context }

// startBrowser starts a headless Chromium that ends with the test. Without one the test fails under CI and is skipped elsewhere.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium on PATH; apt-get install chromium")
		}
		t.Skip("no Chromium on PATH, so pages are not looked at in a browser; apt-get install chromium")
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(browserWait),
		chromedp.Flag("host-resolver-rules", "MAP "+browserName+" 127.0.0.1"))...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		assert.NoError(t, chromedp.Cancel(ctx))
		end()
		endAllocator()
	})
	require.NoError(t, chromedp.Run(ctx))
	return &browser{ctx: ctx}
}

// tab is a tab of the browser. Its methods fail the test.
type tab struct {
	t        *testing.T
	ctx      context.Context
	noScript bool // nothing can be counted
}

// countViolations has a page count what its content security policy stops, and what it throws.
const countViolations = `window.violations = [];
addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));
addEventListener("error", (e) => violations.push(String(e.message)));
addEventListener("unhandledrejection", (e) => violations.push(String(e.reason)));`

// open opens a tab of its own in a zone eight hours ahead of UTC, and looks at its end whether a page in it broke a rule.
func (b *browser) open(t *testing.T, address string, before ...chromedp.Action) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	require.NoError(t, chromedp.Run(ctx)) // without a bound: the tab would end with it
	tb := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		violations := "not counted"
		bounded, end := context.WithTimeout(ctx, browserWait)
		defer end()
		if !t.Failed() && !tb.noScript {
			assert.NoError(t, chromedp.Run(bounded, chromedp.Evaluate(`JSON.stringify(window.violations)`, &violations)))
			assert.Equal(t, "[]", violations, "the content security policy, or a script")
		}
		cancel()
	})
	tb.do(append([]chromedp.Action{
		emulation.SetFocusEmulationEnabled(true), // or the page would be one that nobody sees
		emulation.SetTimezoneOverride("Asia/Shanghai"), chromedp.EmulateViewport(1280, 900),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(countViolations).Do(ctx)
			return err
		}),
	}, append(before, chromedp.Navigate(address))...)...)
	return tb
}

func (tb *tab) do(actions ...chromedp.Action) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, browserWait)
	defer cancel()
	require.NoError(tb.t, chromedp.Run(ctx, actions...))
}

// eval returns the text that an expression of JavaScript comes to.
func (tb *tab) eval(expression string) string {
	tb.t.Helper()
	var value string
	tb.do(chromedp.Evaluate("String("+expression+")", &value))
	return value
}

// until waits until an expression of JavaScript is true.
func (tb *tab) until(expression string) {
	tb.t.Helper()
	shown := ""
	require.Eventually(tb.t, func() bool {
		ctx, cancel := context.WithTimeout(tb.ctx, browserWait)
		defer cancel()
		var is bool
		err := chromedp.Run(ctx, chromedp.Evaluate("(() => { try { return Boolean("+expression+") } catch { return false } })()", &is))
		if err == nil && !is { // an error: it is on its way to another page
			_ = chromedp.Run(ctx, chromedp.Evaluate(`document.body ? document.body.innerText.slice(0, 1500) : ""`, &shown))
		}
		return err == nil && is
	}, browserWait, 20*time.Millisecond, "%s; the page shows: %v", expression, (*lazy)(&shown))
}

// lazy is a text that is read when it is printed.
type lazy string

func (l *lazy) String() string { return string(*l) }

// says waits until the page shows a text.
func (tb *tab) says(text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// live waits until the page is told of changes.
func (tb *tab) live() {
	tb.t.Helper()
	tb.until(`document.getElementById("live").textContent`)
}

// click clicks on the first visible element that a selector finds.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

func (tb *tab) fill(selector, text string) {
	tb.t.Helper()
	tb.do(chromedp.SendKeys(selector, text, chromedp.ByQuery, chromedp.NodeVisible))
}

// untrusted is the address of a server by a name that the browser does not trust.
func untrusted(address string) string { return strings.Replace(address, "127.0.0.1", browserName, 1) }

// browsed is an environment with a server, and an incident that was analyzed.
func browsed(t *testing.T, settings ...func(*Options)) (e *env, address, id string) {
	t.Helper()
	e = newEnv(t, settings...)
	id = e.post(t, body("HighErrorRate", "firing", "severity", "critical", "namespace", "shop", "instance", "web-1:9090"))
	e.analyze(t, id, shop())
	address = e.serve(t, func(s *http.Server) { s.ReadTimeout = time.Minute })
	return e, address, id
}
