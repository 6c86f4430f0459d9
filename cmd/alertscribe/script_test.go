package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
)

// TestScripts runs the binary as a user does. Each script has a directory and an environment of its own, ADDRESS, which
// was free a moment ago, and TESTDATA with the sample payloads.
func TestScripts(t *testing.T) {
	samples, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TESTDATA", samples)
			e.Setenv("ADDRESS", freeAddress(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"model": scriptModel, "ready": scriptReady, "json": scriptJSON, "webhook": scriptWebhook, "post": scriptPost,
		},
	})
}

// scriptModel starts a stand-in model for the rest of the script.
func scriptModel(ts *testscript.TestScript, _ bool, _ []string) {
	m, err := modeltest.New()
	ts.Check(err)
	ts.Defer(m.Close)
	ts.Setenv("LLM_BASE_URL", m.URL)
	ts.Setenv("DEEPSEEK_API_KEY", "sk-of-the-stand-in")
}

// scriptWebhook starts a receiver of messages for the rest of the script and sets NOTIFY_URL.
func scriptWebhook(ts *testscript.TestScript, _ bool, _ []string) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ts.Defer(receiver.Close)
	ts.Setenv("NOTIFY_URL", receiver.URL)
}

// scriptPost posts a file to the webhook under a URL.
func scriptPost(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Post(args[0], "application/json", strings.NewReader(ts.ReadFile(args[1]))) //nolint:noctx // a test's
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if resp.StatusCode != http.StatusAccepted {
		ts.Fatalf("%s", resp.Status)
	}
}

// scriptReady waits until a service answers under a URL.
func scriptReady(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(soon)
	for {
		resp, err := http.Get(args[0] + "/-/ready") //nolint:noctx // a test's
		if err == nil {
			ts.Check(resp.Body.Close())
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(resp.Status)
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not ready: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// scriptJSON wants a file, or stdout, to be one JSON object, with these keys and no others.
func scriptJSON(ts *testscript.TestScript, _ bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	object := map[string]json.RawMessage{}
	ts.Check(dec.Decode(&object))
	if err := dec.Decode(&object); !errors.Is(err, io.EOF) {
		ts.Fatalf("there is more behind the object: %v", err)
	}
	for _, key := range args[1:] {
		if _, ok := object[key]; !ok {
			ts.Fatalf("no %q", key)
		}
		delete(object, key)
	}
	if len(object) > 0 {
		ts.Fatalf("unexpected: %v", object)
	}
}
