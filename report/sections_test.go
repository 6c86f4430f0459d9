package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// rendered returns the report's text, without front matter.
func rendered(t *testing.T, inc *incident.Incident, f incident.Findings) string {
	t.Helper()
	_, body := splitFrontMatter(newWriter(t, "en").Markdown(inc, f, "x"))
	return string(body)
}

// section returns the part of a report under a heading.
func section(text, heading string) string {
	_, rest, _ := strings.Cut(text, "\n## "+heading+"\n")
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

func TestStatusLine(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(inc *incident.Incident)
		want   string
	}{
		"firing":       {func(*incident.Incident) {}, "**FIRING** · critical · since 2026-11-20 08:29:35 UTC (3m 50s as of 08:33:25) · 2 firing · 1 resolved"},
		"without one":  {func(inc *incident.Incident) { inc.Severity = "" }, "**FIRING** · since 2026-11-20 08:29:35 UTC (3m 50s as of 08:33:25) · 2 firing · 1 resolved"},
		"all firing":   {func(inc *incident.Incident) { inc.Alerts = inc.Alerts[:1] }, "**FIRING** · critical · since 2026-11-20 08:29:35 UTC (3m 50s as of 08:33:25) · `instance=web-1:9090` `job=login`"},
		"truncated":    {func(inc *incident.Incident) { inc.Truncated = 7 }, "2 firing · 1 resolved · 7 hidden (max_alerts)"},
		"resolved":     {func(inc *incident.Incident) { inc.Status, inc.ResolvedAt = incident.Resolved, written }, "**RESOLVED** · critical · from 2026-11-20 08:29:35 UTC to 08:33:25 UTC (3m 50s)"},
		"stale":        {func(inc *incident.Incident) { inc.Status = incident.Stale }, "**STALE** · critical · since 2026-11-20 08:29:35 UTC, last seen 08:30:05 UTC"},
		"the clock":    {func(inc *incident.Incident) { inc.StartedAt = written.Add(time.Hour) }, "(0s as of 08:33:25)"}, // of another machine, which is ahead
		"long ago":     {func(inc *incident.Incident) { inc.StartedAt = inc.StartedAt.AddDate(0, -1, 0) }, "since 2026-10-20 08:29:35 UTC (31d as of 2026-11-20 08:33:25 UTC)"},
		"of days":      {func(inc *incident.Incident) { inc.Status, inc.ResolvedAt = incident.Resolved, written.AddDate(0, 0, 1) }, "from 2026-11-20 08:29:35 UTC to 2026-11-21 08:33:25 UTC (1d)"},
		"other status": {func(inc *incident.Incident) { inc.Status = "odd" }, "**ODD** · critical · since"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := facts()
			tc.change(inc)
			assert.Contains(t, rendered(t, inc, incident.Findings{}), tc.want)
		})
	}
}

func TestFacts(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(inc *incident.Incident)
		want   string
	}{
		"summary": {func(*incident.Incident) {}, "\nMore than 5 % of logins fail.\n"},
		"message": {func(inc *incident.Incident) { inc.Alerts[0].Annotations = map[string]string{"message": "Disk full!"} }, "\nDisk full!\n"},
		"description": {func(inc *incident.Incident) {
			inc.Alerts[0].Annotations = map[string]string{"description": "Disk full"}
		}, "\nDisk full.\n"},
		"the next one": {func(inc *incident.Incident) { inc.Alerts[0].Annotations = nil }, "\nMore than 5 % of logins fail.\n"},
		"ended":        {func(inc *incident.Incident) { inc.Alerts = inc.Alerts[1:2] }, "\nMore than 5 % of logins fail.\n"},
		"labels":       {func(*incident.Incident) {}, " · `job=login`\n"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := facts()
			tc.change(inc)
			head, _, _ := strings.Cut(rendered(t, inc, incident.Findings{}), "\n## ")
			assert.Contains(t, head, tc.want)
		})
	}
}

// The top of a report says what carries the change, what moved first and, without a model, what to look at, as far as the
// evidence says anything.
func TestKeyPoints(t *testing.T) {
	ranked := func(label string, share, score float64, after time.Duration) incident.RankedSeries {
		return incident.RankedSeries{
			Labels: map[string]string{"a": label}, Share: share, Score: score, Direction: "up", Before: 1, After: 9, Onset: opened.Add(after), Confidence: "high",
		}
	}
	item := func(id string, kind incident.EvidenceKind, ranking ...incident.RankedSeries) incident.Evidence {
		return incident.Evidence{ID: id, Kind: kind, Title: "t", Summary: id + " says", Ranking: ranking}
	}
	unsure := ranked("z", 0, 9, 0)
	unsure.Confidence = "low"
	quiet := item("E2", incident.KindDrilldown, ranked("b", .9, 9, 0))
	quiet.Nothing = true
	for name, tc := range map[string]struct {
		evidence []incident.Evidence
		want     []string // "" for none of that line
	}{
		"nothing":    {nil, []string{"", "", "Review the evidence, largest deviation first."}},
		"the signal": {[]incident.Evidence{item("E1", incident.KindSignal)}, []string{"", "", "Review"}},
		"who carries it": {
			[]incident.Evidence{item("E2", incident.KindDrilldown, ranked("b", .6, 9, 0), ranked("c", .3, 9, 0), ranked("d", .05, 9, 0), ranked("e", .04, 9, 0))},
			[]string{"`a=b` 60 % (1 → 9) · `a=c` 30 % (1 → 9) · `a=d` 5 % (1 → 9) [E2]\n", "", "look at `a=b`, which stands out most ([E2])."},
		},
		"without shares": {
			[]incident.Evidence{item("E2", incident.KindDrilldown, ranked("b", 0, 9, 0), ranked("c", 0, 1, 0))},
			[]string{"`a=b` (1 → 9) [E2]\n", "", "Review"},
		},
		"nobody in particular": {[]incident.Evidence{item("E2", incident.KindDrilldown, ranked("b", .001, 9, 0))}, []string{"", "", "Review"}},
		"what moved first": {
			[]incident.Evidence{item("E3", incident.KindSuspects, ranked("b", 0, 90, time.Second), ranked("c", 0, 50, 0), unsure, ranked("d", 0, 40, time.Minute), ranked("e", 0, 30, time.Hour), ranked("f", 0, 1, 0))},
			[]string{"", "`a=c` ↑ up 08:30:05 UTC · `a=b` ↑ up 08:30:06 UTC · `a=d` ↑ up 08:31:05 UTC [E3]\n", "look at `a=b`, which stands out most ([E3])."},
		},
		"no failure":        {[]incident.Evidence{{ID: "E1", Kind: incident.KindDrilldown, Failed: true, Ranking: []incident.RankedSeries{ranked("b", .9, 9, 0)}}}, []string{"", "", "Review"}},
		"not in part":       {[]incident.Evidence{{ID: "E1", Kind: incident.KindDrilldown, Partial: []string{"x"}, Ranking: []incident.RankedSeries{ranked("b", .9, 9, 0)}}, {ID: "E2", Kind: incident.KindSuspects, Partial: []string{"x"}, Ranking: []incident.RankedSeries{ranked("b", 0, 90, time.Second)}}}, []string{"", "", "Review"}},
		"not of old":        {[]incident.Evidence{{ID: "E1", Kind: incident.KindDrilldown, Earlier: true, Ranking: []incident.RankedSeries{ranked("b", .9, 9, 0)}}}, []string{"", "", "Review"}},
		"not where nothing": {[]incident.Evidence{quiet}, []string{"", "", "Review"}},
	} {
		t.Run(name, func(t *testing.T) {
			inc := facts()
			for i := range inc.Alerts {
				delete(inc.Alerts[i].Annotations, "runbook_url")
			}
			head, _, _ := strings.Cut(rendered(t, inc, incident.Findings{Evidence: tc.evidence}), "\n## ")
			for i, name := range []string{english.Carries, english.MovedFirst, english.DoFirst} {
				if tc.want[i] == "" {
					assert.NotContains(t, head, "**"+name+"**")
				} else {
					assert.Contains(t, head, "- **"+name+"**: "+tc.want[i])
				}
			}
		})
	}
}

// What a server said of its partial answers is among the gaps, once for each server and reason, with the items that lack something.
func TestPartialAnswers(t *testing.T) {
	const down, hostile = "store 10.0.0.7:10901 is down", "# no\n* `list` <b>"
	items := []incident.Evidence{
		{ID: "E1", Kind: incident.KindSignal, Title: "Signal", Summary: "High.", Partial: []string{down}, Server: "eu"},
		{ID: "E2", Kind: incident.KindAlerts, Title: "Other alerts", Summary: "x", Partial: []string{down, hostile}, Server: "eu"},
		{ID: "E3", Kind: incident.KindSuspects, Title: "What else", Summary: "y", Partial: []string{down}, Server: "us"},
		{ID: "E4", Kind: incident.KindDrilldown, Title: "By", Summary: "z", Partial: []string{"isPartial"}},
		{ID: "E5", Kind: incident.KindNeighbors, Title: "Targets", Summary: "All up."},
	}
	gaps := section(rendered(t, facts(), incident.Findings{Evidence: items}), "Missing data")
	assert.Contains(t, gaps, "- Partial answers: Prometheus eu: "+down+" ([E1] [E2])\n")
	assert.Contains(t, gaps, "- Partial answers: Prometheus us: "+down+" ([E3])\n")
	assert.Contains(t, gaps, "- Partial answers: isPartial ([E4])\n")
	assert.Equal(t, 4, strings.Count(gaps, "Partial answers"), gaps)
	assert.NotContains(t, gaps, "\n# no")
	assert.NotContains(t, gaps, "<b>")
	assert.Contains(t, rendered(t, facts(), incident.Findings{Evidence: items[4:]}), english.NoGaps)
}

// What found nothing is a line, unless the verdict cites it; what could not be looked up is among the gaps.
func TestNothingFound(t *testing.T) {
	items := []incident.Evidence{
		{ID: "E1", Kind: incident.KindNeighbors, Title: "Targets", Summary: "All up.", Nothing: true},
		{ID: "E2", Kind: incident.KindAlerts, Title: "Other alerts", Summary: "None.", Nothing: true},
		{ID: "E3", Kind: incident.KindHistory, Title: "History", Summary: "Timed out.", Failed: true},
	}
	text := rendered(t, facts(), incident.Findings{Evidence: items})
	assert.NotContains(t, text, "### E")
	assert.Contains(t, section(text, "Evidence"), "\nLooked at, nothing found: Targets (E1) · Other alerts (E2)\n")
	assert.Contains(t, section(text, "Missing data"), "- Lookup failed: History (E3): Timed out.\n")

	cites := &incident.Verdict{Summary: "As [E1] says.", Causes: []incident.Cause{{Hypothesis: "h", Evidence: []string{"E3"}}}}
	text = rendered(t, facts(), incident.Findings{Evidence: items, Verdict: cites})
	assert.Contains(t, text, "### E1: Targets\n\nAll up.\n")
	assert.Contains(t, text, "### E3: History\n\n⚠ **Lookup failed**: Timed out.\n")
	assert.Contains(t, text, "nothing found: Other alerts (E2)\n")
	assert.NotContains(t, text, "cites `E", "they are in this report")
}

func TestAlertTable(t *testing.T) {
	inc := facts()
	inc.Alerts[1].Left = true
	inc.Alerts[2].StartsAt = opened.Add(-90 * time.Second)
	inc.Alerts[2].Labels["zone"] = "b"
	text := section(rendered(t, inc, incident.Findings{}), "Evidence")
	rows := strings.Split(text, "\n")
	var table []string
	for _, row := range rows {
		if strings.HasPrefix(row, "| ") {
			table = append(table, row)
		}
	}
	assert.Len(t, table, 5, "head, rule and an alert each")
	assert.Contains(t, table[2], "web-3:9090", "who fires longest comes first")
	assert.Contains(t, table[2], "`zone=b`")
	assert.NotContains(t, table[2], "job=login", "what all have stands at the top")
	assert.Contains(t, table[3], "web-1:9090")
	assert.Contains(t, table[4], "| left the group |", "and who does not fire last")
	assert.NotContains(t, table[4], "Silence", "nothing to silence")
}

func TestAlertTableIsBounded(t *testing.T) {
	text := section(rendered(t, manyAlerts(500), incident.Findings{}), "Evidence")
	assert.Equal(t, maxAlertRows+1, strings.Count(text, "\n| ")-1)
	assert.Contains(t, text, "… and 480 more, 380 of them firing.")
	assert.Contains(t, text, "**Alertmanager omitted 37 more alerts of this group (max_alerts); see its own page.**")
	inc := facts()
	for i := range 12 {
		inc.Alerts[0].Labels[fmt.Sprintf("label_%02d", i)] = "v"
	}
	text = section(rendered(t, inc, incident.Findings{}), "Evidence")
	assert.Contains(t, text, "`label_06=v` +5 |")
}

// What the alerts say of themselves stands once each, that of the firing ones first.
func TestAlertTexts(t *testing.T) {
	inc := facts()
	for i := range inc.Alerts {
		inc.Alerts[i].Annotations = map[string]string{"summary": fmt.Sprintf("says %d", i%2)}
	}
	text := section(rendered(t, inc, incident.Findings{}), "Evidence")
	assert.Equal(t, 1, strings.Count(text, "**Summary**: says 0"))
	assert.Equal(t, 1, strings.Count(text, "**Summary**: says 1"))
	assert.Less(t, strings.Index(text, "says 0"), strings.Index(text, "says 1"), "alert 2 has ended")
	assert.NotContains(t, text, "Description")
	many := manyAlerts(10)
	for i := range many.Alerts {
		many.Alerts[i].Annotations = map[string]string{"description": fmt.Sprintf("text %d", i)}
	}
	text = section(rendered(t, many, incident.Findings{}), "Evidence")
	assert.Equal(t, maxAlertTexts, strings.Count(text, "**Description**"))
	assert.Contains(t, text, "… and 7 more alert texts.")
}

func TestEvidenceState(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(inc *incident.Incident)
		evidence []incident.Evidence
		want     string
	}{
		"being collected":   {func(*incident.Incident) {}, nil, english.CollectingEvidence},
		"none":              {func(inc *incident.Incident) { inc.Analysis.Evidence = 1 }, nil, english.NoEvidence},
		"none any longer":   {func(inc *incident.Incident) { inc.Status = incident.Stale }, nil, english.NoEvidence},
		"being refreshed":   {func(*incident.Incident) {}, found(), english.RefreshingEvidence},
		"not for the stale": {func(inc *incident.Incident) { inc.Status = incident.Stale }, found(), "### E1"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := facts()
			tc.change(inc)
			text := section(rendered(t, inc, incident.Findings{Evidence: tc.evidence}), "Evidence")
			assert.Contains(t, text, "\n"+tc.want)
		})
	}
}

// A ranking has the columns that it has values for.
func TestRankingColumns(t *testing.T) {
	labels := map[string]string{"a": "b"}
	for name, tc := range map[string]struct {
		ranking incident.RankedSeries
		want    string
	}{
		"score":      {incident.RankedSeries{Score: 3}, "| # | Labels | Direction | Deviation |\n| --- | --- | --- | --- |\n| 1 | `a=b` | ↑ up | 3 |\n"},
		"share":      {incident.RankedSeries{Score: 3, Share: 0.129}, "| # | Labels | Direction | Deviation | Share of change |\n| --- | --- | --- | --- | --- |\n| 1 | `a=b` | ↑ up | 3 | 12.9 % |\n"},
		"values":     {incident.RankedSeries{Score: 3, Before: 1, After: 2}, "| # | Labels | Direction | Deviation | Before | After |\n| --- | --- | --- | --- | --- | --- |\n| 1 | `a=b` | ↑ up | 3 | 1 | 2 |\n"},
		"since":      {incident.RankedSeries{Score: 3, Onset: opened}, "| Since |\n| --- | --- | --- | --- | --- |\n| 1 | `a=b` | ↑ up | 3 | 2026-11-20 08:30:05 UTC |\n"},
		"everything": {incident.RankedSeries{Score: 3, Share: 1, Before: 1, After: 2, Onset: opened}, "| 1 | `a=b` | ↑ up | 3 | 100 % | 1 | 2 | 2026-11-20 08:30:05 UTC |\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.ranking.Labels, tc.ranking.Direction = labels, "up"
			e := incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Ranking: []incident.RankedSeries{tc.ranking}}
			assert.Contains(t, rendered(t, facts(), incident.Findings{Evidence: []incident.Evidence{e}}), tc.want)
		})
	}
}

// Whatever a collector brings, an item stays as long as a reader looks at it.
func TestItemsAreBounded(t *testing.T) {
	e := incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Title: strings.Repeat("t", 999), Summary: strings.Repeat("s", 9999), Query: strings.Repeat("q", 9999)}
	wide := map[string]string{"__name__": "up"}
	for i := range 12 {
		wide[fmt.Sprintf("l%02d", i)] = strings.Repeat("v", 999)
	}
	e.Table = &incident.Table{}
	for i := range 30 {
		e.Ranking = append(e.Ranking, incident.RankedSeries{Labels: wide, Score: float64(30 - i)})
		e.Table.Columns = append(e.Table.Columns, fmt.Sprint("column ", i))
		e.Table.Rows = append(e.Table.Rows, []string{strings.Repeat("c", 9999)})
		e.Lines = append(e.Lines, strings.Repeat("x", 9999))
	}
	text := section(rendered(t, facts(), incident.Findings{Evidence: []incident.Evidence{e}}), "Evidence")
	assert.Contains(t, text, "… and 25 more.", "of the ranking")
	assert.Equal(t, 2, strings.Count(text, "… and 25 more."), "of the table, too")
	assert.Contains(t, text, "… and 18 more.", "of the lines")
	assert.Contains(t, text, "column 9 |\n")
	assert.NotContains(t, text, "column 10")
	assert.Contains(t, text, "| 1 | `up` `l00=", "the name comes first")
	for line := range strings.Lines(text) {
		assert.Less(t, len(line), 6000)
	}
	assert.Equal(t, maxLines, strings.Count(text, "\n"+strings.Repeat("x", lineLength-1)+"…"))
	assert.Less(t, len(text), 45_000)
}

func TestLines(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []string
		want string
	}{
		"as they are":     {[]string{"a", "b"}, "```\na\nb\n```\n"},
		"indentation":     {[]string{"a", "  b", "\tc"}, "```\na\n  b\n    c\n```\n"},
		"empty ones":      {[]string{"a", "", "b"}, "```\na\n\nb\n```\n"},
		"a fence in them": {[]string{"```", "````"}, "`````\n```\n````\n`````\n"},
		"line breaks":     {[]string{"a\nb\r\nc"}, "```\na b c\n```\n"},
		"invisible":       {[]string{"a\u200b\x00\u202eb"}, "```\nab\n```\n"},
		"not UTF-8":       {[]string{"a\xff"}, "```\na\uFFFD\n```\n"},
		"Chinese":         {[]string{"磁盘　已满"}, "```\n磁盘 已满\n```\n"},
		"HTML":            {[]string{"</code><b>"}, "```\n</code><b>\n```\n"},
		"a dozen":         {strings.Split(strings.Repeat("x", 12), ""), strings.Repeat("x\n", 12) + "```\n\n"},
		"one more":        {strings.Split(strings.Repeat("x", 13), ""), strings.Repeat("x\n", 12) + "```\n\n… and 1 more.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := incident.Evidence{ID: "E1", Kind: "logs", Lines: tc.in}
			assert.Contains(t, rendered(t, facts(), incident.Findings{Evidence: []incident.Evidence{e}}), tc.want)
		})
	}
	assert.NotContains(t, rendered(t, facts(), incident.Findings{Evidence: []incident.Evidence{{ID: "E1", Lines: []string{}}}}), "```")
}

// A query is named after the server that it is for, as is the link that opens it.
func TestSources(t *testing.T) {
	for source, want := range map[incident.Source][2]string{
		incident.SourcePrometheus: {"```promql\nup\n```", "[Open in Prometheus][l1]"}, "loki": {"```\nup\n```", "[Open][l1]"}, "": {"```\nup\n```", "[Open][l1]"},
	} {
		e := incident.Evidence{ID: "E1", Query: "up", Source: source, Link: "http://p.example/graph"}
		text := section(rendered(t, &incident.Incident{ID: testID, Status: incident.Firing}, incident.Findings{Evidence: []incident.Evidence{e}}), "Evidence")
		assert.Contains(t, text, want[0])
		assert.Contains(t, text, want[1])
	}
}

func TestTimeline(t *testing.T) {
	for name, tc := range map[string]struct {
		event incident.Event
		want  string
	}{
		"opened":   {incident.Event{Kind: incident.EventOpened, Firing: 3, Joined: 3}, "**opened**, 3 joined, 3 firing"},
		"updated":  {incident.Event{Kind: incident.EventUpdated, Firing: 2, Joined: 1, Ended: 2, Left: 3}, "**updated**, 1 joined, 2 resolved, 3 left the group, 2 firing"},
		"repeated": {incident.Event{Kind: incident.EventRepeated, Firing: 3, Count: 5, Until: opened.Add(time.Minute)}, "**repeated**, 5 times, until 2026-11-20 08:31:05 UTC\n"},
		"once":     {incident.Event{Kind: incident.EventRepeated, Firing: 3, Count: 1}, "**repeated**\n"},
		"at once":  {incident.Event{Kind: incident.EventRepeated, Count: 2, Until: opened}, "**repeated**, 2 times\n"},
		"drafted":  {incident.Event{Kind: incident.EventDrafted, Firing: 3}, "**draft ready**\n"},
		"analyzed": {incident.Event{Kind: incident.EventAnalyzed, Firing: 3}, "**analyzed**\n"},
		"feedback": {incident.Event{Kind: incident.EventFeedback, Firing: 3}, "**feedback**\n"},
		"resolved": {incident.Event{Kind: incident.EventResolved, Ended: 3}, "**resolved**, 3 resolved, 0 firing"},
		"seen":     {incident.Event{Kind: incident.EventContinued, Firing: 1}, "**seen again**, 1 firing"},
		"new kind": {incident.Event{Kind: "paused", Firing: 1}, "**paused**, 1 firing"},
	} {
		t.Run(name, func(t *testing.T) {
			inc := facts()
			tc.event.At = opened
			inc.Timeline = []incident.Event{tc.event}
			assert.Contains(t, section(rendered(t, inc, incident.Findings{}), "Timeline"), "- 2026-11-20 08:30:05 UTC: "+tc.want)
		})
	}
	inc := facts()
	inc.Repeats, inc.LatePeers, inc.Flaps = 5, 2, 1
	assert.Contains(t, rendered(t, inc, incident.Findings{}), "repeated notifications: 5 · late duplicates from an HA peer: 2 · flaps: 1\n")
}

func TestFooter(t *testing.T) {
	inc, f := complete()
	text := rendered(t, inc, f)
	assert.Contains(t, text, "written by AI (model `deepseek-flash`, at 2026-11-20 08:30:45 UTC)")
	assert.Contains(t, text, "Model calls: 1; tokens: 6,120 prompt (2,048 cached), 702 completion; cost: USD 0.001038.")
	assert.NotContains(t, text, english.NotOurs)
	inc.Feedback = []incident.Feedback{{Kind: incident.Confirm, At: opened}}
	assert.Contains(t, rendered(t, inc, f), english.NotOurs)
	f.Verdict = nil
	assert.Contains(t, rendered(t, inc, f), english.FailedAI, "it was paid for")
	inc.Spend = incident.Spend{}
	assert.Contains(t, rendered(t, inc, f), english.NoAI)
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0: {"0s", "0 秒"}, 400 * time.Millisecond: {"0s", "0 秒"}, 600 * time.Millisecond: {"1s", "1 秒"}, 59 * time.Second: {"59s", "59 秒"},
		time.Minute: {"1m", "1 分钟"}, 200 * time.Second: {"3m 20s", "3 分钟 20 秒"}, 59*time.Minute + 59*time.Second: {"59m 59s", "59 分钟 59 秒"},
		time.Hour: {"1h", "1 小时"}, time.Hour + 30*time.Second: {"1h", "1 小时"}, 25 * time.Hour: {"1d 1h", "1 天 1 小时"}, 400 * day: {"400d", "400 天"},
		-time.Minute: {"0s", "0 秒"},
	} {
		assert.Equal(t, want, [2]string{english.duration(d), chinese.duration(d)}, d)
	}
}

func TestFormats(t *testing.T) {
	assert.Equal(t, "2026-11-20 08:30:05 UTC", at(opened))
	assert.Equal(t, "2026-11-20 08:30 – 09:30 UTC", span(opened, opened.Add(time.Hour)))
	assert.Equal(t, "2026-11-20 08:30 – 2026-11-21 08:30 UTC", span(opened, opened.Add(day)))
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1234"} {
		assert.Equal(t, want, thousands(n))
	}
	for v, want := range map[float64]string{0.001038: "USD 0.001038", 0.0099: "USD 0.009900", 0.01: "USD 0.0100", 12.5: "USD 12.5000"} {
		assert.Equal(t, want, usd(v))
	}
	assert.Equal(t, "1 thing", count(1, "%d thing", "%d things"))
	assert.Equal(t, "0 things", count(0, "%d thing", "%d things"))
	assert.Equal(t, "NaN", number(math.NaN(), "%"))
	assert.Equal(t, "+Inf", number(math.Inf(1), "s"))
}

func TestMatchers(t *testing.T) {
	assert.Equal(t, `{a="b",c="d \"e\" \\ \n"}`, matchers(map[string]string{"c": "d \"e\" \\ \n", "a": "b"}))
	assert.Equal(t, `{"a.b"="c"}`, matchers(map[string]string{"a.b": "c"}), "a name that needs quotes has them")
	assert.Equal(t, "{}", matchers(nil))
	assert.Equal(t, "http://am.example/x/#/silences/new?filter=%7Ba%3D%22b%20c%22%7D", silenceURL("http://am.example/x/", map[string]string{"a": "b c"}))
	assert.Equal(t, "http://am.example/x/?a=b#/silences/new?filter=%7Ba%3D%22b%22%7D", silenceURL("http://am.example/x?a=b", map[string]string{"a": "b"}))
	for _, base := range []string{"", "am.example", "javascript:x", "http://am.example/#/x", "//am.example"} {
		assert.Empty(t, silenceURL(base, map[string]string{"a": "b"}), base)
	}
}

// TestCitations: what a text cites is a link where the report has it, in the brackets of either language.
func TestCitations(t *testing.T) {
	for said, want := range map[string]string{
		"rose [E2].": "rose [E2].", "rose (E2, E3).": "rose ([E2] [E3]).", "升高（E2）。": "升高（[E2]）。", "升高（E2、E3）。": "升高（[E2] [E3]）。", "升高（E2，E3）。": "升高（[E2] [E3]）。", "rose [E2,E3]": "rose [E2] [E3]",
		"rose [E99].": `rose \[E99\].`, "升高（E2、E99）。": "升高（E2、E99）。", "E2 rose": "E2 rose",
	} {
		inc, f := complete()
		f.Verdict.Summary = said
		assert.Contains(t, rendered(t, inc, f), "\n"+want+"\n", said)
	}
}
