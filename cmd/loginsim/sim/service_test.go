package sim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run starts a service on free ports that ends with the test.
func run(t *testing.T, interval time.Duration) *Service {
	t.Helper()
	s, err := New(Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: interval, Seed: 1}, promslog.NewNopLogger())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return s
}

func do(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestMetrics(t *testing.T) {
	s := run(t, time.Millisecond)
	assert.Eventually(t, func() bool {
		status, body := do(t, http.MethodGet, "http://"+s.MetricsAddr()+"/metrics")
		return status == http.StatusOK && strings.Contains(body, `user_login_total{ip_region="beijing",login_status="success",user_type="normal"}`) &&
			strings.Contains(body, "process_start_time_seconds") && s.logins.sum("", "", "") > 0
	}, time.Minute, 20*time.Millisecond)
	_, body := do(t, http.MethodGet, "http://"+s.MetricsAddr()+"/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestControl(t *testing.T) {
	s := run(t, time.Hour)
	control := "http://" + s.ControlAddr()
	state := func(status int, body string) State {
		assert.Equal(t, http.StatusOK, status, body)
		var got State
		require.NoError(t, json.Unmarshal([]byte(body), &got), body)
		return got
	}
	got := state(do(t, http.MethodGet, control+"/"))
	assert.Equal(t, State{Mode: "normal", Totals: map[string]int{success: 0, failed: 0}}, got)

	got = state(do(t, http.MethodPost, control+"/attack?region=guangzhou&user_type=normal&duration=90s&rate=500"))
	assert.Equal(t, "attack", got.Mode)
	assert.Equal(t, "guangzhou", got.Region)
	assert.Equal(t, "normal", got.UserType)
	assert.InDelta(t, 500, got.Rate, 0)
	require.NotNil(t, got.Until)
	assert.WithinDuration(t, time.Now().Add(90*time.Second), *got.Until, 30*time.Second)
	assert.Eventually(t, func() bool { return s.logins.sum(normalUser, failed, "guangzhou") > 10 }, time.Minute, 10*time.Millisecond)

	got = state(do(t, http.MethodPost, control+"/normal"))
	assert.Equal(t, "normal", got.Mode)
	assert.Greater(t, got.Totals[failed], 10)
}

func TestHealthyOnBothPorts(t *testing.T) {
	s := run(t, time.Hour)
	for _, addr := range []string{s.MetricsAddr(), s.ControlAddr()} {
		status, _ := do(t, http.MethodGet, "http://"+addr+"/-/healthy")
		assert.Equal(t, http.StatusOK, status)
	}
}

func TestControlRefuses(t *testing.T) {
	s := run(t, time.Hour)
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{http.MethodPost, "/attack?region=berlin", 400, "region is \\\"berlin\\\": it must be one of beijing, shanghai, guangzhou, shenzhen, hangzhou"},
		{http.MethodPost, "/attack?user_type=root", 400, "user_type is \\\"root\\\": it must be one of normal, admin"},
		{http.MethodPost, "/attack?duration=5", 400, "duration is \\\"5\\\": it must be like 90s or 5m"},
		{http.MethodPost, "/attack?duration=-5m", 400, "duration"},
		{http.MethodPost, "/attack?duration=25h", 400, "duration"},
		{http.MethodPost, "/attack?rate=NaN", 400, "rate"},
		{http.MethodPost, "/attack?rate=1e9", 400, "rate"},
		{http.MethodPost, "/attack?rate=0", 400, "rate"},
		{http.MethodPost, "/attack?usertype=admin", 400, "unknown parameter \\\"usertype\\\": there are region, user_type, duration, rate"},
		{http.MethodPost, "/attack?region=%zz", 400, "invalid URL escape"},
		{http.MethodGet, "/attack", 405, ""},
		{http.MethodGet, "/normal", 405, ""},
		{http.MethodGet, "/nowhere", 404, ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			status, body := do(t, c.method, "http://"+s.ControlAddr()+c.path)
			assert.Equal(t, c.status, status)
			assert.Contains(t, body, c.says)
			assert.Equal(t, "normal", s.logins.state().Mode)
		})
	}
}

func TestAttackDefaults(t *testing.T) {
	got, err := parseAttack(url.Values{}, start)
	require.NoError(t, err)
	assert.Equal(t, Attack{Region: "shenzhen", UserType: "admin", Rate: 2, Until: start.Add(5 * time.Minute)}, got)
}

func TestNewRefuses(t *testing.T) {
	s := run(t, time.Hour)
	for _, c := range []struct {
		name   string
		config Config
		says   string
	}{
		{"interval", Config{}, "interval is 0s"},
		{"metrics address in use", Config{MetricsAddr: s.MetricsAddr(), ControlAddr: "127.0.0.1:0", Interval: time.Second}, "listening for scrapes"},
		{"control address in use", Config{MetricsAddr: "127.0.0.1:0", ControlAddr: s.ControlAddr(), Interval: time.Second}, "listening for control"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.config, promslog.NewNopLogger())
			require.ErrorContains(t, err, c.says)
		})
	}
}
