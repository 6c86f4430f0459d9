package main

import (
	"strings"
	"testing"
)

// FuzzReadBatch: whatever stands in a file, it is a batch or an error, and a batch has metrics with names.
func FuzzReadBatch(f *testing.F) {
	for _, seed := range []string{
		batchJSONText, "metric,value\na,1\n", "rule,time,value,series\nr,t,1,\"{a=\"\"b\"\"}\"\n", "[]", "{", "metric,value\n\"a", "\ufeff[{\"metric\":\"a\",\"value\":1e999}]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := readBatch(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(b.Metrics) == 0 {
			t.Fatal("an empty batch without an error")
		}
		seen := map[string]bool{}
		for _, m := range b.Metrics {
			switch {
			case m.Name == "":
				t.Fatal("a metric without a name")
			case seen[m.Series()]:
				t.Fatalf("%s is there twice", m.Series())
			}
			seen[m.Series()] = true
		}
	})
}
