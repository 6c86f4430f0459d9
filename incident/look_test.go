package incident

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// saw is an item as a look brings it: without an id.
func saw(query, summary string) Evidence {
	return Evidence{
		Kind: KindSignal, Title: query, Query: query, Summary: summary,
		Chart: &Chart{Series: []Series{{Points: make([]Point, 2)}}},
	}
}

func ofKind(kind EvidenceKind, title, summary string) Evidence {
	return Evidence{Kind: kind, Title: title, Summary: summary}
}

func citing(ids ...string) *Verdict { return &Verdict{Causes: []Cause{{Evidence: ids}}} }

func idsOf(items []Evidence) []string {
	var ids []string
	for _, e := range items {
		ids = append(ids, e.ID)
	}
	return ids
}

func byID(t *testing.T, items []Evidence, id string) Evidence {
	t.Helper()
	for _, e := range items {
		if e.ID == id {
			return e
		}
	}
	require.Fail(t, "no item has the id "+id, "there are %v", idsOf(items))
	return Evidence{}
}

func lookAt(after time.Duration, items ...Evidence) Look {
	return Look{At: t0.Add(after), Items: items}
}

func refreshAt(after time.Duration, items ...Evidence) Look {
	return Look{At: t0.Add(after), Kinds: RefreshedKinds(), Items: items}
}

func TestAnItemKeepsItsIDOverLooks(t *testing.T) {
	var f Findings
	f.See(lookAt(0, ofKind(KindAlert, "the alert", "1 fires"), saw("a", "6"), saw("b", "7"), ofKind(KindSuspects, "suspects", "x"),
		ofKind(KindAlerts, "2 other alerts", "y")))
	require.Equal(t, []string{"E1", "E2", "E3", "E4", "E5"}, idsOf(f.Evidence))
	assert.Equal(t, t0, f.Evidence[0].At)

	f.See(refreshAt(time.Minute, ofKind(KindAlert, "the alert", "2 fire"), saw("b", "17"), saw("c", "3"), saw("a", "16"),
		ofKind(KindAlerts, "3 other alerts", "z")))
	assert.Equal(t, []string{"E1", "E3", "E6", "E2", "E4", "E5"}, idsOf(f.Evidence))
	for id, want := range map[string]string{"E1": "2 fire", "E2": "16", "E3": "17", "E4": "x", "E5": "z", "E6": "3"} {
		assert.Equal(t, want, byID(t, f.Evidence, id).Summary, id)
	}
	assert.Equal(t, t0, byID(t, f.Evidence, "E4").At, "what was not looked up again is of its own time")
	assert.Equal(t, t0.Add(time.Minute), byID(t, f.Evidence, "E2").At)

	f.See(refreshAt(2*time.Minute, ofKind(KindAlert, "the alert", "3 fire"), saw("a", "26")))
	assert.Equal(t, []string{"E1", "E2", "E4"}, idsOf(f.Evidence), "nobody cites the others")
	f.See(refreshAt(3*time.Minute, saw("d", "1")))
	assert.Equal(t, "d", byID(t, f.Evidence, "E5").Query, "numbers that nothing shown or cited has may come again")
}

func TestWhatCouldNotBeLookedUpStaysAsItWas(t *testing.T) {
	failed := Evidence{Kind: KindSignal, Title: "Signal", Summary: "no connection", Failed: true}
	var f Findings
	f.See(lookAt(0, failed))
	require.Len(t, f.Evidence, 1, "a first look says what failed")
	f.See(refreshAt(time.Second, failed))
	assert.Equal(t, []string{"E1"}, idsOf(f.Evidence), "and fails again under the same id")
	f.See(lookAt(time.Minute, saw("a", "6"), saw("b", "7")))
	require.Len(t, f.Evidence, 2)
	assert.False(t, f.Evidence[0].Failed)
	f.See(refreshAt(2*time.Minute, failed, ofKind(KindAlert, "the alert", "1 fires")))
	assert.Equal(t, []string{"the alert", "a", "b"}, []string{f.Evidence[0].Title, f.Evidence[1].Title, f.Evidence[2].Title})
	assert.Equal(t, t0.Add(time.Minute), f.Evidence[1].At, "of the time at which it was seen")
}

func TestWhatPartialAnswersLackStaysAsItWas(t *testing.T) {
	partial := saw("a", "5")
	partial.Partial = []string{"a store is down"}
	var f Findings
	f.See(lookAt(0, saw("a", "6"), saw("b", "7"), ofKind(KindAlerts, "other", "y")))
	f.See(refreshAt(time.Minute, partial, ofKind(KindAlerts, "other", "z")))
	assert.Equal(t, []string{"E1", "E2", "E3"}, idsOf(f.Evidence), "b may be there")
	assert.Equal(t, "5", f.Evidence[0].Summary, "what is in the answer is new")
	assert.Equal(t, t0, f.Evidence[1].At, "of the time at which it was seen")
	f.See(refreshAt(2*time.Minute, saw("a", "6"), ofKind(KindAlerts, "other", "z")))
	assert.Equal(t, []string{"E1", "E3"}, idsOf(f.Evidence), "a whole answer lacks nothing")
}

func TestAnOlderLookChangesNothing(t *testing.T) {
	var f Findings
	f.See(lookAt(time.Minute, saw("a", "16")))
	f.See(lookAt(0, saw("a", "6")))
	assert.Equal(t, "16", f.Evidence[0].Summary)
}

func TestWhatAVerdictCitesKeepsItsFigures(t *testing.T) {
	var f Findings
	f.See(lookAt(0, saw("a", "6"), saw("b", "7"), saw("c", "8")))
	f.Conclude(citing("E1", "E2"), f.Evidence, nil)
	require.Nil(t, f.Evidence[0].AsAnalyzed, "nothing has changed")

	f.See(refreshAt(time.Minute, saw("a", "47"), saw("c", "48")))
	assert.Equal(t, []string{"E1", "E3", "E2"}, idsOf(f.Evidence))
	was := f.Evidence[0].AsAnalyzed
	require.NotNil(t, was)
	assert.Equal(t, "6", was.Summary)
	assert.Equal(t, t0, was.At)
	assert.Nil(t, was.Chart)
	assert.Nil(t, byID(t, f.Evidence, "E3").AsAnalyzed, "nobody cites it")
	assert.True(t, f.Evidence[2].Earlier, "cited, and not there any more")
	assert.NotNil(t, f.Evidence[2].Chart)

	f.See(refreshAt(2*time.Minute, saw("a", "6"), saw("b", "9"), saw("d", "1")))
	assert.Equal(t, []string{"E1", "E2", "E4"}, idsOf(f.Evidence), "it is there again, and new things have new ids")
	assert.Nil(t, f.Evidence[0].AsAnalyzed, "it is what it was")
	assert.False(t, f.Evidence[1].Earlier)
	assert.Equal(t, "7", f.Evidence[1].AsAnalyzed.Summary)
	assert.Equal(t, []string{"6", "7", "8"}, []string{f.First[0].Summary, f.First[1].Summary, f.First[2].Summary})

	f.Conclude(citing("E4"), f.Evidence, nil)
	assert.Nil(t, f.Evidence[1].AsAnalyzed, "the new verdict has seen what is there")
}

func TestALookWhileTheModelWasThinking(t *testing.T) {
	var f Findings
	f.See(lookAt(0, saw("a", "6"), saw("b", "7")))
	shown := f.Evidence
	f.See(refreshAt(time.Minute, saw("a", "16"), saw("c", "1")))
	f.Conclude(citing("E1", "E2"), shown, nil)
	assert.Equal(t, []string{"E1", "E3", "E2"}, idsOf(f.Evidence))
	assert.Equal(t, "6", f.Evidence[0].AsAnalyzed.Summary)
	assert.Equal(t, "b", f.Evidence[2].Query)
	assert.True(t, f.Evidence[2].Earlier)
	assert.Equal(t, []string{"E1", "E2"}, idsOf(f.Analyzed))
}

func TestWhatWasLookedUpToVerifyStays(t *testing.T) {
	var f Findings
	f.See(lookAt(0, saw("a", "6"), saw("b", "7")))
	f.Conclude(citing("E1"), f.Evidence, nil)
	looked := []Evidence{ofKind(KindComparison, "yesterday", "none"), ofKind(KindComparison, "peers", "well")}
	NumberEvidence(looked, LastEvidenceNumber(f.Evidence))
	f.See(refreshAt(time.Minute, saw("a", "16"), saw("b", "17"), saw("c", "1"))) // and c is E3, too
	final := citing("E1")
	final.Verification = &Verification{Evidence: idsOf(looked)}
	f.Conclude(final, f.Analyzed, looked)
	assert.Equal(t, []string{"E1", "E2", "E5", "E3", "E4"}, idsOf(f.Evidence), "what the model was told of has its ids")
	assert.Equal(t, "c", byID(t, f.Evidence, "E5").Query)
	assert.Equal(t, "yesterday", byID(t, f.Evidence, "E3").Title)

	f.See(refreshAt(2*time.Minute, saw("a", "26")))
	assert.Equal(t, []string{"E1", "E3", "E4"}, idsOf(f.Evidence), "as long as the verdict rests on it")
	f.Conclude(citing("E1"), f.Evidence, nil)
	assert.Equal(t, []string{"E1"}, idsOf(f.Evidence))
}

func TestPictureChanged(t *testing.T) {
	signal := func(peak float64, rises bool) Evidence {
		e := saw("a", "")
		e.Figures = &Figures{Anchor: "1", Rises: rises, Peak: &Figure{Value: peak}}
		return e
	}
	carried := func(share float64, labels ...string) Evidence {
		e := ofKind(KindDrilldown, "by", "")
		set := map[string]string{}
		for i := 0; i < len(labels); i += 2 {
			set[labels[i]] = labels[i+1]
		}
		e.Ranking = []RankedSeries{{Labels: set, Share: share}}
		return e
	}
	other := signal(50, true)
	other.Figures.Anchor = "2"
	failed := signal(50, true)
	failed.Failed = true
	partial := signal(50, true)
	partial.Partial = []string{"a store is down"}
	tests := map[string]struct {
		was, now Evidence
		want     bool
	}{
		"twice as high":                     {signal(6, true), signal(12, true), true},
		"not quite twice as high":           {signal(6, true), signal(11.9, true), false},
		"lower, where high is bad":          {signal(6, true), signal(2, true), false},
		"half, where low is bad":            {signal(90, false), signal(45, false), true},
		"below zero, where low is bad":      {signal(90, false), signal(-1, false), true},
		"not quite half":                    {signal(90, false), signal(46, false), false},
		"twice as low":                      {signal(-5, false), signal(-10, false), true},
		"lower by little":                   {signal(-5, false), signal(-6, false), false},
		"towards zero, where high is bad":   {signal(-8, true), signal(-4, true), true},
		"twice nothing":                     {signal(0, true), signal(1, true), false},
		"of another alert":                  {signal(6, true), other, false},
		"which could not be looked up":      {signal(6, true), failed, false},
		"of a partial answer":               {signal(6, true), partial, false},
		"without figures":                   {saw("a", ""), saw("a", ""), false},
		"another value carries it":          {carried(.8, "city", "a"), carried(.6, "city", "b"), true},
		"the same value carries it":         {carried(.8, "city", "a"), carried(.6, "city", "a"), false},
		"nothing carries it any more":       {carried(.8, "city", "a"), carried(.3, "city", "b"), false},
		"nothing carried it":                {carried(.3, "city", "a"), carried(.8, "city", "b"), false},
		"it is broken down by another name": {carried(.8, "city", "a"), carried(.8, "app", "b"), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var f Findings
			f.See(lookAt(0, tt.was))
			assert.False(t, f.PictureChanged(), "there is no verdict")
			f.Conclude(citing("E1"), f.Evidence, nil)
			assert.False(t, f.PictureChanged(), "nothing was looked up since")
			look := refreshAt(time.Minute, tt.now)
			f.See(look)
			assert.Equal(t, tt.want, f.PictureChanged())
		})
	}
}

// TestTheUnitStays: what the model was shown has its units still when the verdict is verified.
func TestTheUnitStays(t *testing.T) {
	ratio, plain := saw("a", "6"), saw("b", "7")
	ratio.Chart.Unit = "%"
	var f Findings
	f.See(lookAt(0, ratio, plain))
	f.Conclude(citing("E1"), f.Evidence, nil)
	assert.Equal(t, &Chart{Unit: "%"}, f.Analyzed[0].Chart)
	assert.Nil(t, f.Analyzed[1].Chart)
}
