package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func charted() incident.Findings {
	points := make([]incident.Point, 60)
	for i := range points {
		points[i] = incident.Point{At: t0.Add(time.Duration(i) * time.Minute), Value: float64(i)}
	}
	return incident.Findings{
		Evidence: []incident.Evidence{
			{ID: "E1", Kind: incident.KindAlert, Title: "The alerts", Summary: "1 of 1 fires."},
			{
				ID: "E2", Kind: incident.KindSignal, Title: "The signal", Summary: "It rose.", Query: "up", Start: t0, End: t0.Add(time.Hour),
				Chart: &incident.Chart{Series: []incident.Series{{Name: "<script>", Step: time.Minute, Points: points}}},
			},
		},
		Verdict: &incident.Verdict{Summary: "It is down.", Category: "availability", Severity: "critical"},
	}
}

func TestReportPages(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("HighLoad", "firing", "severity", "critical"))

	page := readBody(t, e.get(t, "/reports/"+id), http.StatusOK)
	assert.Contains(t, page, "<h1>HighLoad</h1>", "straight after the 202, before any file")
	assert.Contains(t, page, `data-events="/api/v1/events?id=`+id+`"`)
	assert.NotContains(t, page, "http-equiv")

	e.analyze(t, id, charted())
	resp := e.get(t, "/reports/"+id)
	page = readBody(t, resp, http.StatusOK)
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Contains(t, page, "It is down.")
	assert.Contains(t, page, `<img src="/reports/`+id+`/E2.svg?v=`)
	assert.Contains(t, page, `href="/reports/`+id+`.md"`)
	assert.Contains(t, page, `href="/api/v1/incidents/`+id+`"`)
	assert.Equal(t, 1, strings.Count(page, "<script"), "our own, no series' name")

	resp = e.get(t, "/reports/"+id+".md")
	md := readBody(t, resp, http.StatusOK)
	assert.Equal(t, "text/markdown; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.True(t, strings.HasPrefix(md, "---\nid: "+id+"\n"))
	assert.Contains(t, md, "("+id+"/E2.svg)")

	resp = e.get(t, "/reports/"+id+"/E2.svg")
	svg := readBody(t, resp, http.StatusOK)
	assert.Equal(t, "image/svg+xml", resp.Header.Get("Content-Type"))
	assert.Equal(t, "default-src 'none'; style-src 'unsafe-inline'; sandbox", resp.Header.Get("Content-Security-Policy"))
	assert.Contains(t, svg, "<svg")
	assert.NotContains(t, svg, "<script")

	resp = e.get(t, "/reports/"+id+"/E2.json")
	var values struct{ Series []struct{ Points [][]any } }
	require.NoError(t, json.Unmarshal([]byte(readBody(t, resp, http.StatusOK)), &values))
	assert.Equal(t, []any{float64(t0.Unix()) + 60, "1"}, values.Series[0].Points[1])

	e.post(t, body("HighLoad", "resolved", "severity", "critical"))
	assert.NotContains(t, readBody(t, e.get(t, "/reports/"+id), http.StatusOK), `class="steps"`)
}

// TestReportPageOfDraft: while a draft is verified the page says so and looks again, also when a try has failed.
func TestReportPageOfDraft(t *testing.T) {
	for language, want := range map[incident.Language]string{"en": "Checking the draft against counter-evidence", "zh": "已有初步结论，正在交叉验证"} {
		t.Run(string(language), func(t *testing.T) {
			e := newEnv(t, func(o *Options) { o.Language = language })
			id := e.post(t, body("HighLoad", "firing"))
			page := func() string { return readBody(t, e.get(t, "/reports/"+id), http.StatusOK) }
			assert.NotContains(t, page(), want)
			change := func(f func(inc *incident.Incident)) {
				require.NoError(t, e.store.Update(t.Context(), id, func(inc *incident.Incident) bool {
					f(inc)
					return true
				}))
			}
			change(func(inc *incident.Incident) { inc.EvidenceCollected(inc.Clone(), atOnce(), time.Now()) })
			assert.NotContains(t, page(), want)
			change(func(inc *incident.Incident) { inc.Drafted(inc.Clone(), incident.Spend{}, time.Now()) })
			drafted := page()
			assert.Contains(t, drafted, want)
			assert.Contains(t, drafted, `<li class="now" aria-current="step">`)
			change(func(inc *incident.Incident) { inc.Analysis.Attempts = 1 })
			assert.Contains(t, page(), want)
			change(func(inc *incident.Incident) {
				inc.Analyzed(inc.Clone(), incident.Spend{}, time.Now())
			})
			assert.NotContains(t, page(), want)
		})
	}
}

func TestReportPagesRefuse(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	e.analyze(t, id, charted())
	for _, path := range []string{
		"/reports/" + incident.NewID(), "/reports/" + incident.NewID() + ".md", "/reports/" + incident.NewID() + "/E2.svg",
		"/reports/x", "/reports/x.md", "/reports/" + id + "x", "/reports/" + id + ".html", "/reports/" + id + ".md.md",
		"/reports/" + id + "/E1.svg", "/reports/" + id + "/E3.svg", "/reports/" + id + "/E02.svg", "/reports/" + id + "/E2.png",
		"/reports/" + id + "/e2.svg", "/reports/" + id + "/E2.svg%0a", "/reports/" + id + "/..%2fE2.svg", "/reports/" + id + "/E2.svg/",
		"/reports/%2e%2e%2f" + id, "/reports/../" + id, "/static/style.css", "/static/..%2ftemplates%2freport.html", "/static/", "/favicon.ico",
	} {
		readBody(t, e.get(t, path), http.StatusNotFound)
	}
	e.store.incident = errors.New("database is locked")
	page := readBody(t, e.get(t, "/reports/"+id), http.StatusServiceUnavailable)
	assert.Contains(t, page, "Unavailable")
	assert.NotContains(t, page, "locked")
}

func TestReportsPage(t *testing.T) {
	e := newEnv(t)
	assert.Contains(t, readBody(t, e.get(t, "/"), http.StatusOK), "No incidents yet")
	over := e.post(t, body("Over", "firing", "severity", "info"))
	e.post(t, body("Over", "resolved", "severity", "info"))
	const evil = `<script>alert(1)</script>"'>`
	hostile := e.post(t, body(evil, "firing", "severity", "page", "instance", evil))
	page := readBody(t, e.get(t, "/reports"), http.StatusOK)
	assert.Equal(t, 1, strings.Count(page, "<script"))
	assert.Contains(t, page, "&lt;script&gt;alert(1)")
	assert.Less(t, strings.Index(page, hostile), strings.Index(page, over), "what fires is on top")
	assert.Contains(t, page, `data-events="/api/v1/events"`)
	assert.Contains(t, page, `href="/reports?status=stale"`)
	assert.Contains(t, page, `href="/reports?severity=critical"`)

	page = readBody(t, e.get(t, "/reports?status=resolved&alertname=Over"), http.StatusOK)
	assert.Contains(t, page, over)
	assert.NotContains(t, page, hostile)
	assert.Contains(t, page, `href="/reports?alertname=Over&amp;severity=info&amp;status=resolved"`, "filters add up")
	assert.Contains(t, page, `href="/reports?status=resolved" title="Remove this filter"`)
	page = readBody(t, e.get(t, "/reports?alertname=%3Cscript%3E"), http.StatusOK)
	assert.Contains(t, page, "No incident matches.")
	assert.Equal(t, 1, strings.Count(page, "<script"))
}

func TestReportsPaging(t *testing.T) {
	e := newEnv(t)
	for i := range 7 {
		e.post(t, body(fmt.Sprint("A", i), "firing"))
	}
	link := regexp.MustCompile(`href="([^"]+)" rel="next"`)
	report := regexp.MustCompile(`class="name" href="/reports/([a-z2-7]{26})"`)
	seen := map[string]bool{}
	target, pages := "/reports?limit=3&status=firing", 0
	for ; pages < 5; pages++ {
		page := readBody(t, e.get(t, target), http.StatusOK)
		for _, m := range report.FindAllStringSubmatch(page, -1) {
			assert.False(t, seen[m[1]])
			seen[m[1]] = true
		}
		next := link.FindStringSubmatch(page)
		if next == nil {
			assert.Contains(t, page, `href="/reports?limit=3&amp;status=firing">← First page`)
			break
		}
		target = strings.ReplaceAll(next[1], "&amp;", "&")
	}
	assert.Equal(t, 2, pages)
	assert.Len(t, seen, 7)
}

func TestSecurityHeaders(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	for _, path := range []string{"/", "/reports", "/reports/" + id, "/reports/" + id + ".md", "/api/v1/incidents", "/health", "/nowhere", "/reports/x", "/metrics"} {
		header := e.get(t, path).Header
		assert.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			header.Get("Content-Security-Policy"), path)
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", header.Get("Referrer-Policy"), path)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), path)
	}
	asset := regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`)
	found := asset.FindAllStringSubmatch(readBody(t, e.get(t, "/reports"), http.StatusOK), -1)
	require.NotEmpty(t, found)
	for _, m := range found {
		resp := e.get(t, m[1])
		readBody(t, resp, http.StatusOK)
		assert.Equal(t, "public, max-age=31536000, immutable", resp.Header.Get("Cache-Control"))
		assert.Regexp(t, `^(text/css; charset=utf-8|text/javascript; charset=utf-8|image/svg\+xml)$`, resp.Header.Get("Content-Type"))
	}
}

// TestNothingExternal: pages load nothing from elsewhere and hold no script and no style in themselves.
func TestNothingExternal(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	for _, path := range []string{"/reports", "/reports/" + id, "/reports/x"} {
		resp := e.get(t, path)
		page := readBody(t, resp, resp.StatusCode)
		assert.NotRegexp(t, `(?i)<script>|<script src="(https?:)?//|<style|style=|<link[^>]+href="(https?:)?//|<img[^>]+src="(https?:)?//|javascript:|\son\w+=`, page)
	}
}

func TestRoutePrefix(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.RoutePrefix, o.LinkPrefix = "/scribe/", "" })
	answer := readJSON(t, e.do(t, http.MethodPost, "/scribe/alert", body("A", "firing")), http.StatusAccepted)
	id := answer["incident"].(string)
	assert.Equal(t, "/scribe/reports/"+id, answer["report_url"])
	for _, path := range []string{"/scribe", "/scribe/", "/scribe/reports", "/scribe/reports/" + id, "/scribe/health", "/scribe/-/healthy", "/scribe/metrics"} {
		page := readBody(t, e.get(t, path), http.StatusOK)
		assert.NotRegexp(t, `(href|src)="/[^s]`, page, path)
	}
	for _, path := range []string{"/alert", "/scribealert", "/reports", "/scrib", "/", "/scribe/scribe/reports"} {
		assert.Equal(t, http.StatusNotFound, e.get(t, path).StatusCode, path)
	}
	assert.Contains(t, readBody(t, e.get(t, "/scribe/metrics"), http.StatusOK), `handler="/reports/{id}"`)

	e = newEnv(t, func(o *Options) { o.LinkPrefix = "/behind/a/proxy" })
	answer = readJSON(t, e.do(t, http.MethodPost, "/alert", body("A", "firing")), http.StatusAccepted)
	assert.Equal(t, "/behind/a/proxy/reports/"+answer["incident"].(string), answer["report_url"])
}

func TestLasted(t *testing.T) {
	h := &handler{words: catalogue("en")}
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 3*time.Minute + 20*time.Second: "3m 20s", 2*time.Hour + time.Second: "2h",
		26*time.Hour + 5*time.Minute: "1d 2h", 400 * 24 * time.Hour: "400d", -time.Minute: "0s",
	} {
		h.Now = func() time.Time { return t0.Add(d) }
		assert.Equal(t, want, h.lasted(&incident.Incident{Status: incident.Firing, StartedAt: t0}), d)
		assert.Equal(t, want, h.lasted(&incident.Incident{Status: incident.Resolved, OpenedAt: t0, ResolvedAt: t0.Add(d)}), d)
		assert.Equal(t, want, h.lasted(&incident.Incident{Status: incident.Stale, OpenedAt: t0, LastHeardAt: t0.Add(d)}), d)
	}
}

func TestChinese(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Language = "zh" })
	assert.Contains(t, readBody(t, e.get(t, "/reports"), http.StatusOK), "暂无事件")
	id := e.post(t, body("登录失败率过高", "firing"))
	page := readBody(t, e.get(t, "/reports"), http.StatusOK)
	assert.Contains(t, page, `<html lang="zh-CN">`)
	assert.Contains(t, page, "触发中")
	assert.Contains(t, readBody(t, e.get(t, "/reports/"+id), http.StatusOK), "正在收集证据")
	assert.Contains(t, readBody(t, e.get(t, "/reports/x"), http.StatusNotFound), "报告不存在")
}

// TestWords: every language has all words, with the same verbs.
func TestWords(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	en, zh := reflect.ValueOf(english), reflect.ValueOf(chinese)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		switch en.Field(i).Kind() {
		case reflect.String:
			assert.NotEmpty(t, en.Field(i).String(), name)
			assert.NotEmpty(t, zh.Field(i).String(), name)
			assert.Equal(t, verb.FindAllString(en.Field(i).String(), -1), verb.FindAllString(zh.Field(i).String(), -1), name)
		case reflect.Map:
			for _, key := range en.Field(i).MapKeys() {
				assert.NotEmpty(t, en.Field(i).MapIndex(key).String(), name)
				assert.True(t, zh.Field(i).MapIndex(key).IsValid(), "%s of %s", key, name)
			}
			assert.Equal(t, en.Field(i).Len(), zh.Field(i).Len(), name)
		default:
			t.Fatalf("%s: a kind that this test does not know", name)
		}
	}
	for _, reason := range []incident.Reason{
		incident.NoKey, incident.Authentication, incident.Balance, incident.Budget, incident.Skipped, incident.GaveUp,
	} {
		assert.Contains(t, english.Reasons, reason)
	}
}
