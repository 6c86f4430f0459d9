package channel_test

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
)

// hostileTexts are short, so that no cut takes away what they try.
var hostileTexts = []string{
	"@channel @here @everyone @all", "ask @oncall_ann", "(@ann)", "@@ann@bob", "done.@ann", "磁盘@ann", "<!channel>", "<!subteam^S1>", "<@U1|ann>", "<users/all>", "<at id=all></at>",
	"&lt;@ann&gt;", "&#60;@ann&#62;", "=?utf-8?q?=0D=0ABcc:_x@evil.example?=", "=?utf-8?b?4oCu?= x", "[x](http://evil.example/)", "![x](http://evil.example/x.png)",
	"https://evil.example/x.png", "<a href='http://evil.example'>x</a>", "</b><i>", "<b", "&", "&amp", "*b* _i_ ~s~ `c` ||d||", "```", "# h", "> q", "- l", "1. l", "---",
	"a\r\nBcc: x@evil.example", "a\u2028b\u0085c", "\u202etxt.exe\u2066", "a\u200bb\u00ad", "\x1b[31mred", "\x00", "مرحبا بالعالم", "👩‍👩‍👧‍👦🔥", "{{ .Secret }}", "{{DATE(2017-02-14T06:08:39Z,SHORT)}}", "${x}",
	"\\", "\\<", "\\]", "|", "%s%d", "\"'", "\xff\xfe", "",
}

// TestHostileTexts puts each into every place of a message: nobody is called, nothing is refused, and what can't be seen is gone.
func TestHostileTexts(t *testing.T) {
	for _, d := range destinations(t) {
		t.Run(fmt.Sprintf("%s edits %v", d.service, d.edits), func(t *testing.T) {
			for i, evil := range hostileTexts {
				for _, l := range []incident.Language{incident.English, incident.Chinese} {
					m := message()
					m.ID, m.Incident, m.Language = fmt.Sprintf("x%d-%s", i, l), incident.NewID(), l
					m.Alertname, m.Severity, m.Summary, m.Cause, m.Action = evil, evil, evil, evil, evil
					m.Labels, m.Group = map[string]string{"pod": evil, evil: "x", "instance": evil}, map[string]string{"team": evil}
					m.NoAnalysis = incident.Reason(evil)
					for _, small := range []bool{false, true} {
						_, err := d.channel.Send(t.Context(), channel.Delivery{Message: m, Small: small})
						require.NoError(t, err, "%q", evil)
					}
					require.Empty(t, d.standin.Violations(), "%q", evil)
				}
			}
			for _, a := range d.standin.Accepted() {
				assert.NotContains(t, a.Text, "\u202e")
				assert.NotContains(t, a.Text, "\x1b")
				assert.NotContains(t, a.Text, "\r")
				assert.Contains(t, string(a.Body)+fmt.Sprint(a.Header), link)
			}
		})
	}
}

// TestLongEverything: whatever is long in a message, and in whatever unit a service counts, it is taken at the first attempt with
// the link to the rest.
func TestLongEverything(t *testing.T) {
	for _, d := range destinations(t) {
		for name, unit := range map[string]string{
			"ASCII": "x", "Chinese": "磁", "emoji": "🔥", "markup": "*", "entities": "&", "quotes": `"`, "backslashes": `\`, "brackets": "<", "combining": "e\u0301", "Arabic": "م",
		} {
			t.Run(fmt.Sprintf("%s edits %v/%s", d.service, d.edits, name), func(t *testing.T) {
				long := strings.Repeat(unit, 5000)
				m := message()
				m.ID, m.Incident = incident.NewID(), incident.NewID()
				m.Alertname, m.Severity, m.Summary, m.Cause, m.Action = long, long, long, long, long
				m.CauseMark, m.ActionMark = channel.ForeignText, channel.Marked
				m.Labels, m.Group = map[string]string{"instance": long}, map[string]string{}
				for i := range 100 {
					m.Labels[fmt.Sprintf("%s%d", strings.Repeat(unit, 300), i)] = strings.Repeat(unit, 300)
					m.Group[fmt.Sprintf("g%d", i)] = long
				}
				_, err := d.channel.Send(t.Context(), channel.Delivery{Message: m})
				require.NoError(t, err)
				got := d.standin.Accepted()
				assert.Contains(t, string(got[len(got)-1].Body)+fmt.Sprint(got[len(got)-1].Header), link)
				assert.Empty(t, d.standin.Violations())
			})
		}
	}
}

// TestWebhookKeepsTheGroupsLabels: where there are too many labels, those by which the group is made stay.
func TestWebhookKeepsTheGroupsLabels(t *testing.T) {
	d := find(t, "webhook")
	m := message()
	m.Group = map[string]string{"zone": "z1"}
	for i := range 500 {
		m.Labels[fmt.Sprintf("label%03d", i)] = strings.Repeat("x", 200)
	}
	m.Labels["zone"] = "z1"
	_, err := d.channel.Send(t.Context(), channel.Delivery{Message: m})
	require.NoError(t, err)
	var got struct{ Labels map[string]string }
	require.NoError(t, json.Unmarshal(d.standin.Accepted()[0].Body, &got))
	assert.Equal(t, "z1", got.Labels["zone"])
	assert.Less(t, len(got.Labels), 100)
	assert.Greater(t, len(got.Labels), 20)
}

// TestOldAlertmanagerRefusesNames: one before 0.27 takes the report without the labels that it does not know how to name.
func TestOldAlertmanagerRefusesNames(t *testing.T) {
	am := notifytest.NewAlertmanager()
	defer am.Close()
	u, err := url.Parse(am.URL)
	require.NoError(t, err)
	c := channel.NewAlertmanager([]*url.URL{u}, channel.Options{Now: func() time.Time { return time.Now() }})
	m := message()
	m.Labels["service.name"] = "orders"
	_, err = c.Send(t.Context(), channel.Delivery{Message: m})
	require.Error(t, err)
	assert.Equal(t, channel.BadContent, channel.AsFailure(err).Kind)
	_, err = c.Send(t.Context(), channel.Delivery{Message: m, Small: true})
	require.NoError(t, err)
	got := am.Alerts()
	require.Len(t, got, 1)
	assert.Equal(t, "shop", got[0].Labels["namespace"])
	assert.NotContains(t, got[0].Labels, "service.name")
}

// TestMailSubjectsAreNotDecodedTwice: what a stranger has encoded as headers are stays as it is written.
func TestMailSubjectsAreNotDecodedTwice(t *testing.T) {
	s, c := mailer(t, "a@example.com")
	m := message()
	m.Alertname = "=?utf-8?b?4oCu?= x"
	_, err := c.Send(t.Context(), channel.Delivery{Message: m})
	require.NoError(t, err)
	header, _ := parts(t, s.Mails()[0].Data)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	assert.NotContains(t, subject, "\u202e")
	assert.Contains(t, subject, "4oCu")
}
