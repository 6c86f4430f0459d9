package silence_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/silence"
)

func Example() {
	alertmanager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"silenceID":"7d8d6a43-33f9-4a3b-95f1-bc0e6b1b5a8e"}`)
	}))
	defer alertmanager.Close()
	address, _ := url.Parse(alertmanager.URL)
	client, err := silence.New(silence.Options{URL: address})
	if err != nil {
		fmt.Println(err)
		return
	}
	matchers, _ := labels.ParseMatchers(`{alertname="HighLoad"}`)
	id, err := client.Silence(context.Background(), incident.Silence{
		Matchers: matchers, From: time.Now(), Until: time.Now().Add(time.Hour), By: "ann", Comment: "known",
	})
	fmt.Println(id, err)
	// Output: 7d8d6a43-33f9-4a3b-95f1-bc0e6b1b5a8e <nil>
}
