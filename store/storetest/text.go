package storetest

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// weird is text as strangers may send it.
var weird = map[string]string{
	"nul": "a\x00b", "invalid": "a\xffb\xc3", "four bytes": "a😀𝒳b", "quotes": `a'b"c\d$1`, "lines": "a\r\nb\tc", "empty": "", "surrogate": "a\xed\xa0\x80b",
}

// testWeirdText: whatever stands in a notification, it is accepted, found again, and folded into its own group.
func testWeirdText(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	for name, text := range weird {
		t.Run(name, func(t *testing.T) {
			build := func() *incident.Notification {
				n := firing(name, now.Now())
				n.Receiver, n.GroupKey, n.Body = "r"+text, "k"+text+name, []byte(text)
				n.Alerts[0].Labels = map[string]string{"alertname": "N" + text, "severity": "s" + text, "pod": text, "l" + text: "x"}
				n.Alerts[0].Annotations = map[string]string{"summary": text}
				n.GroupLabels = map[string]string{"alertname": "N" + text}
				return n
			}
			first := accept(t, s, build())
			require.Equal(t, incident.OutcomeOpened, first.Outcome)
			again := accept(t, s, build())
			assert.Equal(t, incident.Receipt{IncidentID: first.IncidentID, Outcome: incident.OutcomeRepeat}, again)
			other := build()
			other.GroupKey += "'"
			assert.Equal(t, incident.OutcomeOpened, accept(t, s, other).Outcome, "of another group")
			for _, work := range incident.Works() {
				claims, err := s.Claim(t.Context(), work, 10)
				require.NoError(t, err)
				for _, c := range claims {
					require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
						result(c, now.Now())(inc, f)
						f.Verdict = &incident.Verdict{Summary: text, Causes: []incident.Cause{{Hypothesis: text + "cause"}}}
					}))
				}
			}
			require.NoError(t, s.Update(t.Context(), first.IncidentID, func(inc *incident.Incident) bool {
				return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "it was " + text, At: now.Now()}) == nil
			}))
			inc, _ := get(t, s, first.IncidentID)
			past, err := s.Past(t.Context(), inc.Alertname, at.AddDate(0, 0, 1))
			require.NoError(t, err)
			if utf8.ValidString(text) { // else the name is another one since
				assert.NotEmpty(t, past)
			}
			call, err := s.ReserveCall(t.Context(), first.IncidentID, 1, incident.Limits{})
			require.NoError(t, err)
			require.NoError(t, s.SettleCall(t.Context(), call, "m"+text, incident.Spend{Calls: 1, Prompt: 1}, true))
			_, err = s.Costs(t.Context(), at.AddDate(0, 0, -1))
			require.NoError(t, err)
			require.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: first.IncidentID, Channel: "oncall", Thread: text, Error: text}))
		})
	}
	bodies := map[string]int{}
	for _, l := range s.log(t) {
		bodies[string(l.Body)]++
	}
	for name, text := range weird {
		assert.Equal(t, 3, bodies[text], "the body is kept to the byte: %s", name)
	}
	assert.Len(t, all(t, s), 2*len(weird))
}

// testSearchesWeirdText: no text of a searcher is more than words, and none is an error.
func testSearchesWeirdText(t *testing.T, e *Engine) {
	s, _ := openAt(t, e)
	accept(t, s, opening("A", "severity=info pod=one"))
	queries := []string{"a", `"`, `a" OR b`, "NEAR(a b)", "^a", "a*", "{words}: a", "支付", "-a", "ÀÀÀ", "١", "a & b", "!a", "a <-> b", ":*", "''", `\`, "a:b", "(", "%", "_"}
	for _, text := range weird {
		queries = append(queries, text)
	}
	for _, text := range queries {
		for _, q := range []incident.Query{
			{Text: text}, {Fingerprint: text}, {GroupKey: text}, {Alertname: text}, {Severity: text}, {Status: incident.Status(text)},
		} {
			_, err := s.List(t.Context(), q)
			require.NoErrorf(t, err, "%q", text)
		}
		_, err := s.FindID(t.Context(), text)
		if text != "" && text != "a" && text != "_" {
			require.ErrorIsf(t, err, incident.ErrNotFound, "%q", text)
		}
		_, _, err = s.Incident(t.Context(), text)
		require.ErrorIs(t, err, incident.ErrNotFound)
	}
}
