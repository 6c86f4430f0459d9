package feed_test

import (
	"context"
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/feed"
)

func Example() {
	f := feed.New()
	changes := f.Subscribe(context.Background())
	f.Publish([]incident.Change{{ID: "an incident", Revision: 1}}) // after a commit
	f.Close()
	for c := range changes {
		if c.Missed {
			fmt.Println("look at all of them")
		} else {
			fmt.Println(c.ID, c.Revision)
		}
	}
	// Output: an incident 1
}
