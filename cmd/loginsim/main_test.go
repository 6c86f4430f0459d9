package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"unknown flag", []string{"--nonsense"}, 2, "nonsense"},
		{"interval", []string{"--interval=0s"}, 1, "at least 1ms"},
		{"health of nobody", []string{"--health", "--control.listen-address=127.0.0.1:1"}, 1, "asking for the health"},
		{"health without a port", []string{"--health", "--control.listen-address=here"}, 1, "missing port"},
		{"address", []string{"--web.listen-address=nowhere"}, 1, "listening for scrapes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			assert.Equal(t, c.status, run(c.args, &stderr))
			assert.Contains(t, stderr.String(), c.says)
		})
	}
}

func TestHealth(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/-/healthy", r.URL.Path)
		w.WriteHeader(status)
	}))
	defer srv.Close()
	args := []string{"--health", "--control.listen-address=" + strings.TrimPrefix(srv.URL, "http://")}
	assert.Zero(t, run(args, io.Discard))
	status = http.StatusServiceUnavailable
	assert.Equal(t, 1, run(args, io.Discard))
}
