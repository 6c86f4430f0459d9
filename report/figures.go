package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/incident"
)

// figures returns the numbers of the alert's own signal; none where nobody knows them.
func (p *page) figures() incident.Figures {
	i := slices.IndexFunc(p.found.Evidence, func(e incident.Evidence) bool {
		return e.Kind == incident.KindSignal && e.Figures != nil && !e.Earlier
	})
	if i < 0 {
		return incident.Figures{}
	}
	return *p.found.Evidence[i].Figures
}

// figuresLine says how far it has gone: now, its limit, what is usual, its worst, how long, and when that was looked at.
func (p *page) figuresLine() string {
	f := p.figures()
	var parts []string
	add := func(name, text string) {
		if text != "" {
			parts = append(parts, name+" "+escaped(p.w.tight(text), labelRunes))
		}
	}
	if p.inc.Status == incident.Firing {
		add(p.w.Now, figureText(f.Value))
	}
	if f.Peak != nil && !f.PeakAt.IsZero() {
		add(p.w.Peak, fmt.Sprintf(p.w.PeakAt, f.Peak.Text, p.clock(f.PeakAt)))
	} else {
		add(p.w.Peak, figureText(f.Peak))
	}
	if f.Threshold != nil {
		add(p.w.Threshold, strings.TrimSpace(f.Condition+" "+f.Threshold.Text))
	}
	add(p.w.Usual, figureText(f.Usual))
	switch {
	case f.Since.IsZero():
	case f.Broken && !f.Until.IsZero():
		parts = append(parts, fmt.Sprintf(p.w.MetTimes, p.w.duration(f.Met), p.clock(f.Since), p.clock(f.Until)))
	case (p.inc.Status != incident.Firing || f.Over) && !f.Until.IsZero():
		parts = append(parts, fmt.Sprintf(p.w.MetUntil, p.w.duration(f.Met), p.clock(f.Since), p.clock(f.Until)))
	case f.Met > 0:
		parts = append(parts, fmt.Sprintf(p.w.MetSince, p.w.duration(f.Met), p.clock(f.Since)))
	}
	if len(parts) == 0 {
		return ""
	}
	first, size := utf8.DecodeRuneInString(parts[0])
	parts[0] = string(unicode.ToUpper(first)) + parts[0][size:]
	line := strings.Join(parts, " · ")
	if !p.inc.LookedAt.IsZero() {
		line += fmt.Sprintf(p.w.Aside, fmt.Sprintf(p.w.LookedAt, p.clock(p.inc.LookedAt)))
	}
	return line
}

func figureText(f *incident.Figure) string {
	if f == nil {
		return ""
	}
	return f.Text
}
