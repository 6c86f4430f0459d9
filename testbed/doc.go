// Package testbed runs a real Prometheus and a real Alertmanager on loopback, for `alertscribe demo` and for tests.
//
// The programs are those on PATH; one that is missing is built from source, once, into a cache that all later runs
// share. That takes Go and a module proxy, and no more: the exact versions are fixed by module files in this package.
// Set ALERTSCRIBE_TESTBED_PREFER=built to build even where PATH has them.
//
//	bins, err := testbed.Find(ctx, os.Stderr)
//	…
//	pair, err := testbed.Start(ctx, bins, testbed.Options{
//		Dir:          dir,
//		Prometheus:   testbed.PrometheusConfig{Targets: []string{"127.0.0.1:9091"}, Rules: rules},
//		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:5008/alert"},
//	})
//	…
//	defer pair.Stop()
//
// Windows are short, so that an alert fires, is notified and resolves within seconds. Servers end with Stop, with
// their context, and with this process: on Linux also when it is killed. Tests use the sub-package testbedtest.
package testbed
