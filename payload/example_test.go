package payload_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/payload"
)

func ExampleDecode() {
	body := strings.NewReader(`{
		"version": "4", "receiver": "alertscribe", "status": "firing", "groupKey": "{}:{alertname=\"HighLoad\"}",
		"alerts": [
			{"labels": {"alertname": "HighLoad", "instance": "web-1"}, "startsAt": "2026-11-20T08:30:05Z"},
			{"labels": {"alertname": "HighLoad", "instance": "web-2"}, "status": "resolved"}
		]}`)
	n, err := payload.Decode(body, time.Now(), payload.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range n.Alerts {
		fmt.Println(a.Status, a.Name(), a.Labels["instance"])
	}
	// Output:
	// firing HighLoad web-1
	// resolved HighLoad web-2
}

// An error names the field, and says what to send instead.
func ExampleError() {
	for _, body := range []string{
		`{"alerts": [{"labels": {"alertname": "HighLoad", "port": 9100}}]}`,
		`{"alerts": [{"labels": {"alertname": "HighLoad"}}, {"labels": {"alertname": "HighLoad"}}]}`,
	} {
		_, err := payload.Decode(strings.NewReader(body), time.Now(), payload.Options{MaxAlerts: 1})
		if bad, ok := errors.AsType[*payload.Error](err); ok {
			fmt.Println(bad.TooLarge, bad)
		}
	}
	// Output:
	// false alerts[0].labels.port: 9100 is not a string; send it in quotes, or leave it out
	// true alerts: over 1; set max_alerts on the webhook in Alertmanager, or raise web.max_alerts
}

func ExampleDecodeFeedback() {
	f, err := payload.DecodeFeedback(strings.NewReader(`{"kind": "correct", "text": "the disk was full", "by": "ann"}`), time.Now())
	fmt.Println(f.Kind, f.Text, f.By, err)
	_, err = payload.DecodeFeedback(strings.NewReader(`{"kind": "deny"}`), time.Now())
	fmt.Println(err)
	// Output:
	// correct the disk was full ann <nil>
	// kind: "deny" is not one of confirm, correct
}
