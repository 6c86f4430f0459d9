package incident

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFingerprintIsAlertmanagers(t *testing.T) {
	// As Alertmanager 0.25 and 0.34 sent it for these labels.
	assert.Equal(t, "f8888ede0881606d", Fingerprint(map[string]string{
		"alertname": "LoginFailureRatioHigh", "severity": "critical", "team": "login", "user_type": "admin",
	}))
}

func TestNormalise(t *testing.T) {
	labels := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	t.Run("a missing group key becomes the group labels", func(t *testing.T) {
		n := &Notification{GroupLabels: labels("team", "login", "alertname", "A")}
		n.Normalize()
		assert.Equal(t, `{alertname="A", team="login"}`, n.GroupKey)
	})
	t.Run("or else the name of the alert with the smallest fingerprint", func(t *testing.T) {
		n := &Notification{Alerts: []Alert{{Labels: labels("alertname", "A")}, {Labels: labels("alertname", "B")}}}
		n.Normalize()
		require.Less(t, n.Alerts[0].Fingerprint, n.Alerts[1].Fingerprint)
		assert.Equal(t, `{alertname="`+n.Alerts[0].Name()+`"}`, n.GroupKey)
	})
	t.Run("an alert named twice is taken once, and firing wins", func(t *testing.T) {
		n := &Notification{GroupKey: "g", Alerts: []Alert{
			{Fingerprint: "1", Status: Resolved, Labels: labels("a", "1")}, {Fingerprint: "2", Status: Firing, Labels: labels("a", "1")},
		}}
		n.Normalize()
		require.Len(t, n.Alerts, 1)
		assert.Equal(t, Firing, n.Alerts[0].Status)
	})
	t.Run("alerts under one wrong fingerprint stay two", func(t *testing.T) {
		n := &Notification{GroupKey: "g", Alerts: []Alert{
			{Fingerprint: "1", Labels: labels("a", "1")}, {Fingerprint: "1", Labels: labels("a", "2")},
		}}
		n.Normalize()
		assert.Len(t, n.Alerts, 2)
	})
}

func TestReportPath(t *testing.T) {
	const id = "abcdefgh2345672345672345ab"
	at := time.Date(2026, 11, 20, 23, 30, 5, 0, time.FixedZone("", -3*3600))
	tests := map[string]struct{ alertname, want string }{
		"plain":        {"HighLoginFailureRate", "2026-11-21/023005_HighLoginFailureRate_abcdefgh.md"},
		"slashes":      {"../../etc/passwd", "2026-11-21/023005_______etc_passwd_abcdefgh.md"},
		"Chinese":      {"登录失败率过高", "2026-11-21/023005_登录失败率过高_abcdefgh.md"},
		"empty":        {"", "2026-11-21/023005_unnamed_abcdefgh.md"},
		"not UTF-8":    {"a\xffb", "2026-11-21/023005_a_b_abcdefgh.md"},
		"NUL and line": {"a\x00\nb", "2026-11-21/023005_a__b_abcdefgh.md"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, reportPath(at, tc.alertname, id)) })
	}
	long := reportPath(at, strings.Repeat("率", 100), id)
	name := strings.TrimSuffix(strings.TrimPrefix(long, "2026-11-21/023005_"), "_abcdefgh.md")
	assert.Len(t, name, 78, "cut by rune: 26 runes of 3 bytes")
	assert.True(t, utf8.ValidString(name))
}

func TestNewID(t *testing.T) {
	id := NewID()
	assert.True(t, ValidID(id), id)
	assert.NotEqual(t, id, NewID())
	for _, bad := range []string{"", "abc", strings.ToUpper(id), id + "a", "../" + id[3:], id[:25] + "1"} {
		assert.False(t, ValidID(bad), bad)
	}
}

func TestPointJSON(t *testing.T) {
	at := time.UnixMilli(1_795_000_000_250).UTC()
	for _, value := range []float64{0, 0.25, -1e300, math.NaN(), math.Inf(1), math.Inf(-1)} {
		b, err := json.Marshal(Point{At: at, Value: value})
		require.NoError(t, err)
		var p Point
		require.NoError(t, json.Unmarshal(b, &p))
		assert.Equal(t, at, p.At)
		assert.True(t, p.Value == value || math.IsNaN(p.Value) && math.IsNaN(value), string(b))
	}
	assert.JSONEq(t, `[1795000000.25,"NaN"]`, string(must(json.Marshal(Point{At: at, Value: math.NaN()}))))
	var p Point
	require.Error(t, json.Unmarshal([]byte(`[1,"x"]`), &p))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestIDFrom(t *testing.T) {
	const id, short = "3kd8a2bcmnopqrstuvwxyz2345", "abcd2345"
	whole := strings.ReplaceAll(id, "8", "a")
	for pasted, want := range map[string]string{
		whole: whole, short: short, strings.ToUpper(short): short, " " + short + "\n": short, "<https://s.example/x/reports/" + whole + "?a=/b#c/d>": whole,
		"https://s.example/reports/" + short + ".md?x#e3-y": short, "/reports/" + short + "/E2.svg": short, "http://s.example/api/v1/incidents/" + whole + "/feedback": whole,
		"reports/2026-11-20/083005_High_Rate_" + short + ".md": short, "083005_告警_" + short + ".md": short,
		"": "", "abc": "", id: "", "https://s.example/reports": "", "https://s.example/reports/x": "", short + "1": "", "the disk is full": "", short + ".md": "", "x/" + short: "", "a_" + short + "2.md": "",
	} {
		got, ok := IDFrom(pasted)
		assert.Equal(t, want != "", ok, pasted)
		if ok {
			assert.Equal(t, want, got, pasted)
		}
	}
}
