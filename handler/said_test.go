package handler

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestListShowsTheSeverityAsSent: and says what is ours.
func TestListShowsTheSeverityAsSent(t *testing.T) {
	for name, tc := range map[string]struct {
		labels []string
		en, zh string
	}{
		"known":          {[]string{"severity", "critical"}, ">critical<", ">critical<"},
		"another school": {[]string{"severity", "灾难"}, ">灾难 (as warning)<", ">灾难（按 warning 处理）<"},
		"priority":       {[]string{"priority", "P1"}, ">priority=P1 (as warning)<", ">priority=P1（按 warning 处理）<"},
		"none":           {nil, ">none (as warning)<", ">未设级别（按 warning 处理）<"},
	} {
		t.Run(name, func(t *testing.T) {
			for language, want := range map[incident.Language]string{incident.English: tc.en, incident.Chinese: tc.zh} {
				e := newEnv(t, func(o *Options) { o.Language = language })
				e.post(t, body("A", "firing", tc.labels...))
				assert.Contains(t, readBody(t, e.get(t, "/reports"), http.StatusOK), want)
			}
		})
	}
}

// TestPagesInAZone: times of the list are in the zone of the settings, and say so.
func TestPagesInAZone(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		zone *time.Location
		want string
	}{"default": {nil, "UTC"}, "Shanghai": {shanghai, "Asia/Shanghai"}} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, func(o *Options) { o.TimeZone = tc.zone })
			e.post(t, body("A", "firing"))
			zone := tc.zone
			if zone == nil {
				zone = time.UTC
			}
			page := readBody(t, e.get(t, "/reports"), http.StatusOK)
			assert.Contains(t, page, ">Started (<span data-zone>"+tc.want+"</span>)</th>")
			assert.Contains(t, page, `<time datetime="`+firedAt.UTC().Format(time.RFC3339)+`">`+firedAt.In(zone).Format("2006-01-02 15:04")+"</time>")
			assert.Regexp(t, `<footer>.* `+tc.want+`</time> · `, page)
		})
	}
}
