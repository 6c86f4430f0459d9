package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// opening is a notification that opens a group with alerts of these labels, each as "name=value name=value".
func opening(group string, sets ...string) *incident.Notification {
	n := &incident.Notification{
		Receiver: "alertscribe", GroupKey: group, ReceivedAt: at, Body: []byte("{}"), GroupLabels: map[string]string{},
	}
	for _, set := range sets {
		ls := map[string]string{"alertname": group}
		for pair := range strings.FieldsSeq(set) {
			name, value, _ := strings.Cut(pair, "=")
			ls[name] = value
		}
		n.Alerts = append(n.Alerts, incident.Alert{
			Fingerprint: fingerprint(ls), Status: incident.Firing, Labels: ls, StartsAt: at,
			Annotations: map[string]string{"summary": "Sum of " + group},
		})
	}
	return n
}

func fingerprint(ls map[string]string) string {
	return fmt.Sprintf("%016x", len(fmt.Sprint(ls))*7919+len(ls))
}

// found lists the group keys that a query selects.
func found(t *testing.T, s *opened, q incident.Query) string {
	t.Helper()
	q.Limit = 100
	list, err := s.List(t.Context(), q)
	require.NoError(t, err)
	var out []string
	for _, row := range list.Rows {
		out = append(out, row.GroupKey)
	}
	assert.Equal(t, len(out), list.Total)
	return strings.Join(out, " ")
}

func testSearch(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	for _, n := range []*incident.Notification{
		opening("HighErrorRate", "severity=info namespace=shop pod=web-1", "severity=info namespace=shop pod=web-2"),
		opening("DiskFull", "severity=critical namespace=db device=/dev/sda1"),
		opening("支付超时", "severity=warning namespace=shop owner=Zoë"),
		opening("Watchdog", "severity=none"),
	} {
		n.ReceivedAt = now.Now()
		accept(t, s, n)
		now.advance(time.Minute)
	}
	text := func(q string) incident.Query { return incident.Query{Text: q} }
	match := func(m string) incident.Query {
		parsed, err := labels.ParseMatchers(m)
		require.NoError(t, err)
		return incident.Query{Match: parsed}
	}
	for _, tc := range []struct {
		name  string
		query incident.Query
		want  string
	}{
		{"order: by severity, then the newest", incident.Query{}, "DiskFull Watchdog 支付超时 HighErrorRate"},
		{"a name", text("DiskFull"), "DiskFull"},
		{"its part in capitals", text("error rate"), "HighErrorRate"},
		{"the beginning of a word", text("highE"), "HighErrorRate"},
		{"a label", text("sda1"), "DiskFull"},
		{"a word with signs", text("web-2"), "HighErrorRate"},
		{"a summary", text("sum disk"), "DiskFull"},
		{"Chinese within a word", text("付超"), "支付超时"},
		{"without accents", text("zoe"), "支付超时"},
		{"all words", text("disk shop"), ""},
		{"no word at all", text(`"*()`), ""},
		{"syntax is no syntax", text(`web-1" OR "disk`), ""},
		{"nor are operators", text(`DiskFull NOT`), ""},
		{"nor columns", text(`facets:*`), ""},
		{"equal", match(`namespace="shop"`), "支付超时 HighErrorRate"},
		{"equal, of one alert of two", match(`pod="web-2"`), "HighErrorRate"},
		{"not equal", match(`namespace!="shop"`), "DiskFull Watchdog"},
		{"not equal, of one alert of two", match(`pod!="web-2"`), "DiskFull Watchdog 支付超时"},
		{"regular expression", match(`namespace=~"sh.*|none"`), "支付超时 HighErrorRate"},
		{"regular expression is anchored", match(`namespace=~"sho"`), ""},
		{"regular expression that matches a missing label", match(`pod=~".*"`), "DiskFull Watchdog 支付超时 HighErrorRate"},
		{"not by regular expression", match(`namespace!~"d.|s.*"`), "Watchdog"},
		{"missing", match(`namespace=""`), "Watchdog"},
		{"there", match(`namespace!=""`), "DiskFull 支付超时 HighErrorRate"},
		{"two matchers", match(`namespace="shop",severity="info"`), "HighErrorRate"},
		{"a matcher and words", incident.Query{Text: "sum", Match: match(`namespace="db"`).Match}, "DiskFull"},
		{"group key", incident.Query{GroupKey: "DiskFull"}, "DiskFull"},
		{"part of a group key", incident.Query{GroupKey: "Disk"}, ""},
		{"skipped ones hidden", incident.Query{HideSkipped: true}, "DiskFull 支付超时 HighErrorRate"},
		{"skipped ones alone", incident.Query{OnlySkipped: true}, "Watchdog"},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.want, found(t, s, tc.query)) })
	}
	inc, _, err := s.Incident(t.Context(), mustNewest(t, s, incident.Query{Alertname: "DiskFull"}))
	require.NoError(t, err)
	assert.Equal(t, "DiskFull", found(t, s, incident.Query{Fingerprint: inc.Alerts[0].Fingerprint}))
	_, err = s.Newest(t.Context(), match(`namespace="elsewhere"`))
	require.ErrorIs(t, err, incident.ErrNotFound)
}

func mustNewest(t *testing.T, s *opened, q incident.Query) string {
	t.Helper()
	id, err := s.Newest(t.Context(), q)
	require.NoError(t, err)
	return id
}

// testSearchFollows: what is searched changes with the incident and its verdict, and is there after a restart.
func testSearchFollows(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	accept(t, s, opening("A", "severity=info pod=one"))
	claims := claim(t, s, incident.WorkEvidence)
	require.NoError(t, s.Finish(t.Context(), claims, func(inc *incident.Incident, f *incident.Findings) {
		inc.EvidenceCollected(claims.Incident, incident.DefaultPolicy(), now.Now())
		f.Verdict = &incident.Verdict{Summary: "The cable.", Causes: []incident.Cause{{Hypothesis: "A dog ate it"}}}
	}))
	accept(t, s, opening("A", "severity=info pod=one", "severity=info pod=two"))
	require.NoError(t, s.Update(t.Context(), claims.Incident.ID, func(inc *incident.Incident) bool {
		return inc.AddFeedback(incident.Feedback{Kind: incident.Correct, Text: "It was a squirrel", At: now.Now()}) == nil
	}))
	for range 2 {
		for _, q := range []string{"two", "dog cable", "squirrel", "one dog squirrel"} {
			assert.Equal(t, "A", found(t, s, incident.Query{Text: q}), q)
		}
		list, err := s.List(t.Context(), incident.Query{Limit: 1})
		require.NoError(t, err)
		assert.Equal(t, "A dog ate it", list.Rows[0].Cause)
		s = reopen(t, s, func(o *Options) { o.Now = now.Now })
	}
}

func testListCounts(t *testing.T, e *Engine) {
	s, now := openAt(t, e)
	for i, severity := range []string{"critical", "info", "info"} {
		n := opening(fmt.Sprint("A", i), "severity="+severity)
		n.ReceivedAt = now.Now()
		accept(t, s, n)
		now.advance(12 * time.Hour)
	}
	n := opening("A0", "severity=critical")
	n.Alerts[0].Status, n.Alerts[0].EndsAt, n.ReceivedAt = incident.Resolved, now.Now(), now.Now()
	accept(t, s, n)
	list, err := s.List(t.Context(), incident.Query{Status: incident.Firing, Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, 2, list.Total)
	assert.Equal(t, map[incident.Status]int{incident.Firing: 2, incident.Resolved: 1}, list.ByStatus)
	assert.Equal(t, map[string]int{"info": 2}, list.BySeverity)
	assert.Equal(t, 1, list.Days[incident.ListDays-2].Count, "one of both since midnight in UTC")
	list, err = s.List(t.Context(), incident.Query{Status: incident.Firing, Limit: 1, After: list.Next})
	require.NoError(t, err)
	assert.Equal(t, "A1", list.Rows[0].GroupKey)
	assert.Empty(t, list.Next)
	_, err = s.List(t.Context(), incident.Query{After: "1-2"})
	require.ErrorIs(t, err, incident.ErrCursor)
}
