package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// stored lays an incident out and reads it again.
func stored(t *testing.T, was, inc *incident.Incident, chunks map[int][]byte) *incident.Incident {
	t.Helper()
	rest, state := Split(inc)
	if Apart(inc) {
		rest.Alerts = nil
	}
	writes, err := EncodeChunks(was, inc)
	require.NoError(t, err)
	for _, w := range writes {
		if w.Doc == nil {
			delete(chunks, w.Number)
		} else {
			chunks[w.Number] = w.Doc
		}
	}
	row := Stored{Chunks: bytes.Join(slices.Collect(func(yield func([]byte) bool) {
		for _, doc := range chunks {
			if !yield(doc) {
				return
			}
		}
	}), []byte(","))}
	row.Doc, err = json.Marshal(rest)
	require.NoError(t, err)
	row.State, err = json.Marshal(state)
	require.NoError(t, err)
	got, err := row.Decode()
	require.NoError(t, err)
	return got
}

// TestLayout takes an incident through all sizes: what is laid out is what is read again, and one alert that changes rewrites its
// chunk alone.
func TestLayout(t *testing.T) {
	chunks := map[int][]byte{}
	var was *incident.Incident
	for _, n := range []int{1, AlertsInDoc, AlertsInDoc + 1, 3 * ChunkAlerts, AlertsInDoc + 1, 2} {
		inc := &incident.Incident{
			ID: "x", Alertname: "A", Repeats: n, LastHeardAt: time.Unix(1, 0).UTC(), FileRevision: 2, Due: incident.Due{incident.WorkFile: time.Unix(2, 0).UTC()},
			Timeline: []incident.Event{{Kind: "opened"}, {Kind: "updated"}},
		}
		for i := range n {
			inc.Alerts = append(inc.Alerts, incident.Alert{Fingerprint: fmt.Sprintf("%04d", i), Labels: map[string]string{"pod": fmt.Sprint(i)}})
		}
		got := stored(t, was, inc, chunks)
		require.Equal(t, inc, got, n)
		if !Apart(inc) {
			assert.Empty(t, chunks, "the alerts of an incident lie in one place")
		}
		was = got
	}
	large := was.Clone()
	large.Alerts = nil
	for i := range 3 * ChunkAlerts {
		large.Alerts = append(large.Alerts, incident.Alert{Fingerprint: fmt.Sprintf("%04d", i)})
	}
	stored(t, was, large, chunks)
	after := large.Clone()
	after.Alerts = slices.Clone(large.Alerts)
	after.Alerts[300].Status = incident.Resolved
	writes, err := EncodeChunks(large, after)
	require.NoError(t, err)
	require.Len(t, writes, 1)
	assert.Equal(t, after.Alerts[300].Chunk, writes[0].Number)
}

// TestSameRest: what a repeat changes is in the repeat state, and nothing else is.
func TestSameRest(t *testing.T) {
	a := &incident.Incident{ID: "x", Severity: "info", Timeline: []incident.Event{{Kind: "opened"}}, Alerts: []incident.Alert{{Fingerprint: "1"}}}
	for name, tc := range map[string]struct {
		change func(*incident.Incident)
		same   bool
	}{
		"heard of": {func(i *incident.Incident) { i.LastHeardAt, i.Repeats = time.Unix(9, 0), 7 }, true},
		"the file": {func(i *incident.Incident) { i.FileRevision, i.Due = 3, nil }, true},
		"severity": {func(i *incident.Incident) { i.Severity = "critical" }, false},
		"alerts":   {func(i *incident.Incident) { i.Alerts = []incident.Alert{{Fingerprint: "1"}} }, false},
		"timeline": {func(i *incident.Incident) { i.Timeline = append(i.Timeline, incident.Event{Kind: "updated"}) }, false},
		"feedback": {func(i *incident.Incident) { i.Feedback = []incident.Feedback{{Text: "x"}} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := a.Clone()
			tc.change(b)
			assert.Equal(t, tc.same, SameRest(a, b))
		})
	}
}

func TestCursor(t *testing.T) {
	c := Cursor{Firing: 1, Rank: 2, OpenedAt: 1766000000000000, Seq: 42}
	got, err := ParseCursor(c.String())
	require.NoError(t, err)
	assert.Equal(t, c, got)
	for _, bad := range []string{"", "x", "1-2-3", "1-2-3-4-5", " 1-2-3-4", "1-2-3-04"} {
		_, err := ParseCursor(bad)
		require.ErrorIs(t, err, incident.ErrCursor, bad)
	}
}

func TestFindings(t *testing.T) {
	for name, f := range map[string]incident.Findings{
		"none": {},
		"all": {
			Evidence: []incident.Evidence{{ID: "E1"}}, Verdict: &incident.Verdict{Summary: "s"}, Memory: []incident.PastIncident{{Incident: "x"}},
			First: []incident.Evidence{{ID: "E1"}}, Analyzed: []incident.Evidence{{ID: "E2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := EncodeFindings(f)
			require.NoError(t, err)
			got, err := raw.Decode()
			require.NoError(t, err)
			assert.Equal(t, f, got)
		})
	}
	for _, bad := range []Findings{{Evidence: []byte("{")}, {Verdict: []byte("[]")}, {Memory: []byte("1")}, {Looks: []byte("x")}} {
		_, err := bad.Decode()
		require.Error(t, err)
	}
}

func TestSearchWords(t *testing.T) {
	assert.Equal(t, "HighErrorRate\nHigh Error Rate\n", SearchWords("HighErrorRate"))
	assert.Equal(t, "web-1\n", SearchWords("web-1"))
	assert.Equal(t, " 支  付 \n", SearchWords("支付"))
	assert.Equal(t, " 支  付 ", Spaced("支付"))
}
