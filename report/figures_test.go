package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// withFigures returns the item of the signal with other figures.
func withFigures(items []incident.Evidence, change func(f *incident.Figures)) incident.Evidence {
	for _, e := range items {
		if e.Figures != nil {
			f := *e.Figures
			change(&f)
			e.Figures = &f
			return e
		}
	}
	return incident.Evidence{Kind: incident.KindSignal, Figures: figures()}
}

// TestSinceWhenItIsMet: the head says that the condition is met no longer, and that it was not all the time.
func TestSinceWhenItIsMet(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(f *incident.Figures)
		en, zh string
	}{
		"it goes on":   {func(*incident.Figures) {}, "condition met for 7m 30s, since 08:27:35 UTC", "08:27:35 UTC 起满足告警条件，已持续"},
		"it is over":   {func(f *incident.Figures) { f.Over = true }, "condition met for 7m 30s, 08:27:35 UTC to 08:35:05 UTC", "08:27:35 UTC 至 08:35:05 UTC 满足告警条件，历时"},
		"on and off":   {func(f *incident.Figures) { f.Broken = true }, "condition met on and off for 7m 30s in all, 08:27:35 UTC to 08:35:05 UTC", "多次满足告警条件，累计"},
		"nobody knows": {func(f *incident.Figures) { f.Since, f.Until, f.Met = time.Time{}, time.Time{}, 0 }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for language, want := range map[incident.Language]string{incident.English: tc.en, incident.Chinese: tc.zh} {
				inc, f := verified()
				f.Evidence = []incident.Evidence{withFigures(f.Evidence, tc.change)}
				inc.Status = incident.Firing
				md := string(newWriter(t, language).Markdown(inc, f, "x"))
				assert.Contains(t, md, want)
				if want == "" {
					assert.NotContains(t, md, "condition met")
				}
			}
		})
	}
}
