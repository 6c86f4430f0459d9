package analyzer

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/incident"
)

type metrics struct {
	total    prometheus.Counter
	failed   *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	duration prometheus.Histogram
	cost     prometheus.Counter
	verified *prometheus.CounterVec
	marks    *prometheus.CounterVec
	answers  *prometheus.CounterVec
	judge    *judgeMetrics
	counts   map[answerResult]*atomic.Int64 // the same as answers, for those who have no registry
}

// answerResult is what became of one answer of the model.
type answerResult string

const (
	answerRead       answerResult = "read"
	answerMended     answerResult = "mended"     // read, though not as it was asked for
	answerProse      answerResult = "prose"      // kept as words, though JSON was asked for
	answerUnreadable answerResult = "unreadable" // paid for, and of no use
)

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		total: with.NewCounter(prometheus.CounterOpts{
			Name: "alertscribe_analyses_total", Help: "Finished analysis attempts, including failures.",
		}),
		failed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_analyses_failed_total", Help: "Analysis attempts without a verdict, by reason.",
		}, []string{"reason"}),
		tokens: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_tokens_total",
			Help: "Tokens used: prompt (cached ones included), cached (of the prompt), completion.",
		}, []string{"kind"}),
		duration: with.NewHistogram(prometheus.HistogramOpts{
			Name: "alertscribe_model_call_duration_seconds", Help: "Duration of model calls, including failures.",
			Buckets: []float64{.25, .5, 1, 2, 4, 8, 15, 30, 60, 120, 300},
		}),
		cost: with.NewCounter(prometheus.CounterOpts{
			Name: "alertscribe_model_cost_usd_total", Help: "List price of the tokens used, for models whose price is known.",
		}),
		verified: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_verifications_total",
			Help: "Drafts due for verification, by outcome: verified, or why not.",
		}, []string{"outcome"}),
		marks: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_marks_total", Help: "Failed fact checks on model answers, by kind.",
		}, []string{"kind"}),
	}
	m.answers = with.NewCounterVec(prometheus.CounterOpts{
		Name: "alertscribe_model_answers_total",
		Help: "Answers of the model, by whether they could be read: read, mended, prose (kept as words after it was counted unreadable), unreadable.",
	}, []string{"result"})
	m.judge = newJudgeMetrics(with)
	m.counts = map[answerResult]*atomic.Int64{}
	for _, result := range []answerResult{answerRead, answerMended, answerProse, answerUnreadable} {
		m.answers.WithLabelValues(string(result))
		m.counts[result] = new(atomic.Int64)
	}
	m.verified.WithLabelValues("verified")
	for _, reason := range []incident.UnverifiedReason{incident.UnverifiedNothing, incident.UnverifiedBudget, incident.UnverifiedModel} {
		m.verified.WithLabelValues(string(reason))
	}
	for _, kind := range incident.MarkKinds() {
		m.marks.WithLabelValues(string(kind))
	}
	for _, kind := range incident.FailureKinds() {
		m.failed.WithLabelValues(string(kind))
	}
	for _, kind := range []string{"prompt", "cached", "completion"} {
		m.tokens.WithLabelValues(kind)
	}
	return m
}

func (m *metrics) answer(result answerResult) {
	m.answers.WithLabelValues(string(result)).Inc()
	m.counts[result].Add(1)
}

func (m *metrics) attempt(failure *incident.Failure) {
	m.total.Inc()
	if failure != nil {
		m.failed.WithLabelValues(string(failure.Kind)).Inc()
	}
}

func (m *metrics) call(took time.Duration, spend incident.Spend) {
	m.duration.Observe(took.Seconds())
	m.tokens.WithLabelValues("prompt").Add(float64(spend.Prompt))
	m.tokens.WithLabelValues("cached").Add(float64(spend.Cached))
	m.tokens.WithLabelValues("completion").Add(float64(spend.Completion))
	m.cost.Add(spend.Cost)
}

// marked counts what is marked in an answer.
func (m *metrics) marked(v *incident.Verdict) {
	lists := [][]incident.Mark{v.Marks}
	for _, c := range v.Causes {
		lists = append(lists, c.Marks)
	}
	for _, a := range v.Actions {
		lists = append(lists, a.Marks)
	}
	for _, marks := range lists {
		for _, mark := range marks {
			m.marks.WithLabelValues(string(mark.Kind)).Inc()
		}
	}
}
