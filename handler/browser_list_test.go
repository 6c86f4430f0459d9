package handler

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// axeSource is axe-core: see testdata/axe.
//
//go:embed testdata/axe/axe.min.js
var axeSource string

// axe fails the test for everything that axe-core finds on a page.
func (tb *tab) axe() {
	tb.t.Helper()
	assert.Equal(tb.t, "[]", tb.found())
}

// found returns what axe-core finds, in JSON.
func (tb *tab) found() (found string) {
	tb.t.Helper()
	tb.do(chromedp.Evaluate(axeSource+";0", nil), chromedp.Evaluate(
		`axe.run(document, {resultTypes: ["violations"], preload: false}).then((r) => JSON.stringify(r.violations.map((v) => ({rule: v.id, impact: v.impact, at: v.nodes.map((n) => n.html)}))))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return found
}

// fits fails the test where a page is wider than its window, or an element in it has to be moved sideways.
func (tb *tab) fits() {
	tb.t.Helper()
	assert.Empty(tb.t, tb.eval(`[document.documentElement, ...document.querySelectorAll("body *")].filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 &&
		!["INPUT", "TEXTAREA"].includes(e.tagName)).map((e) => e.tagName + "." + e.className + " " + e.scrollWidth + " > " + e.clientWidth).join(", ")`))
}

// shot writes a picture of the whole page where ALERTSCRIBE_SCREENSHOTS names a folder.
func (tb *tab) shot(name string) {
	tb.t.Helper()
	dir := os.Getenv("ALERTSCRIBE_SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	tb.do(page.BringToFront(), chromedp.FullScreenshot(&picture, 100))
	require.NoError(tb.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
}

// stock opens incidents of many kinds, and returns the one that was analyzed.
func stock(t *testing.T, e *env) (id string) {
	t.Helper()
	for i, name := range []string{"KubePodCrashLooping", "NodeFilesystemFillingUp", "CertificateExpires", "LatencyHigh"} {
		severity := []string{"warning", "critical", "info", "page"}[i]
		e.post(t, strings.Replace(body(name, "firing", "severity", severity, "namespace", "shop"), `"groupLabels":{`, `"groupLabels":{"namespace":"shop","cluster":"eu-1",`, 1))
	}
	e.post(t, body("KubePodCrashLooping", "resolved", "severity", "warning", "namespace", "shop"))
	e.post(t, body("Watchdog", "firing", "severity", "none"))
	id = e.post(t, strings.Replace(body("HighErrorRate", "firing", "severity", "critical", "namespace", "shop", "instance", "web-1:9090"), `"groupLabels":{`, `"groupLabels":{"namespace":"shop",`, 1))
	e.analyze(t, id, shop())
	return id
}

func TestBrowserList(t *testing.T) {
	b := startBrowser(t)
	t.Run("search, filters, and chips", func(t *testing.T) {
		e := newEnv(t)
		stock(t, e)
		tb := b.open(t, e.serve(t)+"/reports")
		assert.Equal(t, "HighErrorRate", tb.eval(`document.querySelector(".list .name").textContent`))
		tb.fill(`[name=q]`, "replication slot"+kb.Enter)
		tb.until(`location.search.includes("q=replication+slot") && document.querySelectorAll(".list .name").length === 1`)
		tb.click(`.list .chip`)
		tb.until(`document.querySelector(".filters .active[title]").textContent.startsWith('namespace="shop"')`)
		tb.click(`.filters a[href="/reports"]:not(.active)`)
		tb.until(`location.search === ""`)
		tb.click(`.filters a[href="/reports?status=resolved"]`)
		tb.says("KubePodCrashLooping")
		tb.until(`document.querySelectorAll(".list .name").length === 1`)
		tb.do(chromedp.Navigate(tb.eval(`location.origin`) + "/reports"))
		tb.click(`.apart`)
		tb.says("Watchdog")
	})
	t.Run("live update while text stays selected", func(t *testing.T) {
		e := newEnv(t)
		stock(t, e)
		tb := b.open(t, e.serve(t)+"/reports")
		tb.live()
		tb.fill(`[name=q]`, "half")
		tb.eval(`getSelection().selectAllChildren([...document.querySelectorAll(".list .name")].find((n) => n.textContent === "LatencyHigh"))`)
		e.post(t, body("BrandNew", "firing", "severity", "critical"))
		tb.says("BrandNew")
		assert.Equal(t, "BrandNew", tb.eval(`document.querySelector(".list .name").textContent`), "in its place")
		assert.Equal(t, "LatencyHigh", tb.eval(`getSelection().toString()`))
		assert.Equal(t, "half", tb.eval(`document.querySelector("[name=q]").value`))
		assert.Contains(t, tb.eval(`document.querySelector(".list th:nth-child(5)").textContent`), "UTC+8")
	})
	t.Run("first start", func(t *testing.T) {
		e := newEnv(t)
		tb := b.open(t, e.serve(t)+"/")
		tb.live()
		tb.says("webhook_configs")
		tb.says("curl -H 'Content-Type: application/json'")
		tb.axe()
		tb.shot("first-start")
		// What is shown works as it is: the body of the curl opens an incident, and the page shows it.
		command := tb.eval(`document.querySelectorAll("pre")[1].textContent`)
		_, sent, _ := strings.Cut(command, " -d '")
		e.post(t, strings.TrimSuffix(sent, "'"))
		tb.says("TryMe")
	})
	t.Run("keyboard path", func(t *testing.T) { testKeyboard(t, b) })
	t.Run("phone", func(t *testing.T) { testPhone(t, b) })
	t.Run("axe, light and dark, English and Chinese", func(t *testing.T) { testAccessible(t, b) })
}

func testKeyboard(t *testing.T, b *browser) {
	e := newEnv(t)
	id := stock(t, e)
	tb := b.open(t, e.serve(t)+"/reports")
	focused := `(document.activeElement.textContent || document.activeElement.name)`
	tab := func() string {
		tb.do(chromedp.KeyEvent(kb.Tab))
		return tb.eval(focused)
	}
	assert.Equal(t, "Skip to content", tab())
	tb.do(chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, "q", tab(), "past the bar")
	for n := 0; tab() != "HighErrorRate"; n++ {
		require.Less(t, n, 40, "the first report is within reach")
	}
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.until(`location.pathname === "/reports/` + id + `"`)
	tb.do(chromedp.WaitReady(`#acts`, chromedp.ByQuery))
	for n := 0; tab() != "Analysis is wrong"; n++ {
		require.Less(t, n, 20)
	}
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.until(`document.querySelector("details[data-key=wrong]").open`)
	tab()
	tb.do(chromedp.KeyEvent("the disk"))
	tab()
	assert.Equal(t, "Send", tab())
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.says("Thank you.")
	tb.until(focused + ` === "Analysis is wrong"`)
	for n := 0; !strings.HasPrefix(tab(), "E3: "); n++ {
		require.Less(t, n, 40, "evidence is within reach")
	}
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.until(`document.querySelector("details[data-key=E3]").open`)
}

func testPhone(t *testing.T, b *browser) {
	e := newEnv(t)
	id := stock(t, e)
	address := e.serve(t)
	for _, path := range []string{"/reports", "/reports/" + id} {
		t.Run(path, func(t *testing.T) {
			tb := b.open(t, address+path, chromedp.EmulateViewport(360, 780, chromedp.EmulateMobile))
			tb.shot("phone-" + map[bool]string{true: "list", false: "report"}[path == "/reports"])
			tb.eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`)
			tb.fits()
			tb.axe()
			// And axe would find something, unless a live update takes it away before.
			found := ""
			for n := 0; n < 5 && !strings.Contains(found, `"rule":"label"`); n++ {
				tb.eval(`document.querySelector("main").append(document.createElement("input"))`)
				found = tb.found()
			}
			assert.Contains(t, found, `"rule":"label"`)
		})
	}
}

func testAccessible(t *testing.T, b *browser) {
	for _, language := range []incident.Language{"en", "zh"} {
		e := newEnv(t, func(o *Options) { o.Language = language })
		id := stock(t, e)
		pending := e.post(t, body("Pending", "firing", "severity", "warning"))
		address := e.serve(t)
		for _, scheme := range []string{"light", "dark"} {
			for name, path := range map[string]string{"list": "/reports", "report": "/reports/" + id, "pending": "/reports/" + pending, "problem": "/reports/x", "none": "/reports?q=nothing"} {
				look := strings.Join([]string{name, scheme, string(language)}, "-")
				t.Run(look, func(t *testing.T) {
					tb := b.open(t, address+path, chromedp.ActionFunc(func(ctx context.Context) error {
						return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}).Do(ctx)
					}))
					tb.shot(look)
					tb.eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`)
					tb.axe()
					tb.fits()
				})
			}
		}
	}
}

// TestPageSize: a page with all that it loads is small, and smaller on the way.
func TestPageSize(t *testing.T) {
	e := newEnv(t)
	id := stock(t, e)
	for i := range 60 {
		e.post(t, body(fmt.Sprint("Alert", i), "firing", "severity", "warning", "namespace", "shop"))
	}
	for _, path := range []string{"/reports", "/reports/" + id} {
		shown := e.get(t, path)
		size := len(shown.text)
		for _, name := range e.assetPaths(shown.text) {
			size += len(e.get(t, name).text)
		}
		if path != "/reports" {
			for _, chart := range []string{"/E2.svg", "/E4.svg"} {
				size += len(e.get(t, path+chart).text)
			}
		}
		assert.Less(t, size, 100_000, path)
		packed := e.do(t, http.MethodGet, path, "", "Accept-Encoding", "gzip")
		assert.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
		assert.Less(t, len(packed.text), len(shown.text)/3)
		r, err := gzip.NewReader(bytes.NewReader([]byte(packed.text)))
		require.NoError(t, err)
		var plain bytes.Buffer
		_, err = plain.ReadFrom(r)
		require.NoError(t, err)
		assert.Contains(t, plain.String(), "</html>")
		t.Logf("%s: %d bytes, %d of them the page, which is %d on the way", path, size, len(shown.text), len(packed.text))
	}
	assert.Empty(t, e.do(t, http.MethodHead, "/api/v1/events", "", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"))
	var list struct{ Total int }
	require.NoError(t, json.Unmarshal([]byte(e.get(t, "/api/v1/incidents").text), &list))
	assert.Equal(t, 66, list.Total)
}

// assetPaths returns the addresses of static files that a page loads.
func (e *env) assetPaths(page string) []string {
	var out []string
	for part := range strings.SplitSeq(page, `"/static/`) {
		name, _, _ := strings.Cut(part, `"`)
		if !strings.Contains(name, "<") {
			out = append(out, "/static/"+name)
		}
	}
	return out
}
