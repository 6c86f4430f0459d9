package incident

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func item(id, promql string, values ...float64) Evidence {
	e := Evidence{ID: id, Kind: KindSignal, Title: promql, Query: promql, Summary: id + " as it was"}
	if len(values) > 0 {
		e.Chart = &Chart{Series: []Series{{Points: make([]Point, len(values))}}}
	}
	return e
}

func citing(ids ...string) *Verdict { return &Verdict{Causes: []Cause{{Evidence: ids}}} }

func idsOf(items []Evidence) []string {
	var ids []string
	for _, e := range items {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestAnIDNeverComesToMeanSomethingElse(t *testing.T) {
	f := Findings{Evidence: []Evidence{item("E1", "a"), item("E2", "b"), item("E3", "c")}, Verdict: citing("E2")}
	again := []Evidence{item("E1", "x"), item("E2", "y")}

	f.Evidence = f.Renew(again)
	require.Equal(t, []string{"E4", "E5", "E2"}, idsOf(f.Evidence))
	assert.Equal(t, "b", f.Evidence[2].Title)
	assert.True(t, f.Evidence[2].Earlier)
	assert.Equal(t, "E1", again[0].ID, "what was passed in stays")

	f.Conclude(citing("E5"), f.Evidence, nil, false)
	assert.Equal(t, []string{"E4", "E5"}, idsOf(f.Evidence), "nobody cites E2 any more")
}

func TestEvidenceThatWasCollectedWhileTheModelWasThinking(t *testing.T) {
	seen := []Evidence{item("E1", "a"), item("E2", "b")}
	f := Findings{Evidence: []Evidence{item("E1", "x"), item("E2", "y")}} // collected since
	f.Conclude(citing("E1"), seen, nil, true)
	require.Equal(t, []string{"E3", "E4", "E1"}, idsOf(f.Evidence))
	assert.Equal(t, "a", f.Evidence[2].Title)
}

func TestWhatWasLookedUpToVerifyStays(t *testing.T) {
	f := Findings{Evidence: []Evidence{item("E1", "a"), item("E2", "b")}, Verdict: citing("E1")}
	looked := []Evidence{item("", "yesterday"), item("", "peers")}
	NumberEvidence(looked, LastEvidenceNumber(f.Evidence))
	final := citing("E1")
	final.Verification = &Verification{Evidence: idsOf(looked)}
	f.Conclude(final, f.Evidence, looked, false)
	assert.Equal(t, []string{"E1", "E2", "E3", "E4"}, idsOf(f.Evidence))

	f.Evidence = f.Renew([]Evidence{item("E1", "x")})
	assert.Equal(t, []string{"E5", "E1", "E3", "E4"}, idsOf(f.Evidence), "as long as the verdict rests on it")
	f.Conclude(citing("E5"), f.Evidence, nil, false)
	assert.Equal(t, []string{"E5"}, idsOf(f.Evidence))
}

func TestWhatWasLookedUpWhileEvidenceWasRenewed(t *testing.T) {
	seen := []Evidence{item("E1", "a")}
	looked := []Evidence{item("E2", "yesterday")}
	old := item("E1", "a")
	old.Earlier = true
	f := Findings{Evidence: []Evidence{item("E2", "x"), old}, Verdict: citing("E1")} // renewed since
	final := citing("E1")
	final.Verification = &Verification{Evidence: []string{"E2"}}
	f.Conclude(final, seen, looked, true)
	ids := idsOf(f.Evidence)
	require.Len(t, ids, 3)
	assert.ElementsMatch(t, []string{"E1", "E2"}, ids[len(ids)-2:], "what it rests on keeps its ids")
	assert.Equal(t, "yesterday", f.Evidence[len(ids)-1].Title)
	assert.NotContains(t, ids[:len(ids)-2], "E2", "what was collected since has others")
}

func TestFirstEvidenceIsTakenAsItIs(t *testing.T) {
	again := []Evidence{item("E1", "a")}
	assert.Equal(t, again, Findings{}.Renew(again))
}

func TestRefreshGoesOnWithTheCharts(t *testing.T) {
	f := Findings{Evidence: []Evidence{item("E1", "a"), item("E2", "b", 1, 2)}, Verdict: citing("E2")}
	longer := item("E1", "b", 1, 2, 3)
	longer.Summary, longer.End = "something else", t0.Add(time.Hour)
	items := f.Refresh([]Evidence{longer, item("E2", "c", 1)})
	require.Equal(t, []string{"E1", "E2"}, idsOf(items))
	assert.Len(t, items[1].Chart.Series[0].Points, 3)
	assert.Equal(t, t0.Add(time.Hour), items[1].End)
	assert.Equal(t, "E2 as it was", items[1].Summary)
	assert.Len(t, f.Evidence[1].Chart.Series[0].Points, 2, "what was passed in stays")
}
