package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

type (
	// Judge gives a second opinion on series.
	Judge interface {
		// Judge says which of the series are unusual, all of them together. The source says where they come from. It may take as long as a
		// model takes; nothing waits for it.
		Judge(ctx context.Context, source string, series []JudgedSeries) ([]Opinion, error)
	}
	// JudgedSeries is a series as it is at an evaluation. What is unknown is NaN, a bound that is not there infinite.
	JudgedSeries struct {
		Rule                                 string // GROUP/ALERT
		Metric                               string // of a source; empty where Prometheus answers an expression
		Labels                               map[string]string
		Value, Expected, Lower, Upper, Level float64
		Score                                float64       // an alert starts at 1
		Past                                 []float64     // values before, the oldest first; of a source
		Step                                 time.Duration // between them, on average
		Peer                                 bool          // for comparison; nothing is told of it
	}
	// Opinion is what a Judge says of one series.
	Opinion struct {
		Index    int    // in the list
		Severity string // critical, warning, info; nobody is told of info
		Reason   string // in the judge's words
	}
)

// SecondOpinionSuffix ends the name of the alert of a second opinion.
const SecondOpinionSuffix = "SecondOpinion"

// AnnotationOpinion holds the words of a model, in an alert of a second opinion.
const AnnotationOpinion = "second_opinion"

const (
	// borderlineScore is from which score on a series that is no alert is worth a second opinion.
	borderlineScore = .5
	// opinionEvery is how often a borderline series is asked about.
	opinionEvery = 15 * time.Minute
	// repeatWithin is for how long the same severity said of the same series is no news: the warning goes on as it is.
	repeatWithin = 15 * time.Minute
	// opinionSlack is for how long an opinion holds beyond the time at which there may be another one.
	opinionSlack = 5 * time.Minute
	// maxJudged bounds what is asked about at once; peersJudged the series beside borderline ones, which show what is usual.
	maxJudged, peersJudged = 200, 30
	// judgedPast is how many values before are told of a series of a source.
	judgedPast    = 12
	minJudgeEvery = time.Minute
	maxJudgeEvery = 24 * time.Hour
)

// opinion is the newest warning of a second opinion on a series.
type opinion struct {
	severity, reason string
	said             time.Time // when it was last put into words
	since, until     time.Time
}

// every is written as "every 15m".
type every time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (e *every) UnmarshalYAML(n *yaml.Node) error {
	text, found := strings.CutPrefix(strings.TrimSpace(n.Value), "every ")
	d, err := model.ParseDuration(strings.TrimSpace(text))
	if t := time.Duration(d); !found || err != nil || t < minJudgeEvery || t > maxJudgeEvery {
		return fmt.Errorf(`line %d: judge: %q is not "every 15m", or another time of 1m to 1d`, n.Line, n.Value)
	}
	*e = every(d)
	return nil
}

// opinions are the questions of a Watcher: one at a time, so that a slow model is asked less and not in parallel.
type opinions struct {
	judge   Judge // nil for none
	asking  sync.Mutex
	running sync.WaitGroup
	total   *prometheus.CounterVec
}

// The outcomes of questions, a closed set.
const (
	opinionWarning = "warning"
	opinionNone    = "none"
	opinionFailed  = "failed"
	opinionBusy    = "busy"
)

func newOpinions(j Judge, r prometheus.Registerer) *opinions {
	o := &opinions{judge: j, total: promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "alertscribe_detect_second_opinions_total",
		Help: "Questions to a model about series by outcome: warning, none (nothing unusual), failed, busy (not asked: the one before goes on).",
	}, []string{"outcome"})}
	for _, outcome := range []string{opinionWarning, opinionNone, opinionFailed, opinionBusy} {
		o.total.WithLabelValues(outcome)
	}
	return o
}

// secondOpinions asks for a second opinion where one is due. It returns at once.
func (w *Watcher) secondOpinions(ctx context.Context, p *panel, at time.Time) {
	o := w.opinions
	if o.judge == nil || ctx.Err() != nil {
		return
	}
	whole := p.JudgeEvery > 0 && at.Sub(p.judged) >= p.JudgeEvery
	if !whole && !p.borderlines() {
		return
	}
	if !o.asking.TryLock() {
		if whole {
			o.total.WithLabelValues(opinionBusy).Inc()
		}
		return
	}
	q := p.question(at, whole)
	if len(q.series) == 0 {
		o.asking.Unlock()
		return
	}
	if whole {
		p.judged = at
	}
	o.running.Go(func() {
		defer o.asking.Unlock()
		w.ask(ctx, p, q, at)
	})
}

// ask asks, and keeps the warnings until the next evaluation tells of them. A failure changes nothing: an alert never waits for it.
func (w *Watcher) ask(ctx context.Context, p *panel, q question, at time.Time) {
	said, err := w.opinions.judge.Judge(ctx, p.source(at), q.series)
	if err != nil {
		if ctx.Err() == nil {
			w.opinions.total.WithLabelValues(opinionFailed).Inc()
			w.opts.Logger.Warn("No second opinion, alerts are as they are", "group", p.Name, "series", len(q.series), "err", err)
		}
		return
	}
	warned := 0
	for _, x := range said {
		if x.Severity != severityInfo && x.Index >= 0 && x.Index < len(q.series) && !q.series[x.Index].Peer {
			warned++
			q.of[x.Index].warn(q.about[x.Index], x, at, q.holding)
		}
	}
	outcome := opinionNone
	if warned > 0 {
		outcome = opinionWarning
	}
	w.opinions.total.WithLabelValues(outcome).Inc()
	w.opts.Logger.Info("Second opinion given", "group", p.Name, "series", len(q.series), "warnings", warned)
}

// severityInfo is the severity of which nobody is told.
const severityInfo = "info"

// warn keeps a warning about a series. One that is repeated while it holds goes on, in its words where they are no news.
func (w *watched) warn(s *series, x Opinion, at time.Time, holding time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := s.opinion
	switch {
	case o == nil || at.After(o.until):
		s.opinion = &opinion{severity: x.Severity, reason: x.Reason, said: at, since: at, until: at.Add(holding)}
	case o.severity == x.Severity && at.Sub(o.said) < repeatWithin:
		o.until = at.Add(holding)
	default:
		o.severity, o.reason, o.said, o.until = x.Severity, x.Reason, at, at.Add(holding)
	}
}

// warnings returns the alerts of second opinions: beside those of the rule, never in place of one. They end when the opinion is not
// repeated. The rule's lock is held.
func (w *watched) warnings(c *promapi.Client, at time.Time) []Alert {
	var some []*series
	for _, s := range w.series {
		switch o := s.opinion; {
		case o == nil:
		case at.Sub(o.until) > resolvedFor:
			s.opinion = nil
		default:
			some = append(some, s)
		}
	}
	slices.SortFunc(some, func(a, b *series) int {
		return cmp.Or(a.opinion.since.Compare(b.opinion.since), compare(a.id, b.id))
	})
	var out []Alert
	for _, s := range some[:min(len(some), w.MaxAlerts)] {
		out = append(out, w.warning(s, c, at))
	}
	return out
}

func (w *watched) warning(s *series, c *promapi.Client, at time.Time) Alert {
	a := Alert{Labels: plain(s.labels), Annotations: map[string]string{}, StartsAt: s.opinion.since}
	d := &data{Labels: plain(s.labels), ExternalLabels: map[string]string{}, Since: float64(s.opinion.since.Unix())}
	for name, text := range w.Labels {
		if v := expand(text, d); v != "" {
			a.Labels[name] = v
		}
	}
	maps.Copy(a.Labels, map[string]string{model.AlertNameLabel: w.Alert + SecondOpinionSuffix, "severity": "warning"})
	a.Annotations[AnnotationSummary] = "A model's opinion, no measurement: " + s.opinion.reason
	a.Annotations[AnnotationOpinion] = s.opinion.reason
	a.Annotations[AnnotationSince] = s.opinion.since.UTC().Format(time.RFC3339)
	for name, v := range map[string]float64{AnnotationValue: s.now.Value, AnnotationExpected: s.now.Expected} {
		if bounded(v) {
			a.Annotations[name] = promql.FormatNumber(v)
		}
	}
	if at.After(s.opinion.until) {
		a.EndsAt = s.opinion.until
	}
	if w.Source != "" {
		a.Annotations[AnnotationQueue] = w.Source
		return a // Prometheus does not have it
	}
	a.GeneratorURL = c.GraphURL(w.selected(s), s.opinion.since.Add(-time.Hour), at)
	return a
}
