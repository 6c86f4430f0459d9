package promapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/prometheus/common/config"

	"github.com/alertscribe/alertscribe/promapi"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"api"},"value":[1,"3"]}]}}`)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		panic(err)
	}
	client, err := promapi.Connect(promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}, "prometheus")
	if err != nil {
		panic(err)
	}
	defer client.Close()

	q := promapi.NewQuerier(client, promapi.NewBudget(1, 1), nil)
	found, err := q.Instant(context.Background(), "sum by (job) (up)", time.Now())
	fmt.Println(found[0].Metric, found[0].Value, err)

	_, err = q.Instant(context.Background(), "sum by (job) (up)", time.Now())
	fmt.Println(errors.Is(err, promapi.ErrNoBudget), promapi.Outcome(err))
	// Output:
	// {job="api"} 3 <nil>
	// true no_budget
}
