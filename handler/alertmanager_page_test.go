package handler

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

func TestAlertmanagerPage(t *testing.T) {
	for name, tc := range map[string]struct{ ours, theirs, want string }{
		"of the settings":            {"https://ops.example/am/", "http://am:9093", "https://ops.example/am/#/silences/1"},
		"of the notification":        {"", "http://am:9093", "http://am:9093/#/silences/1"},
		"behind a query":             {"https://ops.example/am?tenant=a", "", "https://ops.example/am/?tenant=a#/silences/1"},
		"a password is not a link's": {"http://us:hunter2@am:9093", "", "http://am:9093/#/silences/1"},
		"not the web":                {"", "javascript:alert(1)//x", ""},
		"a page already":             {"", "http://am:9093/#/alerts", ""},
		"nothing":                    {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := &handler{Options: Options{AlertmanagerURL: tc.ours}}
			assert.Equal(t, tc.want, h.alertmanagerPage(&incident.Incident{ExternalURL: tc.theirs}, "/#/silences/1"))
		})
	}
}
