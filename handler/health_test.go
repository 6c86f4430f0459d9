package handler

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	tests := map[string]struct {
		set    func(*env)
		model  status
		code   int
		health string
		want   map[string]any // of services, beside what is common
	}{
		"all is well": {
			func(*env) {}, "ready", http.StatusOK, "healthy",
			map[string]any{"model": "ready", "deepseek": "ready", "store": "ready", "report_dir_writable": true},
		},
		"a failing model is no reason to restart us": {
			func(*env) {}, "failing: 402 from the model", http.StatusOK, "healthy",
			map[string]any{"model": "failing: 402 from the model", "deepseek": "failing: 402 from the model", "store": "ready", "report_dir_writable": true},
		},
		"the store can't be written": {
			func(e *env) { e.store.check = errors.New("disk full") }, "not configured", http.StatusServiceUnavailable, "unhealthy",
			map[string]any{"model": "not configured", "deepseek": "not configured", "store": "failing: disk full", "report_dir_writable": true},
		},
		"the report directory can't be written": {
			func(e *env) { e.dir.check = func() error { return errors.New("read-only file system") } }, "ready", http.StatusServiceUnavailable, "unhealthy",
			map[string]any{"model": "ready", "deepseek": "ready", "store": "ready", "report_dir_writable": false, "report_dir_error": "read-only file system"},
		},
		"its check panics": {
			func(e *env) { e.dir.check = func() error { panic("boom") } }, "ready", http.StatusServiceUnavailable, "unhealthy",
			map[string]any{"model": "ready", "deepseek": "ready", "store": "ready", "report_dir_writable": false, "report_dir_error": "checking the report directory panicked: boom"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, func(o *Options) { o.Analyzer = tc.model })
			tc.set(e)
			answer := readJSON(t, e.get(t, "/health"), tc.code)
			assert.Equal(t, tc.health, answer["status"])
			_, err := time.Parse(time.RFC3339, answer["timestamp"].(string))
			require.NoError(t, err)
			services := answer["services"].(map[string]any)
			queue := services["queue"].(map[string]any)
			assert.Contains(t, queue, "due")
			delete(services, "queue")
			tc.want["report_dir"] = "reports"
			tc.want["prometheus"], tc.want["alertmanager"] = "not configured", "not configured"
			tc.want["model_answers"] = map[string]any{"read": 5., "unreadable": 2.}
			assert.Equal(t, tc.want, services)
		})
	}
	t.Run("the queue can't be read", func(t *testing.T) {
		e := newEnv(t)
		e.store.queue = errors.New("busy")
		services := readJSON(t, e.get(t, "/health"), http.StatusOK)["services"].(map[string]any)
		assert.Nil(t, services["queue"])
	})
	t.Run("servers that evidence comes from, down or not, are no reason to restart us", func(t *testing.T) {
		e := newEnv(t, func(o *Options) {
			o.Servers = func(name string) string {
				return map[string]string{"prometheus": "failing: HTTP status 404\nNot Found", "alertmanager": "ready"}[name]
			}
		})
		answer := readJSON(t, e.get(t, "/health"), http.StatusOK)
		services := answer["services"].(map[string]any)
		assert.Equal(t, []any{"healthy", "failing: HTTP status 404 Not Found", "ready"}, []any{answer["status"], services["prometheus"], services["alertmanager"]})
	})
	t.Run("HEAD", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, newEnv(t).do(t, http.MethodHead, "/health", "").StatusCode)
	})
}

// TestHealthOfAFileSystemThatHangs: the answer comes all the same, and no check is started on top of one that hangs.
func TestHealthOfAFileSystemThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var checks atomic.Int64
		h := &handler{dirChecks: make(chan struct{}, 1)}
		h.Directory = &faultyDir{check: func() error {
			checks.Add(1)
			<-release
			return nil
		}}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), healthTimeout)
			start := time.Now()
			require.EqualError(t, h.checkDirectory(ctx), "file system not responding")
			assert.Equal(t, healthTimeout, time.Since(start))
			cancel()
		}
		assert.EqualValues(t, 1, checks.Load())
		close(release)
		synctest.Wait()
		require.NoError(t, h.checkDirectory(t.Context()))
	})
}

func TestLiveness(t *testing.T) {
	e := newEnv(t)
	assert.Equal(t, "alertscribe is Healthy.\n", readBody(t, e.get(t, "/-/healthy"), http.StatusOK))
	assert.Equal(t, "alertscribe is Ready.\n", readBody(t, e.get(t, "/-/ready"), http.StatusOK))
	e.store.check = errors.New("disk full")
	readBody(t, e.get(t, "/-/healthy"), http.StatusOK)
	readBody(t, e.get(t, "/-/ready"), http.StatusServiceUnavailable)
}
