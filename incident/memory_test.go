package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFeedbackValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		feedback Feedback
		want     string // "" for valid
	}{
		"confirmed":       {Feedback{Kind: Confirm}, ""},
		"and more":        {Feedback{Kind: Confirm, Text: "it was that"}, ""},
		"corrected":       {Feedback{Kind: Correct, Text: "the disk", By: "ann"}, ""},
		"as long as may":  {Feedback{Kind: Correct, Text: strings.Repeat("x", MaxFeedbackText), By: strings.Repeat("y", MaxFeedbackBy)}, ""},
		"no kind":         {Feedback{Text: "x"}, "kind: "},
		"another kind":    {Feedback{Kind: "Confirm", Text: "x"}, "kind: "},
		"nothing to say":  {Feedback{Kind: Correct}, "text: "},
		"blank":           {Feedback{Kind: Correct, Text: " \n\t"}, "text: "},
		"too long":        {Feedback{Kind: Confirm, Text: strings.Repeat("x", MaxFeedbackText+1)}, "text: "},
		"a name too long": {Feedback{Kind: Confirm, By: strings.Repeat("x", MaxFeedbackBy+1)}, "by: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.feedback.Validate()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), tc.want), err.Error())
		})
	}
}

func TestRemark(t *testing.T) {
	inc, _ := fold(DefaultPolicy(), nil, group(t0, 1, "warning"))
	inc.FileWritten(inc.Clone())
	before, shared := *inc, inc.Clone()
	said := Feedback{Kind: Correct, Text: "the disk", At: t0.Add(time.Hour)}
	require.ErrorIs(t, inc.AddFeedback(Feedback{Kind: Confirm, At: t0}), ErrNothingToConfirm)
	assert.Equal(t, before, *inc, "what is refused changes nothing")
	require.NoError(t, inc.AddFeedback(said))
	assert.Equal(t, []Feedback{said}, inc.Feedback)
	assert.Equal(t, Event{At: said.At, Kind: EventFeedback, Firing: 1}, inc.Timeline[len(inc.Timeline)-1])
	assert.Equal(t, t0.Add(time.Hour), inc.Due[WorkFile])
	assert.Equal(t, before.Revision+1, inc.Revision)
	assert.Equal(t, before.Generation, inc.Generation)
	assert.Equal(t, before.Analysis, inc.Analysis, "it costs no analysis")
	assert.Equal(t, before.Due[WorkAnalysis], inc.Due[WorkAnalysis])
	assert.Equal(t, before.Due[WorkEvidence], inc.Due[WorkEvidence])

	inc.Analysis.Covered = []string{"an analyzed alert"}
	for i := range maxFeedback {
		clone := inc.Clone()
		was := fmt.Sprint(clone.Feedback)
		require.NoError(t, inc.AddFeedback(Feedback{Kind: Confirm, Text: fmt.Sprint(i), At: t0}))
		assert.Equal(t, was, fmt.Sprint(clone.Feedback), "copies are not changed in place")
	}
	require.Len(t, inc.Feedback, maxFeedback)
	assert.Equal(t, "0", inc.Feedback[0].Text, "the oldest is gone")
	assert.Equal(t, fmt.Sprint(maxFeedback-1), inc.Feedback[maxFeedback-1].Text)
	assert.Empty(t, shared.Feedback)
}

func TestWeigh(t *testing.T) {
	month := 30 * 24 * time.Hour
	for _, tc := range []struct {
		likeness float64
		age      time.Duration
		want     float64
	}{
		{1, 0, 1},
		{.5, 0, .5},
		{1, month, .5},
		{.5, 2 * month, .125},
		{1, month / 2, .70711},
		{1, -month, 1}, // a clock that was set
		{0, 0, 0},
	} {
		assert.InDelta(t, tc.want, MemoryWeight(tc.likeness, tc.age), 1e-5, "%v %v", tc.likeness, tc.age)
	}
}
