package watch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// panel is the rules of a group that are asked about together: those that Prometheus answers, or those with a source. It is used by
// one goroutine.
type panel struct {
	*Group
	rules  []*watched
	judged time.Time // when a Judge was last asked about all series
}

// wanted tells whether a second opinion is, ever.
func (p *panel) wanted() bool { return len(p.rules) > 0 && (p.JudgeEvery > 0 || p.borderlines()) }

func (p *panel) borderlines() bool {
	return slices.ContainsFunc(p.rules, func(r *watched) bool { return r.SecondOpinion })
}

// source says in a line what a question is about.
func (p *panel) source(at time.Time) string {
	from := ", evaluated at "
	var queues []string
	for _, r := range p.rules {
		if r.Source != "" && !slices.Contains(queues, r.Source) {
			queues = append(queues, r.Source)
		}
	}
	if len(queues) > 0 {
		from = fmt.Sprintf(", metrics from %s, as they are at ", strings.Join(queues, ", "))
	}
	return "group " + p.Name + from + at.UTC().Format("2006-01-02 15:04 MST")
}

// judgeStreamed asks about the series of sources, which no evaluation leads to, in the slots of their group. Each copy asks about those
// that it reads.
func (w *Watcher) judgeStreamed(ctx context.Context, p *panel) {
	for at := p.slot(w.opts.Now()); ctx.Err() == nil; at = p.slot(w.opts.Now()) {
		w.secondOpinions(ctx, p, at)
		sleep(ctx, at.Add(p.Interval).Sub(w.opts.Now()))
	}
}

// question is what is asked at once, with the series that it is about.
type question struct {
	series  []JudgedSeries
	of      []*watched // of each series
	about   []*series
	holding time.Duration
}

// candidate is a series that may be asked about.
type candidate struct {
	rule   *watched
	series *series
	as     JudgedSeries
}

// question collects what is asked about: all series, or those that are borderline, with some peers; the most unusual first.
func (p *panel) question(at time.Time, whole bool) question {
	q := question{holding: opinionEvery + opinionSlack}
	if whole {
		q.holding = max(p.JudgeEvery, p.Interval) + opinionSlack
	}
	var all []*candidate
	for _, r := range p.rules {
		all = append(all, r.entries(at, whole)...)
	}
	slices.SortFunc(all, moreUnusual)
	for _, e := range all[:min(len(all), maxJudged)] {
		q.series, q.of, q.about = append(q.series, e.as), append(q.of, e.rule), append(q.about, e.series)
		if !e.as.Peer {
			e.rule.mu.Lock()
			e.series.judged = at
			e.rule.mu.Unlock()
		}
	}
	return q
}

// entries returns the series of a rule that are asked about, with some of their peers behind them; none where none is.
func (w *watched) entries(at time.Time, whole bool) []*candidate {
	w.mu.Lock()
	defer w.mu.Unlock()
	var asked, peers []*candidate
	for _, s := range w.series {
		switch {
		case s.now.Status != detect.Judged || !w.stands(s, at) || math.IsNaN(s.now.Value):
		case whole || w.borderline(s) && at.Sub(s.judged) >= opinionEvery:
			asked = append(asked, &candidate{w, s, w.judgedSeries(s, false)})
		default:
			peers = append(peers, &candidate{w, s, w.judgedSeries(s, true)})
		}
	}
	if len(asked) == 0 {
		return nil
	}
	slices.SortFunc(peers, moreUnusual)
	return append(asked, peers[:min(len(peers), peersJudged)]...)
}

// moreUnusual orders series by their scores, the largest first.
func moreUnusual(a, b *candidate) int {
	return cmp.Or(cmp.Compare(b.as.Score, a.as.Score), compare(a.series.id, b.series.id))
}

// borderline tells whether a series is worth a second opinion.
func (w *watched) borderline(s *series) bool {
	return w.SecondOpinion && s.now.Score >= borderlineScore && s.now.Score < 1 && s.alert.State != detect.Firing
}

func (w *watched) judgedSeries(s *series, peer bool) JudgedSeries {
	j := JudgedSeries{
		Rule: w.Key(), Labels: plain(s.labels), Value: s.now.Value, Expected: s.now.Expected, Lower: s.now.Lower, Upper: s.now.Upper,
		Level: s.now.Level, Score: s.now.Score, Peer: peer,
	}
	if w.Source != "" {
		j.Metric = w.points.name
		j.Past, j.Step = s.past()
	}
	return j
}

// stands tells whether the newest value of a series is that of a time. Of a source that decides the clock: while it is read up, its
// values are those of another time.
func (w *watched) stands(s *series, at time.Time) bool {
	if w.Source == "" {
		return !s.seen.Before(w.evaluated)
	}
	return at.Sub(s.seen) < w.hold()
}

// past returns the values of a series of a source before its newest, and the time between them.
func (s *series) past() (values []float64, step time.Duration) {
	all := s.origin.recent
	if len(all) < 2 {
		return nil, 0
	}
	all = all[max(0, len(all)-1-judgedPast):]
	for _, p := range all[:len(all)-1] {
		values = append(values, p.Value)
	}
	return values, (all[len(all)-1].At.Sub(all[0].At) / time.Duration(len(all)-1)).Round(time.Millisecond)
}
