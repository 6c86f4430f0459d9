package sim

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Span is a stretch of time.
type Span struct{ From, To time.Time }

// Past says what was scraped before the start.
type Past struct {
	// Labels are those that a scrape adds, such as job and instance.
	Labels map[string]string
	// Spans are when it was scraped, the oldest first, and Step how often.
	Spans []Span
	Step  time.Duration
}

// Past makes up normal traffic for the time before the start and writes what Prometheus would have scraped of it, as OpenMetrics
// with timestamps, which promtool makes blocks of. The counters go on from there. It must be called before Run.
func (s *Service) Past(w io.Writer, p Past) error {
	families := map[string][]string{}
	line := func(name string, labels map[string]string, value float64, at time.Time) string {
		return fmt.Sprintf("%s{%s} %s %.3f\n", name, labelText(labels), strconv.FormatFloat(value, 'g', -1, 64), float64(at.UnixMilli())/1000)
	}
	if s.logins.begun != nil && len(p.Spans) > 0 {
		s.logins.begun.Set(float64(p.Spans[0].From.Unix()))
	}
	for _, span := range p.Spans {
		s.logins.jump(span.From)
		for at := span.From; at.Before(span.To); at = at.Add(p.Step) {
			s.logins.advance(at)
			families["up"] = append(families["up"], line("up", p.Labels, 1, at))
			err := s.logins.each(func(name string, labels map[string]string, value float64) {
				maps.Copy(labels, p.Labels)
				families[name] = append(families[name], line(name, labels, value, at))
			})
			if err != nil {
				return fmt.Errorf("reading the counters: %w", err)
			}
		}
	}
	s.logins.jump(s.now())
	out := bufio.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family, counter := strings.CutSuffix(name, "_total")
		kind := "gauge"
		if counter {
			kind = "counter"
		}
		fmt.Fprintf(out, "# TYPE %s %s\n", family, kind)
		for _, text := range families[name] {
			_, _ = out.WriteString(text) // Flush tells
		}
	}
	_, _ = out.WriteString("# EOF\n")
	return out.Flush()
}

// jump lets normal traffic go on at a time, without the logins in between.
func (l *logins) jump(to time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = to.Add(l.interval)
}

// each calls f for each series; it may keep and change the labels.
func (l *logins) each(f func(name string, labels map[string]string, value float64)) error {
	registry := prometheus.NewRegistry()
	collectors := []prometheus.Collector{l.total, l.hashing, l.sessions}
	if l.begun != nil {
		collectors = append(collectors, l.begun)
	}
	for _, c := range collectors {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	families, err := registry.Gather()
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range m.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			f(family.GetName(), labels, m.GetCounter().GetValue()+m.GetGauge().GetValue()) // one of them is there
		}
	}
	return err
}

func labelText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
	}
	return strings.Join(pairs, ",")
}
