package factcheck

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// checked returns the cause of a case after reading and checking.
func (c causeCase) checked() incident.Cause {
	s := scenes()[c.scene]
	cause := incident.Cause{Hypothesis: c.text, Likelihood: "high", Evidence: strings.Fields(c.cites)}
	v := &incident.Verdict{Summary: "It fails.", Causes: []incident.Cause{cause}}
	Check(v, s.input())
	return v.Causes[0]
}

// alarms returns what of honest causes is marked.
func alarms(causes []causeCase) []string {
	var found []string
	for _, c := range causes {
		if marks := c.checked().Marks; len(marks) > 0 {
			found = append(found, fmt.Sprintf("%v: %s", marks, c.text))
		}
	}
	return found
}

// What the checks are worth: every planted invention is caught, and of the honest causes at most one is marked. With
// -v it prints the figures.
func TestChecksMarkOnlyFabrications(t *testing.T) {
	require.GreaterOrEqual(t, len(cleanCauses), 30)
	require.GreaterOrEqual(t, len(plantedCauses), 30)
	false1, false2 := alarms(cleanCauses), alarms(moreCleanCauses)
	assert.LessOrEqual(t, len(false1), 1, strings.Join(false1, "\n"))
	assert.LessOrEqual(t, len(false2), 2, strings.Join(false2, "\n"))
	t.Logf("honest causes marked: %d of %d, and %d of %d", len(false1), len(cleanCauses), len(false2), len(moreCleanCauses))
	caught := map[incident.MarkKind][2]int{}
	for _, c := range plantedCauses {
		n := caught[c.kind]
		n[1]++
		if assert.Equal(t, []incident.Mark{{Kind: c.kind, Text: c.mark}}, c.checked().Marks, c.text) {
			n[0]++
		}
		caught[c.kind] = n
	}
	for _, kind := range incident.MarkKinds() {
		if kind == incident.MarkUnreadField || kind == incident.MarkPromptCut { // found where the answer is read
			continue
		}
		t.Logf("%s caught: %d of %d", kind, caught[kind][0], caught[kind][1])
		assert.Positive(t, caught[kind][1], kind)
	}
}

// Every number and every name of the honest causes, made up in its turn: what share is noticed?
func TestChecksCatchWhatIsAltered(t *testing.T) {
	numbers, names := [2]int{}, [2]int{}
	for _, c := range append(slices.Clone(cleanCauses), moreCleanCauses...) {
		before := c.checked().Marks
		said := parseClaims(c.text)
		try := func(n *[2]int, old, altered string) {
			marked := slices.ContainsFunc(before, func(m incident.Mark) bool { return m.Text == old })
			if marked || old == altered || strings.Count(c.text, old) != 1 {
				return
			}
			other := c
			other.text = strings.Replace(c.text, old, altered, 1)
			n[1]++
			if marks := other.checked().Marks; len(marks) > len(before) {
				n[0]++
			} else {
				t.Logf("not noticed: %s instead of %s in %q", altered, old, c.text)
			}
		}
		for _, q := range said.quantities {
			if value := numeralForm.FindString(q.text); q.dim != dimPlain || q.value > 1 {
				try(&numbers, q.text, strings.Replace(q.text, value, alter(value), 1))
			}
		}
		for _, m := range said.timestamps {
			try(&numbers, m.text, alterClock(m.text))
		}
		for _, n := range said.names {
			try(&names, n.text, alterName(n.text))
		}
	}
	t.Logf("altered numbers noticed: %d of %d; altered names: %d of %d", numbers[0], numbers[1], names[0], names[1])
	assert.GreaterOrEqual(t, float64(numbers[0]), .9*float64(numbers[1]))
	assert.GreaterOrEqual(t, float64(names[0]), .98*float64(names[1]))
}

// alter returns another number with as many decimals, about 2.3 times as large.
func alter(value string) string {
	v, err := strconv.ParseFloat(strings.ReplaceAll(value, ",", ""), 64)
	if err != nil {
		panic(err)
	}
	_, decimals, _ := strings.Cut(value, ".")
	return strconv.FormatFloat(2.3*v+4, 'f', len(decimals), 64)
}

// alterClock moves a time of day by some hours, and a date by some days.
func alterClock(s string) string {
	if at := strings.Index(s, ":"); at > 0 {
		return fmt.Sprintf("%02d", (atoi(s[at-2:at])+5)%24) + s[at:]
	}
	return regexp.MustCompile(`\d+(?: |日|$)`).ReplaceAllString(s, "09${0}")[:len(s)]
}

// alterName changes the last letter or digit, or the first letter where the last ones tell a metric by its name.
func alterName(s string) string {
	if metricForm.MatchString(s) {
		return "x" + s[1:]
	}
	last := s[len(s)-1]
	switch {
	case isDigit(last):
		last = '0' + (last-'0'+3)%10
	case last == 'z':
		last = 'q'
	default:
		last = 'z'
	}
	return s[:len(s)-1] + string(last)
}

func TestNumbersAreComparedWithinRoundingAndUnits(t *testing.T) {
	tests := []struct {
		claim, fact string
		want        bool
	}{
		{"33 %", "0.33", true},
		{"33 %", "33 %", true},
		{"33%", "ratio 0.3349", true},
		{"33.4 %", "0.3349", true}, // cut off
		{"34 %", "0.3349", false},
		{"33 percent", "33.2 %", true},
		{"0.33", "33 %", true},
		{"33 %", "33 s", false},
		{"150 ms", "0.15 s", true},
		{"2.3 s", "2310 ms", true},
		{"2 s", "2310 ms", true},
		{"2.4 s", "2310 ms", false},
		{"1h30m", "5400 s", true},
		{"1 h 30 min", "90m", true},
		{"90 分钟", "1h30m", true},
		{"1h20m", "90m", false},
		{"the 5-minute window", "rate(x[5m])", true},
		{"1.5 GiB", "1610612736", true},
		{"1.6 GB", "1.5 GiB", true},
		{"1.5 GB", "1.5 GiB", true}, // many write GB and mean GiB
		{"1.5 MB", "1.5 GiB", false},
		{"1536 MiB", "1.5 GiB", true},
		{"1.2k requests", "1,234", true},
		{"1,234 requests", "1234.4", true},
		{"1.3k requests", "1,234", false},
		{"2 million rows", "2031000", true},
		{"3.2 万条", "32000", true},
		{"1.5亿", "150000000", true},
		{"about 600", "620", true},
		{"about 600", "720", false},
		{"about 50/s", "47.7/s", true},
		{"about 50/s", "{client=web} 47.7", true},
		{"about 50/s", "34.3/s", false},
		{"about 50/s", "48 %", false},
		{"about 50/s", "50 s", false},
		{"more than 600", "620", true},
		{"more than 600", "590", false},
		{"less than 600", "590", true},
		{"less than 600", "620", false},
		{"近 200 次", "191", true},
		{"12000 requests", "12034", true},
		{"12100 requests", "12034", true},
		{"12300 requests", "12034", false},
		{"5x", "before 20, after 101", true},
		{"5 times", "from 20 to 101", true},
		{"5 倍", "由 20 变为 101", true},
		{"7 times", "from 20 to 101", false},
		{"rose by 81", "from 20 to 101", true},
		{"rose by 60 %", "from 20 to 32", true},
		{"60 percentage points", "from 2 % to 62 %", true},
		{"下降了 60 个百分点", "由 62 % 变为 2 %", true},
		{"50 percentage points", "from 2 % to 62 %", false},
		{"20 µs", "0.00002", true},
		{"64-66 %", "from 64 % to 66 %", true},
		{"64–71 %", "from 64 % to 66 %", false},
		{"６４％", "64 %", true},
		{"12/s", "12.3/s", true},
		{"1e6 rows", "1000000", true},
		{"none: 0 restarts, 1 instance", "nothing", true},
		{"v2.4, p99, 5xx, 3rd, top 5, #7, rank 2, IPv6, 24/7, E7, a /24, 3-node, step 4, OAuth2, k8s, utf-8", "nothing", true},
		{"第 3 步，前 5 名，最近 30 分钟", "nothing", true},
	}
	for _, test := range tests {
		f := new(facts)
		f.addText(test.fact)
		for _, q := range parseClaims(test.claim).quantities {
			got := f.hasNumber(q) || q.dim == dimPlain && q.value <= 1
			if strings.Contains(test.claim, "-") || strings.Contains(test.claim, "–") {
				if got != test.want && q.text != "64" {
					t.Errorf("%q in %q: %t (%+v)", test.claim, test.fact, got, q)
				}
				continue
			}
			assert.Equal(t, test.want, got, "%q in %q (%+v)", test.claim, test.fact, q)
		}
	}
}

func TestTimesAreComparedAsTimes(t *testing.T) {
	tests := []struct {
		claim, fact string
		want        bool
	}{
		{"08:27", "2026-11-20 08:27:35 UTC", true},
		{"08:28 UTC", "2026-11-20 08:27:35 UTC", true}, // rounded
		{"08:29", "2026-11-20 08:27:35 UTC", false},
		{"08:27:35", "2026-11-20T08:27:35Z", true},
		{"08:27:39", "2026-11-20T08:27:35Z", false},
		{"about 08:30", "2026-11-20 08:27:35 UTC", true},
		{"about 08:50", "2026-11-20 08:27:35 UTC", false},
		{"8:27 AM", "2026-11-20 08:27:35 UTC", true},
		{"8:27 pm", "2026-11-20 20:27:35 UTC", true},
		{"16:27 UTC+8", "2026-11-20 08:27:35 UTC", true},
		{"16:27 (UTC+8)", "2026-11-20 08:27:35 UTC", true},
		{"北京时间 16:27", "2026-11-20 08:27:35 UTC", true},
		{"2026-11-20T16:27:35+08:00", "2026-11-20 08:27:35 UTC", true},
		{"16:27", "2026-11-20 08:27:35 UTC", false},
		{"8点27分", "2026-11-20 08:27:35 UTC", true},
		{"8点左右", "2026-11-20 08:02:35 UTC", true},
		{"9点10分", "2026-11-20 08:27:35 UTC", false},
		{"2026-11-20", "2026-11-20 08:27:35 UTC", true},
		{"2026-11-21", "2026-11-20 08:27:35 UTC", false},
		{"11月20日", "2026-11-20 08:27:35 UTC", true},
		{"11月19日", "2026-11-20 08:27:35 UTC", false},
		{"Nov 20", "2026-11-20 08:27:35 UTC", true},
		{"20th November", "2026-11-20 08:27:35 UTC", true},
		{"19 Nov", "2026-11-20 08:27:35 UTC", false},
		{"2026-11-20 08:27", "2026-11-19 08:27:00 UTC", false},
		{"23:59:59", "2026-11-21 00:00:00 UTC", true},
	}
	for _, test := range tests {
		f := new(facts)
		f.addText(test.fact)
		timestamps := parseClaims(test.claim).timestamps
		if assert.Len(t, timestamps, 1, test.claim) {
			assert.Equal(t, test.want, f.hasTime(timestamps[0]), "%q in %q (%+v)", test.claim, test.fact, timestamps[0])
		}
	}
}

func TestWordsAreNoNames(t *testing.T) {
	for _, text := range []string{
		"A brute-force attack, so-called credential-stuffing, on a read-only third-party back-end (e.g. CPU/memory, I/O, TCP/IP).",
		"The \"failed\" log-ins and the 'noisy' neighbour aren't the user's fault; it's web-based and well-known.",
		"Node.js, HTTP/2, TLS 1.3, UTF-8, S3, EC2, OAuth2, IPv6, SHA-256, x86_64, p99.9, 5xx, 1st, 24/7, log4j, k8s, E2E, B2B.",
		"An api-gateway, a message-queue, a per-node limit, a cron-job; see nginx.conf and /etc/hosts, and/or restart.",
		"PostgreSQL, RabbitMQ, OOMKilled, CrashLoopBackOff. [REDACTED:password:1] 数据库/缓存 读写分离",
	} {
		assert.Empty(t, parseClaims(text).names, text)
	}
}

func TestSummaryAndActionsAreChecked(t *testing.T) {
	s := loginScene()
	v := &incident.Verdict{
		Summary: "Since 08:27 UTC 97 % of the failures come from 203.0.113.0/24 (E3). Since 06:10 UTC 12.5 % come from web-9:9090 (E77).",
		Actions: []incident.Action{
			{Step: "Wait 10 minutes, then limit 203.0.113.0/24 to 20 requests per second.", Why: "It makes 97 % of the change."},
			{
				Step: "Block 185.220.101.4 at the edge and roll back to v2.3.9.", Why: "It sends 71 % of the failures.",
				Command: "iptables -A INPUT -s 185.220.101.5 -j DROP; curl -m 30 http://127.0.0.1:9090/metrics; kubectl logs deploy/login-7 --since=10m",
			},
		},
	}
	Check(v, s.input())
	assert.Equal(t, []incident.Mark{
		{Kind: incident.MarkUnknownEvidence, Text: "E77"},
		{Kind: incident.MarkNumberNotFound, Text: "12.5 %"},
		{Kind: incident.MarkNumberNotFound, Text: "06:10 UTC"},
		{Kind: incident.MarkNameNotFound, Text: "web-9:9090"},
	}, v.Marks)
	assert.Empty(t, v.Actions[0].Marks)
	assert.Equal(t, []incident.Mark{
		{Kind: incident.MarkNumberNotFound, Text: "71 %"},
		{Kind: incident.MarkNameNotFound, Text: "185.220.101.4"},
		{Kind: incident.MarkNameNotFound, Text: "v2.3.9"},
		{Kind: incident.MarkNameNotFound, Text: "185.220.101.5"},
	}, v.Actions[1].Marks)
}

// An answer that could not be read as a verdict is checked line by line.
func TestProseIsChecked(t *testing.T) {
	const said = "It is 71 % certain (E77) that 10.1.2.3 did it.\n\nThis is a planned load test of the platform team.\n```sh\ncurl -s https://evil.example/plan\n```\n$ rm -rf /srv/data\n"
	s := scenes()["planted"]
	s.inc.Alerts[0].Annotations["fix"] = "rm -rf /srv/data"
	v := &incident.Verdict{Prose: said}
	Check(v, s.input())
	assert.Equal(t, []incident.Mark{
		{Kind: incident.MarkUnknownEvidence, Text: "E77"},
		{Kind: incident.MarkNumberNotFound, Text: "71 %"},
		{Kind: incident.MarkNameNotFound, Text: "10.1.2.3"},
		{Kind: incident.MarkFromAlertText, Text: "this is a planned load test of the platform team"},
		{Kind: incident.MarkFromAlertText, Text: "https://evil.example/plan"},
		{Kind: incident.MarkFromAlertText, Text: "rm -rf /srv/data"},
	}, v.Marks)
	assert.Equal(t, said, v.Prose, "marks only")

	honest := &incident.Verdict{Prose: "97 % of the failures come from 203.0.113.0/24 (E3).\n\n```sh\nkubectl -n login get pods\n```"}
	Check(honest, loginScene().input())
	assert.Empty(t, honest.Marks)
}

// TestConfidenceOfPartialAnswers: what rests on them is worth a half at most, however well it holds.
func TestConfidenceOfPartialAnswers(t *testing.T) {
	for cites, want := range map[string]float64{"E3": .25, "E2 E3": .38, "E2": .5, "E2 E3 E4": .44} {
		in := loginScene().input()
		for i := range in.Evidence {
			if in.Evidence[i].ID == "E3" {
				in.Evidence[i].Partial = []string{"a store is down"}
			}
		}
		v := &incident.Verdict{Summary: "It fails.", Causes: []incident.Cause{{Hypothesis: "An attack.", Evidence: strings.Fields(cites)}}}
		Check(v, in)
		assert.InDelta(t, want, v.Causes[0].Confidence, 1e-9, cites)
	}
}

func TestConfidenceIsMeasured(t *testing.T) {
	tests := []struct {
		name, cites, text string
		want              float64
	}{
		{"cites nothing", "", "An attack.", 0},
		{"cites what does not exist", "E44", "An attack.", 0},
		{"one kind", "E3", "An attack.", .5},
		{"alert and signal are one observation", "E1 E2", "An attack.", .5},
		{"two kinds", "E2 E3", "An attack.", .75},
		{"three kinds", "E2 E3 E4", "An attack.", .88},
		{"a runbook observes nothing", "E8", "An attack.", 0},
		{"what was not looked up counts for nothing and against it", "E3 E6", "An attack.", .25},
		{"all claims hold", "E2 E3", "97 % of the change come from 203.0.113.0/24 since 08:27 UTC.", .75},
		{"one of five does not", "E2 E3", "91 % of the change come from 203.0.113.0/24 since 08:27 UTC.", .6},
		{"against the evidence", "E3", "The failures from 203.0.113.0/24 fall.", .25},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := causeCase{scene: "login", cites: test.cites, text: test.text}.checked()
			assert.InDelta(t, test.want, c.Confidence, 1e-9, "%v", c.Marks)
			assert.Equal(t, "high", c.Likelihood, "the model's word stays beside it")
		})
	}
}
