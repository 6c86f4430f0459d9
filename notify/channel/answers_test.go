package channel_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
)

// TestRetryAfterForms: whatever a service writes there, the pause is one between nothing and an hour.
func TestRetryAfterForms(t *testing.T) {
	at := func(d time.Duration) string {
		return time.Date(2020, 2, 29, 23, 59, 0, 0, time.UTC).Add(d).Format(http.TimeFormat)
	}
	for name, tt := range map[string]struct {
		header map[string]string
		body   string
		want   time.Duration
	}{
		"seconds":           {map[string]string{"Retry-After": "7"}, "", 7 * time.Second},
		"fraction":          {map[string]string{"Retry-After": "0.25"}, "", 250 * time.Millisecond},
		"negative":          {map[string]string{"Retry-After": "-3"}, "", 0},
		"too long":          {map[string]string{"Retry-After": "99999999999"}, "", time.Hour},
		"infinite":          {map[string]string{"Retry-After": "Inf"}, "", time.Hour},
		"no number":         {map[string]string{"Retry-After": "NaN"}, "", 0},
		"word":              {map[string]string{"Retry-After": "soon"}, "", 0},
		"date":              {map[string]string{"Date": at(0), "Retry-After": at(time.Minute)}, "", time.Minute},
		"date of the past":  {map[string]string{"Date": at(0), "Retry-After": at(-time.Minute)}, "", 0},
		"far date":          {map[string]string{"Date": at(0), "Retry-After": at(48 * time.Hour)}, "", time.Hour},
		"only in the body":  {nil, `{"retry_after":3,"ok":false,"error":"rate_limited"}`, 3 * time.Second},
		"in quotes":         {nil, `{"retry_after":"2.5"}`, 2500 * time.Millisecond},
		"the longer of two": {map[string]string{"Retry-After": "1"}, `{"retry_after":64.57}`, 64570 * time.Millisecond},
		"body of another":   {nil, `{"retry_after":{"x":1}}`, 0},
		"body is a list":    {nil, `[{"retry_after":3}]`, 0},
		"header of Feishu":  {map[string]string{"X-Ogw-Ratelimit-Reset": "9"}, "", 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for _, service := range []string{"webhook", "slack hook", "mattermost"} {
				d := find(t, service)
				d.standin.Fail(notifytest.Fault{Status: http.StatusTooManyRequests, Header: tt.header, Body: tt.body})
				_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
				require.Error(t, err)
				f := channel.AsFailure(err)
				assert.Equal(t, channel.Retry, f.Kind, service)
				assert.Equal(t, tt.want, f.After, service)
			}
		})
	}
}

// TestBrokenOffAnswers: an answer of which the end never comes is one where the status is all that counts, so that nobody sees a
// message twice. A service that says more in its answer is asked again.
func TestBrokenOffAnswers(t *testing.T) {
	for name, taken := range map[string]bool{
		"webhook": true, "ntfy": true, "mattermost": true, "googlechat": true, "pagerduty": true, "teams": true,
		"dingtalk": false, "feishu": false, "wecom": false, "telegram": false, "slack bot": false, "matrix": false,
	} {
		t.Run(name, func(t *testing.T) {
			d := find(t, name)
			d.standin.Fail(notifytest.Fault{Status: http.StatusOK, Body: `{"errco`, Deliver: true, BreakOff: true})
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			if taken {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
		})
	}
	t.Run("refused", func(t *testing.T) {
		d := find(t, "webhook")
		d.standin.Fail(notifytest.Fault{Status: http.StatusForbidden, Body: "not", BreakOff: true})
		_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
		assert.Equal(t, channel.BadConfig, channel.AsFailure(err).Kind, "the status was said")
	})
}

// TestBusyWithAnUnknownCode: a gateway in front of a robot that has too much to do is no fault of the configuration.
func TestBusyWithAnUnknownCode(t *testing.T) {
	for service, body := range map[string]string{
		"dingtalk": `{"errcode":88,"errmsg":"isp.remote-service-error"}`, "wecom": `{"errcode":6000,"errmsg":"try later"}`, "feishu": `{"code":2200,"msg":"internal error"}`,
	} {
		for _, status := range []int{429, 500, 502, 503} {
			d := find(t, service)
			d.standin.Fail(notifytest.Fault{Status: status, Header: map[string]string{"Retry-After": "5"}, Body: body})
			_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
			require.Error(t, err, service)
			assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind, "%s %d", service, status)
			assert.Equal(t, 5*time.Second, channel.AsFailure(err).After, "%s %d", service, status)
		}
		d := find(t, service)
		d.standin.Fail(notifytest.Fault{Status: http.StatusOK, Body: body})
		_, err := d.channel.Send(t.Context(), channel.Delivery{Message: message()})
		assert.Equal(t, channel.BadConfig, channel.AsFailure(err).Kind, "%s: nothing else says that it would heal", service)
	}
}

// TestSmarthosts: an address in brackets has a port behind them.
func TestSmarthosts(t *testing.T) {
	for host, good := range map[string]bool{
		"mail.example.com:587": true, "[2001:db8::25]:25": true, "127.0.0.1:25": true, "2001:db8::25": false, "[::1]": false, ":25": false, "m:0": false, "m:x": false, "": false,
	} {
		_, errs := channel.New("email", channel.Settings{To: []string{"a@example.com"}, From: "b@example.com", Smarthost: host}, channel.Options{})
		assert.Equal(t, good, len(errs) == 0, "%s: %v", host, errs)
	}
}
