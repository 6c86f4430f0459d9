package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// Stream judges the points of one part of a source, and stores what becomes of them. Its methods must not be called at the same
// time. After an error of any of them but Close it can only be closed: what is stored is what counts.
type Stream struct {
	w     *Watcher
	part  detect.Part
	rules *sourceRules
	log   *slog.Logger

	seq, position int64
	before        int64 // the newest entry before the one that is judged
	feeds         map[model.Fingerprint]*feed
	order         []*followed // by when they were saved, the oldest first
	journal       []entrySize // oldest first
	journalBytes  int
	owed          float64 // series that are to be saved since, less than one
	events        []detect.Event
	misfits       []detect.SavedSeries // rows that are to be deleted: their rules take other series now
	publish       bool                 // events are wanted
	replaying     bool
	changed       map[*sourceRule]bool // alerts have, since they were told of
	warned        bool                 // that a series comes from two parts
}

// feed is a series of the source and the series of rules that it feeds.
type feed struct {
	written  bool // its labels are in the journal, or with its series
	complete bool // all rules that take it have its series
	to       []*followed
}

// followed is a series of a rule that takes the points of the stream.
type followed struct {
	*series
	rule *sourceRule
}

type entrySize struct {
	seq   int64
	bytes int
}

// OpenStream takes over a part of a source: what is stored of it, with what the journal says of the time since, is what it goes on
// from. With events, each change of an alert is stored as an event to be published.
func (w *Watcher) OpenStream(ctx context.Context, p detect.Part, events bool) (*Stream, error) {
	rules := w.points[p.Source]
	if rules == nil {
		rules = &sourceRules{byName: map[string][]*sourceRule{}}
	}
	s := &Stream{
		w: w, part: p, rules: rules, log: w.opts.Logger.With("source", p.Source, "part", p.Number),
		feeds: map[model.Fingerprint]*feed{}, changed: map[*sourceRule]bool{}, publish: events,
	}
	if err := s.load(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("taking over part %d of source %s: %w", p.Number, p.Source, err)
	}
	s.log.Info("Part of a source taken over, what is not known of its series is learned from now on", "series", len(s.order), "position", s.position)
	for _, r := range rules.all {
		s.changed[r] = true // Alertmanager resolves what it does not hear of
	}
	s.tell(ctx, w.opts.Now())
	return s, nil
}

// Position returns where reading goes on; ok is false where nothing was read yet.
func (s *Stream) Position() (position int64, ok bool) { return s.position, s.seq > 0 }

// Close lets go of the part. Its series are judged by whoever takes it over.
func (s *Stream) Close() {
	for _, r := range s.rules.all {
		r.mu.Lock()
		for id, x := range r.series {
			if x.origin.stream == s {
				delete(r.series, id)
			}
		}
		r.mu.Unlock()
	}
}

// Take judges points and stores what becomes of them with the position behind them, in one transaction. It goes on trying while the
// store fails, and returns what became of each kind of points. The error is detect.ErrMoved or that of ctx.
func (s *Stream) Take(ctx context.Context, points []Point, position int64) (map[string]int, error) {
	now := s.w.opts.Now()
	s.before = s.seq
	outcomes := map[string]int{}
	e := newEntry()
	for i := range points {
		p := &points[i]
		if p.At.Sub(now) > maxAhead {
			outcomes[PointFuture]++
			continue
		}
		history := now.Sub(p.At) > historyAfter
		id := p.Metric.Fingerprint()
		f, outcome := s.feed(p, id)
		if f != nil {
			outcome = s.take(f, p.At, p.Value, history)
		}
		if outcome == PointLearned {
			e.point(id, p, history, !f.written)
			f.written = true
		}
		outcomes[outcome]++
	}
	err := s.commit(ctx, e.bytes(), position)
	if err == nil {
		s.tell(ctx, now)
	}
	return outcomes, err
}

// Tick evaluates what the clock decides where no points come: missing series, the end of "for", and what is forgotten. It must be
// called only while nothing is known to wait in the queue, or series would seem to be missing.
func (s *Stream) Tick(ctx context.Context) error {
	now := s.w.opts.Now()
	changed := s.tickAll(now)
	gone := s.forget(now)
	if changed || len(gone) > 0 || s.touched() {
		if err := s.commit(ctx, tickEntry(now), s.position, gone...); err != nil {
			return err
		}
	}
	s.tell(ctx, now)
	return nil
}

// feed returns what takes a point, nil and why for none.
func (s *Stream) feed(p *Point, id model.Fingerprint) (*feed, string) {
	f := s.feeds[id]
	if f == nil {
		f = &feed{}
	}
	if f.complete {
		return f, ""
	}
	outcome := PointUnmatched
	for _, r := range s.rules.byName[string(p.Metric[model.MetricNameLabel])] {
		if f.feeds(r) || !r.points.takes(p.Metric) {
			continue
		}
		x, why := s.enroll(r, p.Metric, p.At)
		if x == nil {
			outcome = why
			continue
		}
		f.to, f.written = append(f.to, x), false
	}
	if len(f.to) == 0 {
		return nil, outcome
	}
	f.complete = true
	s.feeds[id] = f
	return f, ""
}

func (f *feed) feeds(r *sourceRule) bool {
	return slices.ContainsFunc(f.to, func(x *followed) bool { return x.rule == r })
}

// enroll makes the series of a point of a rule.
func (s *Stream) enroll(r *sourceRule, m model.Metric, at time.Time) (*followed, string) {
	own := m.Clone()
	delete(own, model.MetricNameLabel)
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.series[own.Fingerprint()]; other != nil {
		if at.Sub(other.seen) < movedAfter {
			s.warnSplit(own)
			return nil, PointSplit
		}
		delete(r.series, other.id)
		other.origin.stream = nil
	}
	x := r.add(value{labels: own, id: own.Fingerprint()})
	if x == nil {
		return nil, PointDropped
	}
	return s.follow(x, r, s.before), ""
}

func (s *Stream) warnSplit(m model.Metric) {
	if s.warned {
		return
	}
	s.warned = true
	s.log.Warn("Series comes from two parts of its source, one of them is ignored; give all messages of a series the same key", "series", m)
}

// follow makes a series one of this stream. Its rule's lock is held.
func (s *Stream) follow(x *series, r *sourceRule, seq int64) *followed {
	x.origin.stream, x.origin.seq = s, seq
	f := &followed{x, r}
	s.order = append(s.order, f)
	return f
}

// take gives a point to the series of rules, and returns what became of it.
func (s *Stream) take(f *feed, at time.Time, v float64, history bool) string {
	outcome := PointLate
	for _, x := range f.to {
		x.rule.mu.Lock()
		switch {
		case x.origin.stream != s: // moved to another part
			outcome = PointSplit
		case at.After(x.stepped):
			outcome = PointLearned
			x.origin.points++
			s.step(x, at, func() { x.rule.judgePoint(x.series, at, v, history) })
			x.trace(at)
		}
		x.rule.mu.Unlock()
	}
	return outcome
}

// step changes a series and notes what that means for its alert. Its rule's lock is held.
func (s *Stream) step(x *followed, at time.Time, change func()) (changed bool) {
	before, touched := x.alert.State, x.changed
	x.origin.replayed = s.replaying
	change()
	x.origin.replayed = false
	x.changed = touched // that of the alert is in the journal
	x.origin.clean = false
	if at.After(x.rule.evaluated) {
		x.rule.evaluated = at
	}
	s.note(x, before, at)
	changed = before != x.alert.State && (before != "" || x.alert.State != detect.Inactive)
	if changed && (before == detect.Firing || x.alert.State == detect.Firing) {
		s.changed[x.rule] = true
		x.rule.countWide(at)
	}
	return changed
}

// tickAll evaluates all series at a time of the clock, and reports whether an alert has changed.
func (s *Stream) tickAll(at time.Time) bool {
	some := false
	for _, x := range s.order {
		x.rule.mu.Lock()
		if x.origin.stream == s {
			clean := x.origin.clean
			if s.step(x, at, func() { x.rule.tick(x.series, at) }) {
				some = true
				x.trace(at)
			} else {
				x.origin.clean = clean
			}
		}
		x.rule.mu.Unlock()
	}
	return some
}

// touched tells whether something was said of a series that is not in the journal: feedback.
func (s *Stream) touched() bool {
	for _, x := range s.order {
		x.rule.mu.Lock()
		touched := x.changed
		x.rule.mu.Unlock()
		if touched {
			return true
		}
	}
	return false
}

// forget drops series that had no point for so long that their absence is normal, and returns what deletes them.
func (s *Stream) forget(now time.Time) []detect.SavedSeries {
	var gone []detect.SavedSeries
	s.order = slices.DeleteFunc(s.order, func(x *followed) bool {
		x.rule.mu.Lock()
		defer x.rule.mu.Unlock()
		idle := x.alert.State != detect.Firing && x.alert.State != detect.Pending
		old := idle && now.Sub(x.seen) >= x.rule.adaptAfter() && now.Sub(x.alert.ResolvedAt) > resolvedFor
		if !old && x.origin.stream == s {
			return false
		}
		if x.origin.stream == s {
			delete(x.rule.series, x.id)
			x.origin.stream = nil
		}
		gone = append(gone, detect.SavedSeries{Rule: x.rule.Key(), Series: x.id.String()})
		return true
	})
	if len(gone) == 0 {
		return nil
	}
	for id, f := range s.feeds {
		f.to = slices.DeleteFunc(f.to, func(x *followed) bool {
			x.rule.mu.Lock()
			defer x.rule.mu.Unlock()
			return x.origin.stream != s
		})
		if len(f.to) == 0 {
			delete(s.feeds, id)
		}
	}
	return gone
}

const firstSaveRetry, maxSaveRetry = 100 * time.Millisecond, 5 * time.Second

// commit stores an entry of the journal with all that follows from it.
func (s *Stream) commit(ctx context.Context, entry []byte, position int64, rows ...detect.SavedSeries) error {
	c := detect.Commit{Seq: s.seq + 1, Position: position, Entry: entry, Events: s.events}
	c.Series = slices.Concat(s.misfits, rows, s.due(c.Seq, len(entry)))
	if len(entry) > 0 {
		s.journal = append(s.journal, entrySize{c.Seq, len(entry)})
		s.journalBytes += len(entry)
	}
	c.Keep = s.keep(c.Seq)
	failing := false
	for retry := firstSaveRetry; ; retry = min(2*retry, maxSaveRetry) {
		err := s.w.opts.Parts.SavePart(ctx, s.part, c)
		switch {
		case err == nil:
			if failing {
				s.log.Info("Points saved again, reading goes on")
			}
			s.seq, s.position, s.events, s.misfits = c.Seq, position, nil, nil
			return nil
		case errors.Is(err, detect.ErrMoved):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		s.w.metrics.errors.WithLabelValues(errorState).Inc()
		if !failing {
			s.log.Error("Points not saved, they are saved again; reading waits", "err", err)
		}
		failing = true
		if !sleep(ctx, retry) {
			return ctx.Err()
		}
	}
}

// tell tells of the alerts that have changed, and from time to time of all.
func (s *Stream) tell(ctx context.Context, now time.Time) {
	for _, r := range s.rules.all {
		r.told.Lock()
		due := s.changed[r] || now.Sub(r.at) >= toldEvery
		if due {
			r.at = now
			delete(s.changed, r)
			s.w.tell(ctx, r.group, r.watched, now)
		}
		r.told.Unlock()
	}
}

// Tell tells of the alerts of the source's rules, as Tick does, while it is not known what the clock decides.
func (s *Stream) Tell(ctx context.Context) { s.tell(ctx, s.w.opts.Now()) }
