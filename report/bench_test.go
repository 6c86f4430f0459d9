package report

import (
	"testing"
)

func BenchmarkMarkdown(b *testing.B) {
	w := newWriter(b, "en")
	inc, f := complete()
	for b.Loop() {
		w.Markdown(inc, f, "x")
	}
}

func BenchmarkMarkdown500Alerts(b *testing.B) {
	w := newWriter(b, "en")
	inc := manyAlerts(500)
	_, f := complete()
	for b.Loop() {
		w.Markdown(inc, f, "x")
	}
}

func BenchmarkChart(b *testing.B) {
	w := newWriter(b, "en")
	_, f := complete()
	for b.Loop() {
		w.Chart(f, "E2.svg")
	}
}

func BenchmarkHTML(b *testing.B) {
	w := newWriter(b, "en")
	inc, f := complete()
	md := w.Markdown(inc, f, "x")
	for b.Loop() {
		if _, err := w.HTML(md); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite waits for the disk: three files and folders are synced.
func BenchmarkWrite(b *testing.B) {
	w := newWriter(b, "en")
	inc, f := complete()
	for i := 0; b.Loop(); i++ {
		f.Evidence[1].Title = []string{"one", "two"}[i%2] // so that the chart changes too
		if err := w.Write(b.Context(), inc, f); err != nil {
			b.Fatal(err)
		}
	}
}
