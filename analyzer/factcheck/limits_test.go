package factcheck

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// Time grows with the size of a text and not faster, whatever the model writes; half a second is for what collects garbage.
func TestCheckingIsLinear(t *testing.T) {
	login := loginScene()
	loginCited := []*incident.Evidence{&login.evidence[2], &login.evidence[4]}
	for _, piece := range []string{
		"1", "1 ", "1h", "1h ", "1-", "1.", "1,", "1,234,", "web-1.", "a-", "a.", "`", "`a", "\"", "\"a", "'a ", "x=\"", "E1-", "/a", "08:27-",
		"[REDACTED:", "1/", ":", "rises, ", "203.0.113.0/24 rises and ", "万", "5 万亿 ", "=", "a=b", "http://", "2026-11-20T",
	} {
		reading := func(n int) time.Duration {
			text := strings.Repeat(piece, n/len(piece))
			best := time.Hour
			for range 2 {
				best = min(best, testbedtest.CPU(func() {
					parseClaims(text)
					parseFacts(text)
					directions(text, loginCited)
				}))
			}
			return best
		}
		small, large := reading(500), reading(4_000)
		assert.Less(t, large, 40*small+500*time.Millisecond, "%q: %s, eight times as much %s", piece, small, large)
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range cleanCauses {
		f.Add(c.text, c.text)
	}
	for _, c := range plantedCauses {
		f.Add(c.text, "0.5 % of 3,000 at 08:27:35Z")
	}
	for _, s := range []string{"E", "E1-", "`", "\"", "1e309", "1e-400", "0", "99999999999999999999:99", "25:00", "\xff\xfe", "[REDACTED:", "[REDACTED:x]", "=\"", "99月99日"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, said, known string) {
		s := loginScene()
		s.evidence[2].Summary, s.evidence[2].Query = known, known
		s.evidence[2].Table = &incident.Table{Columns: []string{known}, Rows: [][]string{{known, known}, {}}}
		s.evidence[2].Ranking[0].Labels = map[string]string{"source": known, metricName: said}
		s.inc.Alerts[0].Annotations = map[string]string{"summary": known}
		s.inc.Alerts[0].GeneratorURL = known
		v := &incident.Verdict{
			Summary: said, Actions: []incident.Action{{Step: said, Why: known, Command: said}},
			Causes: []incident.Cause{{Hypothesis: said, Evidence: []string{"E3", "E9", said}}, {Hypothesis: known}},
		}
		Check(v, s.input())
		marks := v.Marks
		for _, c := range v.Causes {
			marks = append(marks, c.Marks...)
			if !(c.Confidence >= 0 && c.Confidence <= 1) {
				t.Fatalf("confidence %g", c.Confidence)
			}
		}
		for _, m := range marks {
			if !slices.Contains(incident.MarkKinds(), m.Kind) || utf8.RuneCountInString(m.Text) > maxMarkText {
				t.Fatalf("%+v", m)
			}
		}
	})
}
