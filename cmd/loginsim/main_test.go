package main

import (
	"bytes"
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
		{"address", []string{"--web.listen-address=nowhere"}, 1, "listening for scrapes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			assert.Equal(t, c.status, run(c.args, &stderr))
			assert.Contains(t, stderr.String(), c.says)
		})
	}
}
