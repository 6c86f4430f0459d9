package handler

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestArticle(t *testing.T) {
	hostile := incident.Evidence{ID: "E3", Title: `"><script>`, Summary: "<b>\nx", Chart: &incident.Chart{}}
	for name, tc := range map[string]struct{ in, want string }{
		"text":   {"<p>a <b>b</b></p>", "<p>a <b>b</b></p>"},
		"a time": {"<p>at 2026-11-20 08:29:35 UTC.</p>", `<p>at <time datetime="2026-11-20T08:29:35Z">2026-11-20 08:29:35 UTC</time>.</p>`},
		"a clock with its zone": {
			"<p>2026-11-20 07:35 UTC, 08:33:25 UTC, 08:33:25 UTC+1</p>",
			`<p><time datetime="2026-11-20T07:35Z">2026-11-20 07:35 UTC</time>, <time datetime="2026-11-20T08:33:25Z">08:33:25 UTC</time>, 08:33:25 UTC+1</p>`,
		},
		"in a zone":   {"<p>at 2026-11-20 16:29:35 UTC+8.</p>", "<p>at 2026-11-20 16:29:35 UTC+8.</p>"},
		"in code":     {"<p><code>2026-11-20 08:29:35 UTC</code></p>", "<p><code>2026-11-20 08:29:35 UTC</code></p>"},
		"other zones": {"<p>2026-11-20 08:29:35 CET</p>", "<p>2026-11-20 08:29:35 CET</p>"},
		"a span": {
			"<p>2026-11-20 07:35 – 08:35 UTC</p>",
			`<p><time datetime="2026-11-20T07:35Z">2026-11-20 07:35</time> – <time datetime="2026-11-20T08:35Z">08:35 UTC</time></p>`,
		},
		"a span of days": {
			"<p>2026-11-20 23:35 – 2026-11-21 00:35 UTC</p>",
			`<p><time datetime="2026-11-20T23:35Z">2026-11-20 23:35</time> – <time datetime="2026-11-21T00:35Z">2026-11-21 00:35 UTC</time></p>`,
		},
		"a time alone": {
			"<p>2026-11-20 07:35 UTC</p><p>as of 08:33:25; 00:11:22:33:44:55</p>",
			`<p><time datetime="2026-11-20T07:35Z">2026-11-20 07:35 UTC</time></p><p>as of <time datetime="2026-11-20T08:33:25Z">08:33:25</time>; 00:11:22:33:44:55</p>`,
		},
		"a time alone behind another day": {
			"<p>It was so on 2026-11-19 07:35 UTC.</p><p>Peak at 08:33:25 UTC</p>",
			`<p>It was so on <time datetime="2026-11-19T07:35Z">2026-11-19 07:35 UTC</time>.</p><p>Peak at <time datetime="2026-11-20T08:33:25Z">08:33:25 UTC</time></p>`,
		},
		"a citation": {
			`<p><a href="#e3-x">E3</a> <a href="#e4">E4</a> <a href="http://x">E3</a></p>`,
			`<p><a href="#e3-x" class="cite" title="&#34;&gt;&lt;script&gt;: &lt;b&gt; x">E3</a> <a href="#e4">E4</a> <a href="http://x">E3</a></p>`,
		},
		"code": {"<pre><code>up</code></pre>", `<div class="code"><button type="button" data-copy="">Copy</button><pre><code>up</code></pre></div>`},
		"a table": {
			"<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
			`<table><thead><tr><th scope="col">A</th></tr></thead><tbody><tr><td data-label="A" class="short">1</td><td class="short">2</td></tr></tbody></table>`,
		},
		"cells that are not broken": {
			"<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>告警指标告警指标</td><td>" + strings.Repeat("x", 21) + "</td></tr></tbody></table>",
			`<table><thead><tr><th scope="col">A</th><th scope="col">B</th></tr></thead><tbody><tr><td data-label="A" class="short">告警指标告警指标</td><td data-label="B">` +
				strings.Repeat("x", 21) + "</td></tr></tbody></table>",
		},
		"numbers with their units": {
			"<p>由 2.5 s 升至 64 %（1,024 GiB/s），3 servers, 5 more; 7 小时</p><pre>5 %</pre>",
			`<p>由 <span class="unit">2.5 s</span> 升至 <span class="unit">64 %</span>（<span class="unit">1,024 GiB/s</span>），3 servers, 5 more; <span class="unit">7 小时</span></p>` +
				`<div class="code"><button type="button" data-copy="">Copy</button><pre>5 %</pre></div>`,
		},
		"a number, a time, a number": {
			"<p>5 % at 2026-11-20 08:29:35 UTC, 6 %</p>",
			`<p><span class="unit">5 %</span> at <time datetime="2026-11-20T08:29:35Z">2026-11-20 08:29:35 UTC</time>, <span class="unit">6 %</span></p>`,
		},
		"what failed a check": {"<ul><li>⚠ <b>x</b></li><li>y</li></ul>", `<ul><li class="mark">⚠ <b>x</b></li><li>y</li></ul>`},
		"another report":      {`<p><a href="3kd8a2bcmnopqrstuvwxyz2345">x</a></p>`, `<p><a href="3kd8a2bcmnopqrstuvwxyz2345">x</a></p>`},
		"an item": {
			`<h2 id="evidence">Evidence</h2><h3 id="e3-x">E3: x</h3><p>It <b>rose</b>.</p><h3 id="more">More</h3>`,
			`<section><h2 id="evidence">Evidence<a class="anchor" href="#evidence" aria-label="Link to Evidence">#</a></h2>` +
				`<details class="item" data-key="E3" open=""><summary><h3>E3: x</h3><span class="gist">It rose.</span></summary>` +
				`<div id="e3-x"><a class="anchor" href="#e3-x" aria-label="Link to E3">#</a><p>It <b>rose</b>.</p><h3 id="more">More</h3></div></details></section>`,
		},
		"a chart": {
			`<p><img src="ID/E3.svg" alt="E3 chart"></p>`,
			`<figure data-plot="ID/E3.json?v=7" tabindex="0" role="group" aria-label="Chart E3; arrow keys show values" class="chart">` +
				`<img src="ID/E3.svg?v=7" alt="E3 chart: &lt;b&gt; x" loading="lazy"/></figure>`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := &article{words: &english, revision: 7, day: "2026-11-20", evidence: map[string]incident.Evidence{"E3": hostile}}
			out, err := a.render([]byte(tc.in))
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(out))
		})
	}
}

// TestSides: what is read before the evidence ends soon on both sides of a wide screen, in the usual order where that costs little.
func TestSides(t *testing.T) {
	const (
		head  = "<h1>A</h1>\n<p>FIRING</p>\n<p>Now</p>\n"
		chart = `<p><img src="ID/E3.svg" alt="E3 chart"></p>` + "\n"
		items = `<h2 id="evidence">Evidence</h2><h3 id="e3-x">E3: x</h3><p>It rose.</p>`
	)
	long := func(n int) string { return strings.Repeat("<p>"+strings.Repeat("x", 70)+"</p>", n) }
	part := func(name, inside string) string { return "<h2>" + name + "</h2>" + inside + "\n" }
	for name, tc := range map[string]struct{ in, want string }{
		"causes, actions":              {head + chart + part("Causes", long(5)) + part("Actions", long(5)) + items, "left right"},
		"a long head":                  {head + chart + long(9) + part("Causes", long(5)) + part("Actions", long(5)) + items, "left right"},
		"no chart":                     {head + long(6) + part("Causes", long(5)) + part("Actions", long(5)) + items, "left right"},
		"no chart, and one part":       {head + long(6) + part("Causes", long(5)) + items, "right"},
		"one part":                     {head + chart + part("Causes", long(5)) + items, "left"},
		"others where there is room":   {head + chart + part("Causes", long(20)) + part("Actions", long(2)) + part("Others", long(5)) + items, "left right right"},
		"long actions":                 {head + chart + part("Causes", long(2)) + part("Actions", long(20)) + part("Others", long(5)) + items, "left left right"},
		"each of the others by itself": {head + chart + part("Causes", long(9)) + part("Actions", long(1)) + part("Others", long(4)+"<h3>Past</h3>"+long(4)) + items, "left right left right"},
		"the other order saves much":   {head + chart + long(18) + part("Causes", long(20)) + part("Actions", long(3)) + items, "right left"},
		"no evidence":                  {head + chart + part("Causes", long(5)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &article{words: &english, evidence: map[string]incident.Evidence{}}
			out, err := a.render([]byte(tc.in))
			require.NoError(t, err)
			var got []string
			for _, m := range regexp.MustCompile(`<section class="part (\w+)">`).FindAllSubmatch(out, -1) {
				got = append(got, string(m[1]))
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
}

// TestAboveChart: what is said before the summary is above both sides, so that the chart begins where the summary does.
func TestAboveChart(t *testing.T) {
	const (
		head  = "<h1>A</h1>\n<p>FIRING</p>\n<p>Now</p>\n"
		chart = `<p><img src="ID/E3.svg" alt="E3 chart"></p>` + "\n"
		items = `<h2 id="evidence">Evidence</h2><h3 id="e3-x">E3: x</h3><p>It rose.</p>`
	)
	for name, tc := range map[string]struct{ in, want string }{
		"a state and feedback": {head + "<p>Pending.</p><ul><li>Ann: x</li></ul><p>Summary</p>" + chart + "<ul><li>Carries</li></ul>" + items, "<p>Pending. <ul><li>Ann: x"},
		"the summary alone":    {head + "<p>Summary</p>" + chart + items, ""},
		"no summary":           {head + chart + items, ""},
		"no chart":             {head + "<p>Pending.</p><p>Summary</p>" + items, ""},
		"a chart of the parts": {head + "<p>Pending.</p><h2>Causes</h2><p>x</p>" + chart + items, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &article{words: &english, evidence: map[string]incident.Evidence{}}
			out, err := a.render([]byte(tc.in))
			require.NoError(t, err)
			var got []string
			for _, m := range regexp.MustCompile(`<(p|ul) class="across">((?:<li>)?[^<]*)`).FindAllSubmatch(out, -1) {
				got = append(got, "<"+string(m[1])+">"+string(m[2]))
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
}
