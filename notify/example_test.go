package notify_test

import (
	"context"
	"fmt"

	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
	"github.com/alertscribe/alertscribe/redact"
)

// A Notifier with two channels, of which the second takes over when the first fails. Run would follow a store; here a test
// message is enough.
func Example() {
	chat := notifytest.Mattermost()
	defer chat.Close()
	sender, _ := channel.New("mattermost", channel.Settings{URL: redact.Secret(chat.URL)}, channel.Options{})
	gone, _ := channel.New("slack", channel.Settings{URL: "http://127.0.0.1:1/services/x"}, channel.Options{})
	n, err := notify.New(notify.Options{
		Channels: []notify.Channel{{Name: "slack", Sender: gone}, {Name: "chat", Sender: sender, MinSeverity: "warning"}},
		Priority: [][]string{{"slack", "chat"}},
		Link:     func(id string) string { return "https://scribe.example.com/reports/" + id },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n.SendTest(context.Background(), "slack"))
	fmt.Println(n.SendTest(context.Background(), "chat"))
	// Output:
	// no answer: dial tcp 127.0.0.1:1: connect: connection refused
	// <nil>
}
