package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// withAnnotations is an incident of one alert that has them, in that order where it is not alphabetical.
func withAnnotations(pairs ...string) *incident.Incident {
	inc := facts()
	inc.Alerts = inc.Alerts[:1]
	a := &inc.Alerts[0]
	a.Annotations = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		a.Annotations[pairs[i]] = pairs[i+1]
		a.AnnotationOrder = append(a.AnnotationOrder, pairs[i])
	}
	if slices.IsSorted(a.AnnotationOrder) {
		a.AnnotationOrder = nil
	}
	return inc
}

func TestAnnotations(t *testing.T) {
	for name, tc := range map[string]struct {
		pairs []string
		want  string // of the items
	}{
		"others than summary and description": {
			[]string{"message", "Pod shop/api-1 restarted 5 times", "impact", "nobody can pay", "action", "roll back release 41", "current_value", "5"},
			"- **message**: Pod shop/api-1 restarted 5 times\n- **impact**: nobody can pay\n- **action**: roll back release 41\n- **current_value**: 5\n",
		},
		"no order of its own": {
			[]string{"action", "a", "description", "d", "impact", "i", "message", "m", "summary", "s"},
			"- **Summary**: s\n- **Description**: d\n- **message**: m\n- **action**: a\n- **impact**: i\n",
		},
		"an order of its own": {
			[]string{"impact", "i", "summary", "s", "action", "a"},
			"- **impact**: i\n- **Summary**: s\n- **action**: a\n",
		},
		"Chinese": {
			[]string{"摘要", "支付失败", "处理建议", "回滚"},
			"- **摘要**: 支付失败\n- **处理建议**: 回滚\n",
		},
		"a runbook in words": {
			[]string{"runbook", "Did one of them succeed? Then end all sessions."},
			"- **Runbook**: Did one of them succeed? Then end all sessions.\n",
		},
		"lines stay lines": {
			[]string{"description", "VALUE = 5\n  LABELS = map[a:b]\r\n\n\n- not an item\n# nor a heading\n"},
			"- **Description**: VALUE = 5\\\n  LABELS = map\\[a:b\\]\n\n  \\- not an item\\\n  \\# nor a heading\n",
		},
		"a URL is a link":             {[]string{"ticket", " https://t.example/1 "}, "- **ticket**: [`https://t.example/1`][l3]\n"},
		"a URL within words is not":   {[]string{"ticket", "see https://t.example/1"}, "- **ticket**: see `https://t.example/1`\n"},
		"no link that we would offer": {[]string{"ticket", "javascript:alert(1)"}, "- **ticket**: javascript:alert(1)\n"},
		"a runbook that is no link":   {[]string{"runbook_url", "see the wiki"}, "- **runbook_url**: see the wiki\n"},
		"nothing in it":               {[]string{"a", " \n", "b", "\u200b"}, ""},
		"links stand below":           {[]string{"runbook_url", "https://w.example/r", "silenceURL", "http://alertmanager.example:9093/s"}, ""},
		"a silence elsewhere":         {[]string{"silenceURL", "https://evil.example/s"}, "- **silenceURL**: [`https://evil.example/s`][l2]\n"},
		"Grafana's internal names":    {[]string{"__value_string__", "x"}, "- **\\_\\_value_string\\_\\_**: x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text := section(rendered(t, withAnnotations(tc.pairs...), incident.Findings{}), "Evidence")
			items, _, _ := strings.Cut(text, "\n| Status")
			if tc.want == "" {
				assert.NotContains(t, items, "- **")
				return
			}
			assert.Contains(t, "\n"+items, "\n"+tc.want)
			assert.Equal(t, strings.Count(tc.want, "**"), strings.Count(items, "**"))
			assertHarmless(t, []byte(text))
		})
	}
}

// TestAnnotationsOfSeveralAlerts: what all say stands once, and what differs beside the labels that tell whose it is.
func TestAnnotationsOfSeveralAlerts(t *testing.T) {
	inc := facts()
	for i := range inc.Alerts {
		inc.Alerts[i].Annotations = map[string]string{"summary": "Queue is long", "team": "shop", "value": fmt.Sprint(i), "silenceURL": fmt.Sprint("https://g.example/", i)}
	}
	inc.ExternalURL = "https://g.example/"
	text := section(rendered(t, inc, incident.Findings{}), "Evidence")
	assert.Equal(t, 1, strings.Count(text, "- **Summary**: Queue is long\n- **team**: shop\n"))
	assert.Contains(t, text, "`instance=web-1:9090`: \n\n- **value**: 0\n\n`instance=web-3:9090`: \n\n- **value**: 2\n\n`instance=web-2:9090`: \n\n- **value**: 1\n")
	for i := range inc.Alerts {
		inc.Alerts[i].Annotations = maps.Clone(inc.Alerts[0].Annotations)
	}
	text = section(rendered(t, inc, incident.Findings{}), "Evidence")
	assert.Equal(t, 1, strings.Count(text, "- **value**: 0\n"))
	assert.NotContains(t, text, "`instance=web-1:9090`:")
}

func TestAnnotationsAreBounded(t *testing.T) {
	inc := withAnnotations("description", strings.Repeat("line\n", 2000))
	for i := range 100 {
		inc.Alerts[0].Annotations[fmt.Sprintf("a%03d", i)] = "x"
	}
	inc.Alerts[0].AnnotationOrder = nil
	text := section(rendered(t, inc, incident.Findings{}), "Evidence")
	assert.Contains(t, text, "  … and 540 more.\n")
	assert.Contains(t, text, "- … and 61 more.\n")
	assert.Equal(t, maxAnnotations, strings.Count(text, "\n- **"))
	assert.NotContains(t, text, "a039")
}

func TestFirstStep(t *testing.T) {
	for name, tc := range map[string]struct {
		pairs []string
		want  string
	}{
		"a link":      {[]string{"runbook_url", "https://w.example/r", "runbook", "words"}, "- **Do first**: [Open the runbook (w.example)][l1].\n"},
		"of a cousin": {[]string{"playbook", "https://w.example/r"}, "- **Do first**: [Open the runbook (w.example)][l1].\n"},
		"words":       {[]string{"runbook", "Did one of them succeed?\nThen end all sessions"}, "- **Do first**: The runbook says: Did one of them succeed? Then end all sessions.\n"},
		"none":        {nil, "- **Do first**: Review the evidence, largest deviation first.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, rendered(t, withAnnotations(tc.pairs...), incident.Findings{}), tc.want)
		})
	}
}

// linksOf returns the destinations of links by their labels, in the order of the alert section.
func linksOf(t *testing.T, md string) map[string][]string {
	t.Helper()
	targets := map[string]string{}
	for line := range strings.Lines(md) {
		if name, url, ok := strings.Cut(strings.TrimSpace(line), "]: "); ok && strings.HasPrefix(name, "[l") {
			targets[name[1:]] = url
		}
	}
	require.NotEmpty(t, targets)
	links := map[string][]string{}
	for _, m := range regexp.MustCompile(`\[([^\[\]]+)\]\[(l\d+)\]`).FindAllStringSubmatch(md, -1) {
		label, _, _ := strings.Cut(m[1], " (") // its host, see TestLinksSayTheirHost
		if url := targets[m[2]]; url != "" && !slices.Contains(links[label], url) {
			links[label] = append(links[label], url)
		}
	}
	return links
}

// TestLinksFollowTheSettings: where the settings say how people reach a server, no link leads elsewhere.
func TestLinksFollowTheSettings(t *testing.T) {
	public := Servers{Alertmanager: "https://ops.example/am/", Prometheus: "https://ops.example/prom?tenant=a", PrometheusAsked: "http://prometheus:9090"}
	const expr = "g0.expr=sum%28up%7Bjob%3D%22a%7Cb%22%7D%29+%3E+1&g0.tab=1"
	for name, tc := range map[string]struct {
		servers   Servers
		generator string
		label     string
		want      string
	}{
		"as sent":                      {Servers{}, "http://vm:9090/graph?" + expr, "Prometheus", "http://vm:9090/graph?" + expr},
		"the public URL":               {public, "http://vm:9090/graph?" + expr, "Prometheus", "https://ops.example/prom/graph?tenant=a&" + expr},
		"below a prefix":               {public, "http://vm:9090/x/y/graph?" + expr, "Prometheus", "https://ops.example/prom/graph?tenant=a&" + expr},
		"Prometheus 3":                 {public, "http://vm:9090/query?" + expr, "Prometheus", "https://ops.example/prom/query?tenant=a&" + expr},
		"a server without a name":      {Servers{PrometheusAsked: "http://prometheus:9090"}, "http://:9090/graph?" + expr, "Prometheus", "http://prometheus:9090/graph?" + expr},
		"and none that we know":        {Servers{}, "http://:9090/graph?" + expr, "Prometheus", ""},
		"another's name is kept":       {Servers{PrometheusAsked: "http://prometheus:9090"}, "http://vm:9090/graph?" + expr, "Prometheus", "http://vm:9090/graph?" + expr},
		"vmalert":                      {public, "http://vmalert:8880/vmalert/alert?group_id=1", "Rule", "http://vmalert:8880/vmalert/alert?group_id=1"},
		"Loki: a pipe":                 {public, "http://loki:3100/graph?g0.expr=sum%28rate%28%7Bapp%3D%22x%22%7D+%7C%3D+%22error%22+%5B5m%5D%29%29", "Rule", "http://loki:3100/graph?g0.expr=sum%28rate%28%7Bapp%3D%22x%22%7D+%7C%3D+%22error%22+%5B5m%5D%29%29"},
		"Loki: no metric":              {public, "http://loki:3100/graph?g0.expr=rate%28%7Bapp%3D%22x%22%7D%5B5m%5D%29", "Rule", "http://loki:3100/graph?g0.expr=rate%28%7Bapp%3D%22x%22%7D%5B5m%5D%29"},
		"Grafana":                      {public, "https://g.example/alerting/grafana/abc/view?orgId=1", "Grafana", "https://g.example/alerting/grafana/abc/view?orgId=1"},
		"a password is never a link's": {public, "http://u:pw@vm:9090/graph?" + expr, "Prometheus", "https://ops.example/prom/graph?tenant=a&" + expr},
		"nothing":                      {public, "", "Prometheus", ""},
		"no URL":                       {public, "javascript:alert(1)/graph", "Prometheus", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, "en")
			w.servers = tc.servers
			inc := withAnnotations()
			inc.Alerts[0].GeneratorURL = tc.generator
			md := string(w.Markdown(inc, incident.Findings{}, "x"))
			assert.NotContains(t, md, "pw")
			links := linksOf(t, md)
			if tc.want == "" {
				assert.Empty(t, links[tc.label])
			} else {
				assert.Contains(t, links[tc.label], tc.want)
			}
			if tc.servers.Alertmanager != "" && tc.label != "Grafana" {
				assert.NotContains(t, md, "alertmanager.example:9093")
				assert.Equal(t, []string{`https://ops.example/am/#/alerts?filter=%7Balertname%3D%22HighLoginFailureRate%22%7D`}, links["Alertmanager"])
				assert.Contains(t, md, "https://ops.example/am/#/silences/new?filter=")
			}
		})
	}
}

// TestLinksSayTheirHost: what an alert brings may lead anywhere, so a link says where; what the settings name needs no word.
func TestLinksSayTheirHost(t *testing.T) {
	const graph = "/graph?g0.expr=up"
	for name, tc := range map[string]struct {
		servers         Servers
		generator, want string // the label of the link to Prometheus
		language        incident.Language
		group           string // the links of the group
	}{
		"a host of the alert's": {
			Servers{},
			"http://prometheus.example:9090" + graph, "Prometheus (prometheus.example:9090)", "en",
			"[Alertmanager (alertmanager.example:9093)][l2] · [Silence][l3] · [Runbook (w.example)][l1]",
		},
		"in Chinese": {
			Servers{},
			"http://prometheus.example:9090" + graph, "Prometheus（prometheus.example:9090）", "zh",
			"[Alertmanager（alertmanager.example:9093）][l2] · [静默][l3] · [处理手册（w.example）][l1]",
		},
		"hosts of the settings": {
			Servers{PrometheusAsked: "http://PROMETHEUS.example:9090/x", Others: []string{"http://am-1:9093", "http://alertmanager.example:9093"}},
			"http://prometheus.example:9090" + graph, "Prometheus", "en", "[Alertmanager][l2] · [Silence][l3] · [Runbook (w.example)][l1]",
		},
		"public addresses of the settings": {
			Servers{Prometheus: "https://ops.example/prom", Alertmanager: "https://ops.example/am"},
			"http://evil.example" + graph, "Prometheus", "en", "[Alertmanager][l2] · [Silence][l3] · [Runbook (w.example)][l1]",
		},
		"another port": {
			Servers{PrometheusAsked: "http://prometheus.example:9090"},
			"http://prometheus.example:9999" + graph,
			"Prometheus (prometheus.example:9999)", "en", "[Alertmanager (alertmanager.example:9093)][l2]",
		},
		"a name before the host": {
			Servers{PrometheusAsked: "http://prometheus.example:9090"},
			"http://prometheus.example:9090@evil.example" + graph,
			"Prometheus (evil.example)", "en", "",
		},
		"Markdown in the host": {Servers{}, "http://a_b_.evil.example" + graph, `Prometheus (a_b\_.evil.example)`, "en", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, tc.language)
			w.servers = tc.servers
			inc := withAnnotations("runbook_url", "https://w.example/disk")
			inc.Alerts[0].GeneratorURL = tc.generator
			md := string(w.Markdown(inc, incident.Findings{}, "x"))
			assert.Contains(t, md, "["+tc.want+"][l")
			assert.Contains(t, md, tc.group)
			if tc.language == "en" {
				assert.Contains(t, md, "[Open the runbook (w.example)][l1]")
			}
		})
	}
}

// TestRunbooksThatAreNoLinks: a runbook that is no absolute URL of the web is text, whatever a browser would make of it.
func TestRunbooksThatAreNoLinks(t *testing.T) {
	href := regexp.MustCompile(`(?i)(?:href|src|action)="([^"]*)"`)
	for _, runbook := range []string{
		"javascript:alert(1)//evil", "JaVaScRiPt:alert('evil')", "java\tscript:alert(1)//evil", "\x01javascript:alert(1)//evil", "vbscript:evil",
		"data:text/html,<script>evil</script>", "data:text/html;base64,ZXZpbA==", "file:///etc/evil", "ftp://evil.example/x", "blob:https://evil.example/x",
		"//evil.example/x", "///evil.example/x", `\\evil.example\x`, `/\evil.example/x`, `\/evil.example`, `https:\\evil.example\x`, `https:/\evil.example/x`,
		"https:evil.example", "https:/evil.example/x", "https:///evil.example/x", "http://", `https://good.example\@evil.example/x`, "http://[evil", "?evil", "#evil",
		"/runbooks/evil.md", "../../evil", "runbooks/evil.md", "C:\\evil.md", "evil.example/x", "<https://evil.example/x", "[evil](//evil.example)", "[evil]: //evil.example",
	} {
		t.Run(runbook, func(t *testing.T) {
			for _, name := range []string{"runbook_url", "runbook", "dashboard_url", "panelURL", silenceAnnotation} {
				w := newWriter(t, "en")
				inc := withAnnotations(name, runbook)
				md := w.Markdown(inc, incident.Findings{}, "x")
				page, err := w.HTML(md)
				require.NoError(t, err)
				for _, m := range href.FindAllStringSubmatch(string(page), -1) {
					assert.Regexp(t, `^(#|https?://(alertscribe|alertmanager|prometheus)\.example[:/])`, m[1], "%s: %s", name, md)
				}
				if shown := regexp.MustCompile(`evil|ZXZpbA`); shown.MatchString(runbook) {
					assert.Regexp(t, shown, string(page), "%s is shown as text", name)
				}
			}
		})
	}
}

// TestLinksOfGrafana: its silences have a page of their own, which the body names for each alert.
func TestLinksOfGrafana(t *testing.T) {
	inc := withAnnotations("dashboardURL", "https://g.example/d/1?orgId=1", "panelURL", "https://g.example/d/1?viewPanel=2", "silenceURL", "https://g.example/alerting/silence/new?alertmanager=grafana",
		"runbook_url", "https://w.example/r", "valueString", "[ var='B' value=97.25 ]", "values", "B=97.25")
	inc.ExternalURL = "https://g.example/sub/?a=b"
	inc.Alerts[0].GeneratorURL = "https://g.example/sub/alerting/grafana/abc/view"
	w := newWriter(t, "en")
	w.servers = Servers{Alertmanager: "https://am.example"}
	md := string(w.Markdown(inc, incident.Findings{}, "x"))
	links := linksOf(t, md)
	assert.Equal(t, []string{"https://g.example/alerting/silence/new?alertmanager=grafana"}, links["Silence"])
	assert.Equal(t, []string{"https://g.example/d/1?orgId=1"}, links["Dashboard"])
	assert.Equal(t, []string{"https://g.example/d/1?viewPanel=2"}, links["Panel"])
	assert.Contains(t, md, "]: https://g.example/sub/alerting/list?a=b\n")
	assert.Contains(t, md, "- **values**: B=97.25\n")
	assert.NotContains(t, md, "#/silences")
	assert.NotContains(t, md, "am.example", "it is not Alertmanager's alert")

	inc.Alerts[0].Annotations["silenceURL"] = "https://evil.example/alerting/silence/new"
	assert.NotContains(t, string(w.Markdown(inc, incident.Findings{}, "x")), "[Silence]", "a form elsewhere is not what the word promises")
	delete(inc.Alerts[0].Annotations, "silenceURL")
	inc.Alerts[0].AnnotationOrder = nil
	md = string(w.Markdown(inc, incident.Findings{}, "x"))
	assert.NotContains(t, md, "Silence", "where the body names none, we know none")
}
