package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// FuzzMessages: whatever an alert says, no service refuses a message for its markup or its size, and nobody is called.
func FuzzMessages(f *testing.F) {
	f.Add("<!channel> *b*", "](http://evil.example) </b> &amp", "<@U1> <at id=all></at>")
	f.Add("磁盘已满", "\r\nBcc: x", "`'\"\\")
	all := destinations(f)
	f.Fuzz(func(t *testing.T, name, cause, label string) {
		for _, d := range all {
			m := message()
			m.ID = incident.NewID() // else some services take it for one that they have
			m.Alertname, m.Cause, m.Action, m.Summary, m.Labels = name, cause, label+cause, cause+name, map[string]string{"pod": label, label: name}
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: m})
			require.NoError(t, err, d.service)
			require.Empty(t, d.standin.Violations(), d.service)
		}
	})
}
