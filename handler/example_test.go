package handler_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/store"
)

// model stands for the analyzer.
type model struct{}

func (model) Status() string { return "ready" }

func (model) Answers() (read, unreadable int64) { return 0, 0 }

func Example() {
	dir, err := os.MkdirTemp("", "alertscribe")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "alertscribe.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	reports, err := report.New(report.Options{Dir: filepath.Join(dir, "reports")})
	if err != nil {
		log.Fatal(err)
	}
	h, err := handler.New(handler.Options{Store: db, Report: reports, Directory: reports, Analyzer: model{}})
	if err != nil {
		log.Fatal(err) // names all required options that are missing
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/alert", strings.NewReader(`{"alerts":[{"labels":{"alertname":"DiskFull"}}]}`))
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"status":"accepted"`))
	// Output: 202 true
}
