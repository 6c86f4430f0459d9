package testbed_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/testbed"
)

// roleEnv makes the test binary a parent that starts a server in the directory it names, for a test to kill.
const roleEnv = "TESTBED_PARENT_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleEnv); dir != "" {
		parent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func parent(dir string) {
	ctx := context.Background()
	bins, err := testbed.Find(ctx, os.Stderr, testbed.Prometheus)
	if err != nil {
		panic(err)
	}
	s, err := testbed.StartPrometheus(ctx, bins, dir, testbed.PrometheusConfig{})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.URL)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until killed
}
