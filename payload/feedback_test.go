package payload

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestDecodeFeedback(t *testing.T) {
	at := time.Date(2026, 11, 20, 16, 30, 5, 123456789, time.FixedZone("", 8*3600))
	f, err := DecodeFeedback(strings.NewReader(`{"kind":"correct","text":"  It was the\r\n\tdisk\u0007\u001b[31m\u202e. 磁盘已满  ","by":" ann\n\u0000\u200b "}`), at)
	require.NoError(t, err)
	assert.Equal(t, incident.Feedback{
		Kind: incident.Correct, Text: "It was the\n\tdisk. 磁盘已满", By: "ann", At: t0.Add(123456 * time.Microsecond),
	}, f)
	f, err = DecodeFeedback(strings.NewReader(`{"kind":"confirm","text":null}`), t0)
	require.NoError(t, err)
	assert.Equal(t, incident.Feedback{Kind: incident.Confirm, At: t0}, f)
}

func TestDecodeFeedbackRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		body, field, reason string
		tooLarge            bool
	}{
		"nothing":               {"", "body", `empty; send a JSON object such as {"kind":"correct","text":"the disk was full"}`, false},
		"not an object":         {`["confirm"]`, "body", `["confirm"] is not an object; send`, false},
		"cut off":               {`{"kind":`, "body", "not JSON: cut off after byte 8; send", false},
		"an unknown key":        {`{"kind":"confirm","a\nb":1}`, `["a\nb"]`, "not a key of feedback; send kind, text and by", false},
		"text that nobody sees": {"{\"kind\":\"correct\",\"text\":\"\u200b\u3164\u202e\"}", "text", "is empty", false},
		"not UTF-8":             {"{\"kind\":\"confirm\",\"text\":\"\xff\"}", "text", "not UTF-8", false},
		"no kind":               {`{"text":"x"}`, "kind", `"" is not one of confirm, correct`, false},
		"too large":             {strings.Repeat(" ", 16<<10+1), "body", "over 16384 bytes; send less: a text has at most 2000", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeFeedback(strings.NewReader(tc.body), t0)
			var bad *Error
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, tc.field, bad.Field)
			assert.True(t, strings.HasPrefix(bad.Reason, tc.reason), bad.Reason)
			assert.Equal(t, tc.tooLarge, bad.TooLarge)
		})
	}
	errGone := errors.New("the connection is gone")
	_, err := DecodeFeedback(iotest.ErrReader(errGone), t0)
	require.ErrorIs(t, err, errGone)
}
