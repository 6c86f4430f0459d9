package testbed_test

import (
	"context"
	"log"
	"os"

	"github.com/alertscribe/alertscribe/testbed"
)

func Example() {
	ctx := context.Background()
	bins, err := testbed.Find(ctx, os.Stderr) // on PATH, else built once from source
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "testbed")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pair, err := testbed.Start(ctx, bins, testbed.Options{
		Dir:          dir,
		Prometheus:   testbed.PrometheusConfig{Targets: []string{"127.0.0.1:9091"}},
		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:5008/alert"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := pair.Stop(); err != nil {
		log.Fatal(err)
	}
}
