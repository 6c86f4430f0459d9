package channel_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/redact"
)

// A message to a chat, and what came of it.
func Example() {
	chat := notifytest.Mattermost() // in its place, the URL of a webhook
	defer chat.Close()
	c, errs := channel.New("mattermost", channel.Settings{URL: redact.Secret(chat.URL)}, channel.Options{})
	if len(errs) > 0 {
		fmt.Println(errs)
		return
	}
	_, err := c.Send(context.Background(), channel.Delivery{Message: &channel.Message{
		ID: "kq3zd8a2bc-analyzed-1", Event: channel.Analyzed, Incident: "kq3zd8a2bc", Alertname: "HighErrorRate", Severity: "critical",
		Status: incident.Firing, Group: map[string]string{"namespace": "shop"}, Summary: "Orders fail since 08:30.", Cause: "The database's disk is full.",
		Likelihood: "high", Action: "Extend the volume.", ReportURL: "https://scribe.example.com/reports/kq3zd8a2bc",
		StartedAt: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC), Language: incident.English,
	}})
	fmt.Println(err)
	fmt.Println(chat.Accepted()[0].Text)
	// Output:
	// <nil>
	// **\[critical\] HighErrorRate firing**
	// namespace=shop
	// **Summary**: Orders fail since 08:30.
	// **Likely cause (high likelihood)**: The database's disk is full.
	// **Do first**: Extend the volume.
	// [Report](https://scribe.example.com/reports/kq3zd8a2bc)
}
