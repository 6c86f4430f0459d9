package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/detect/watch"
)

// prepareSources says all that is wrong with the queues that metrics come from, and with the rules that name them.
func (c *detectConfig) prepareSources() []error {
	var errs []error
	var names []string
	for i := range c.Sources {
		s := &c.Sources[i]
		key := fmt.Sprintf("detect.sources[%d]", i)
		errs = append(errs, s.Validate(key)...)
		if first := slices.Index(names, s.Name); first >= 0 {
			errs = append(errs, fmt.Errorf("%s.name: %q is the name of detect.sources[%d], too; points of the two would be mixed up", key, s.Name, first))
		}
		names = append(names, s.Name)
	}
	for _, r := range c.sourceRules() {
		if slices.Contains(names, r.Source) {
			continue
		}
		way := "; add it to detect.sources"
		if near := nearest(r.Source, names); near != "" {
			way = "; did you mean " + near + "?"
		}
		errs = append(errs, fmt.Errorf("detect.rule_files: rule %s: there is no source %q%s", r.Key(), r.Source, way))
	}
	return errs
}

// sourceRules returns the rules that name a source.
func (c *detectConfig) sourceRules() []*watch.Rule {
	var out []*watch.Rule
	for _, g := range c.groups {
		for _, r := range g.Rules {
			if r.Source != "" {
				out = append(out, r)
			}
		}
	}
	return out
}

// needPrometheus tells whether some rule asks Prometheus.
func (c *detectConfig) needPrometheus() bool { return slices.ContainsFunc(c.groups, asksPrometheus) }

func asksPrometheus(g *watch.Group) bool {
	return slices.ContainsFunc(g.Rules, func(r *watch.Rule) bool { return r.Source == "" })
}

// usedSources returns the sources that some rule names.
func (c *detectConfig) usedSources() []ingest.Source {
	rules := c.sourceRules()
	return slices.DeleteFunc(slices.Clone(c.Sources), func(s ingest.Source) bool {
		return !slices.ContainsFunc(rules, func(r *watch.Rule) bool { return r.Source == s.Name })
	})
}

// sourceWarnings says which sources are not read, and what is lost of others.
func (c *detectConfig) sourceWarnings() []string {
	var out []string
	used := c.usedSources()
	for _, s := range c.Sources {
		if !slices.ContainsFunc(used, func(u ingest.Source) bool { return u.Name == s.Name }) {
			out = append(out, fmt.Sprintf("source %s is not read: no rule names it", s.Name))
		} else if s.Kafka != nil && s.Kafka.DeadLetterTopic == "" || s.RabbitMQ != nil && s.RabbitMQ.DeadLetterExchange == "" {
			out = append(out, fmt.Sprintf("source %s has no place for dead letters: messages that can't be read are counted, logged, and dropped", s.Name))
		}
	}
	return out
}

// memoryPerSource is what messages that wait, and those that were fetched, may take.
const memoryPerSource = ingest.MaxQueued + 32<<20

// readSources makes what reads the queues.
func (s *setup) readSources(w *watch.Watcher) (func(context.Context), error) {
	sources := s.cfg.Detect.usedSources()
	if len(sources) == 0 {
		return nil, nil
	}
	in, err := ingest.New(ingest.Options{
		Sources: sources, Streams: w, Outbox: s.store, Logger: s.log.With("component", "detect"), Registerer: s.registry,
	})
	if err != nil {
		return nil, err
	}
	return in.Run, nil
}

// askSources asks the brokers of the sources, and tells what each answers.
func (c *config) askSources(ctx context.Context, tell func(name string, err error)) {
	for i := range c.Detect.Sources {
		s := &c.Detect.Sources[i]
		within, cancel := context.WithTimeout(ctx, probeTimeout)
		err := ingest.Check(within, s)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", probeTimeout)
		}
		tell("source "+s.Name, err)
	}
}
