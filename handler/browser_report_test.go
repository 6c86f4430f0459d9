package handler

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/silence"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestBrowserReport looks at a report's page in a real browser.
func TestBrowserReport(t *testing.T) {
	b := startBrowser(t)
	t.Run("live update while text stays selected", func(t *testing.T) { testLiveReport(t, b) })
	t.Run("steps as they happen", func(t *testing.T) { testSteps(t, b) })
	t.Run("right, wrong, and analyze again", func(t *testing.T) { testActs(t, b) })
	t.Run("silence in a real Alertmanager", func(t *testing.T) { testSilence(t, b) })
	t.Run("sign in with the token", func(t *testing.T) { testSignIn(t, b) })
	t.Run("without JavaScript", func(t *testing.T) { testNoScript(t, b) })
	t.Run("values in charts", func(t *testing.T) { testCharts(t, b) })
	t.Run("citations, copying, and local time", func(t *testing.T) { testCitations(t, b) })
}

func testLiveReport(t *testing.T, b *browser) {
	e, address, id := browsed(t)
	tb := b.open(t, address+"/reports/"+id)
	tb.live()
	tb.click(`details[data-key=E3] > summary`)
	tb.eval(`(() => { const code = document.querySelector("details[data-key=E3] pre code"); window.code = code; getSelection().selectAllChildren(code); })()`)
	tb.eval(`window.first = document.querySelector("article h1"), scrollTo(0, 300)`)
	e.post(t, body("HighErrorRate", "firing", "severity", "critical", "namespace", "shop", "instance", "web-2:9090"))
	tb.until(`document.querySelector("article").innerText.includes("web-2:9090")`)
	assert.Equal(t, "sum by (path) (rate(http_requests_total[5m]))", strings.TrimSpace(tb.eval(`getSelection().toString()`)), "what is selected stays")
	assert.Equal(t, "true", tb.eval(`document.querySelector("details[data-key=E3]").open`), "what is open stays")
	assert.Equal(t, "true", tb.eval(`first.isConnected && code.isConnected`), "what is equal is not touched")
	assert.Equal(t, "300", tb.eval(`Math.round(scrollY)`))

	tb.click(`details[data-key=wrong] > summary`)
	tb.fill(`details[data-key=wrong] textarea`, "half a sent")
	e.post(t, body("HighErrorRate", "resolved", "severity", "critical", "namespace", "shop", "instance", "web-1:9090"))
	tb.until(`document.querySelector("article").innerText.includes("RESOLVED") || document.querySelector("article").innerText.includes("resolved")`)
	assert.Equal(t, "half a sent", tb.eval(`document.activeElement.value`), "what is being typed stays, and the focus too")
}

func testSteps(t *testing.T, b *browser) {
	e := newEnv(t)
	id := e.post(t, body("HighErrorRate", "firing", "severity", "critical"))
	tb := b.open(t, e.serve(t)+"/reports/"+id)
	tb.live()
	now := `document.querySelector("[aria-current=step] b")?.textContent`
	assert.Equal(t, "Evidence", tb.eval(now))
	change := func(f func(inc *incident.Incident)) {
		require.NoError(t, e.store.Update(t.Context(), id, func(inc *incident.Incident) bool {
			f(inc)
			return true
		}))
	}
	change(func(inc *incident.Incident) { inc.EvidenceCollected(inc.Clone(), atOnce(), time.Now()) })
	tb.until(now + ` === "Draft by the model"`)
	change(func(inc *incident.Incident) { inc.Drafted(inc.Clone(), incident.Spend{}, time.Now()) })
	tb.until(now + ` === "Counter-evidence"`)
	change(func(inc *incident.Incident) { inc.Analyzed(inc.Clone(), incident.Spend{}, time.Now()) })
	tb.until(`!document.querySelector(".steps")`)
}

func testActs(t *testing.T, b *browser) {
	e, address, id := browsed(t)
	// A name without TLS: there is no Sec-Fetch-Site, and what guards the form is its token.
	tb := b.open(t, untrusted(address)+"/reports/"+id)
	tb.live()
	tb.click(`[data-key=right] button`)
	tb.says("Thank you. The next analysis of this alert receives it.")
	tb.click(`details[data-key=wrong] > summary`)
	tb.fill(`details[data-key=wrong] textarea`, "A cable <b>was</b> pulled.")
	tb.fill(`details[data-key=wrong] input[name=by]`, "ann")
	tb.click(`details[data-key=wrong] form button`)
	tb.says("A cable <b>was</b> pulled.")
	inc, _, err := e.store.Store.Incident(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, inc.Feedback, 2)
	assert.Equal(t, incident.Confirm, inc.Feedback[0].Kind)
	assert.Equal(t, incident.Correct, inc.Feedback[1].Kind)
	assert.Equal(t, "ann", inc.Feedback[1].By)
	assert.Equal(t, "false", tb.eval(`document.querySelector("details[data-key=wrong]").open`))

	tb.click(`[data-key=again] button`)
	tb.says("Analyzing again.")
	tb.until(`document.querySelector(".steps .now b").textContent === "Evidence"`)
	inc, _, err = e.store.Store.Incident(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, incident.Pending, inc.Analysis.State)

	tb.eval(`document.querySelectorAll("[name=form_token]").forEach((f) => f.value = "")`)
	tb.click(`[data-key=right] button`)
	tb.says("reload the page and try again")
}

func testSilence(t *testing.T, b *browser) {
	am := testbedtest.StartAlertmanager(t, testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:9/"})
	u, err := url.Parse(am.URL)
	require.NoError(t, err)
	client, err := silence.New(silence.Options{URL: u})
	require.NoError(t, err)
	_, address, id := browsed(t, func(o *Options) { o.Silencer, o.AlertmanagerURL = client, am.URL })
	tb := b.open(t, address+"/reports/"+id)
	tb.click(`details[data-key=silence] > summary`)
	assert.Equal(t, `alertname="HighErrorRate"`, tb.eval(`document.querySelector("[name=matchers]").value`))
	tb.eval(`document.querySelector("[name=matchers]").value += '\nnamespace=~"shop|cart"'`)
	tb.fill(`details[data-key=silence] [name=by]`, "ann")
	tb.eval(`document.querySelector("[name=duration]").value = "4h0m0s"`)
	tb.click(`details[data-key=silence] form button`)
	tb.says("Silenced.")
	link := tb.eval(`document.querySelector("#notice a").href`)
	made := link[strings.LastIndex(link, "/")+1:]
	assert.Equal(t, am.URL+"/#/silences/"+made, link)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, am.URL+"/api/v2/silence/"+made, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var got struct {
		CreatedBy, Comment string
		StartsAt, EndsAt   time.Time
		Matchers           []struct {
			Name, Value string
			IsRegex     bool
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
	assert.Equal(t, "ann", got.CreatedBy)
	assert.Contains(t, got.Comment, id)
	assert.Equal(t, 4*time.Hour, got.EndsAt.Sub(got.StartsAt).Round(time.Minute))
	assert.Len(t, got.Matchers, 2)

	tb.click(`details[data-key=silence] > summary`)
	tb.eval(`document.querySelector("[name=matchers]").value = 'a=~'`)
	tb.fill(`details[data-key=silence] [name=by]`, "ann")
	tb.eval(`document.querySelector("[name=matchers]").value = 'a=""'`)
	tb.click(`details[data-key=silence] form button`)
	tb.says("at least one must not match the empty string")
}

func testSignIn(t *testing.T, b *browser) {
	e := newEnv(t, func(o *Options) { o.Token = "s3cret" })
	answer := readJSON(t, e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Authorization", "Bearer s3cret"), http.StatusAccepted)
	id := answer["incident"].(string)
	tb := b.open(t, untrusted(e.serve(t))+"/reports/"+id)
	assert.Equal(t, "0", tb.eval(`document.querySelectorAll("[data-key=again]").length`), "nothing is offered before that")
	tb.click(`details[data-key=signin] > summary`)
	tb.fill(`[name=token]`, "wrong")
	tb.click(`details[data-key=signin] button`)
	tb.says("missing or wrong token")
	tb.eval(`document.querySelector("[name=token]").value = ""`)
	tb.fill(`[name=token]`, "s3cret")
	tb.click(`details[data-key=signin] button`)
	tb.says("Signed in.")
	tb.click(`[data-key=again] button`)
	tb.says("Analyzing again.")
	assert.Empty(t, tb.eval(`document.cookie`), "no script reads the cookies")
}

func testNoScript(t *testing.T, b *browser) {
	e, address, id := browsed(t)
	tb := b.open(t, address+"/reports/"+id, chromedp.ActionFunc(func(ctx context.Context) error {
		return emulation.SetScriptExecutionDisabled(true).Do(ctx)
	}))
	tb.noScript = true
	tb.do(chromedp.WaitVisible(`details[data-key=wrong] > summary`, chromedp.ByQuery))
	var shown string
	tb.do(chromedp.Text(`footer`, &shown, chromedp.ByQuery))
	assert.Contains(t, shown, "Reload the page to see what is new.")
	tb.click(`details[data-key=wrong] > summary`)
	tb.fill(`details[data-key=wrong] textarea`, "It was the disk.")
	tb.click(`details[data-key=wrong] form button`)
	tb.do(chromedp.WaitVisible(`#notice:not(:empty)`, chromedp.ByQuery), chromedp.Text(`#notice`, &shown, chromedp.ByQuery))
	assert.Equal(t, "Thank you. The next analysis of this alert receives it.", shown)
	tb.do(chromedp.Text(`article`, &shown, chromedp.ByQuery))
	assert.Contains(t, shown, "It was the disk.")
	inc, _, err := e.store.Store.Incident(t.Context(), id)
	require.NoError(t, err)
	assert.Len(t, inc.Feedback, 1)
	// A citation unfolds what it cites without a script, too.
	tb.click(`article a.cite[href^="#e4"]`)
	tb.do(chromedp.WaitVisible(`details[data-key=E4] pre`, chromedp.ByQuery))
}

func testCharts(t *testing.T, b *browser) {
	_, address, id := browsed(t)
	tb := b.open(t, address+"/reports/"+id)
	tb.click(`details[data-key=E4] > summary`)
	tb.until(`document.querySelectorAll("figure img").length === 2 && [...document.querySelectorAll("figure img")].every((i) => i.complete && i.naturalWidth)`)
	tb.eval(`document.querySelector("article > figure").scrollIntoView()`)
	at := func(share string) {
		t.Helper()
		tb.do(chromedp.ActionFunc(func(ctx context.Context) error {
			var place []float64
			err := chromedp.Evaluate(`(() => { const b = document.querySelector("figure img").getBoundingClientRect(); return [b.left + b.width * `+share+`, b.top + b.height / 2]; })()`, &place).Do(ctx)
			if err != nil {
				return err
			}
			return chromedp.MouseEvent("mouseMoved", place[0], place[1]).Do(ctx)
		}))
	}
	at("(74 + 670 / 4) / 760")                                                                             // a quarter of the hour
	tb.until(`/^16:4[45]:\d\d UTC\+8/.test(document.querySelector("article > figure .values").innerText)`) // to within a pixel
	values := tb.eval(`document.querySelector("article > figure .values").innerText`)
	assert.Contains(t, values, `path="/orders": 0.18`, "of the series at that time")
	assert.Contains(t, values, `path="/cart": `)
	moment, _, _ := strings.Cut(values, "\n")
	tb.until(`document.querySelector("details[data-key=E4] .values").innerText.startsWith("` + moment + `")`)
	assert.Contains(t, tb.eval(`document.querySelector("details[data-key=E4] .values").innerText`), "MiB", "the other chart shows the same time")
	tb.do(chromedp.Focus(`article > figure`, chromedp.ByQuery), chromedp.KeyEvent(kb.ArrowRight))
	tb.until(`/^16:4[56]:\d\d UTC\+8/.test(document.querySelector("article > figure .values").innerText) &&
		!document.querySelector("article > figure .values").innerText.startsWith("` + moment + `")`)
}

func testCitations(t *testing.T, b *browser) {
	_, address, id := browsed(t)
	tb := b.open(t, untrusted(address)+"/reports/"+id)
	assert.Equal(t, "true", tb.eval(`[...document.querySelectorAll("article .code")].every((c) => parseFloat(getComputedStyle(c.querySelector("pre")).paddingRight) >= c.querySelector("button").offsetWidth)`),
		"no button covers a command")
	tb.do(chromedp.Focus(`article a.cite[href^="#e4"]`, chromedp.ByQuery))
	tb.until(`!document.getElementById("peek").hidden`)
	assert.Contains(t, tb.eval(`document.getElementById("peek").innerText`), "E4: What moved first")
	assert.Contains(t, tb.eval(`document.getElementById("peek").innerText`), "12.7 GiB")
	tb.do(chromedp.KeyEvent(kb.Escape))
	tb.until(`document.getElementById("peek").hidden`)
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.until(`document.querySelector("details[data-key=E4]").open`)

	// The browser has no clipboard for us here: the old command has to do.
	tb.eval(`document.addEventListener("copy", () => window.copied = document.activeElement.value)`)
	tb.click(`details[data-key=E4] .code button`)
	tb.until(`document.querySelector("details[data-key=E4] .code button").textContent === "Copied"`)
	assert.Equal(t, `pg_wal_size_bytes{namespace="shop"}`, tb.eval(`copied`))

	time := `[...document.querySelectorAll("article time")].find((t) => t.dateTime === "2026-11-20T09:12:00Z")`
	assert.Equal(t, "2026-11-20 17:12:00 UTC+8", tb.eval(time+`.textContent`), "the reader's clock")
	assert.Equal(t, "2026-11-20 09:12:00 UTC", tb.eval(time+`.title`))
}
