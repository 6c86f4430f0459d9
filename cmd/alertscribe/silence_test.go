package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/handler"
)

// TestSilencesLinkWithoutPasswords: pages link to Alertmanager where people reach it, and never with what we log in by.
func TestSilencesLinkWithoutPasswords(t *testing.T) {
	for name, tc := range map[string]struct{ url, public, want string }{
		"as it is asked":   {"http://us:hunter2@am:9093/x", "", "http://am:9093/x"},
		"as people see it": {"http://us:hunter2@am:9093", "https://ops.example/am", "https://ops.example/am"},
		"the first of two": {"http://us:hunter2@am-1:9093, http://us:hunter2@am-2:9093", "", "http://am-1:9093"},
		"nowhere":          {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaultConfig()
			cfg.Alertmanager.URL, cfg.Alertmanager.PublicURL = tc.url, tc.public
			var o handler.Options
			require.NoError(t, setSilences(cfg, &o))
			assert.Equal(t, tc.want, o.AlertmanagerURL)
			assert.Equal(t, tc.url != "", o.Silencer != nil)
		})
	}
}
