package analyzer

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/text"
)

// judgeInstructions are the fixed part of the prompt of a judgment.
//
//go:embed judge.md
var judgeInstructions string

const (
	// judgeID stands for an incident in the ledger of model calls: a judgment is about none.
	judgeID = "judge"
	// maxJudgments is how often one batch is asked about at most, because answers can't be read.
	maxJudgments = 2
	maxAnomalies = 10
	maxPast      = 12 // earlier values of a metric that are sent, the newest
	maxContext   = 500
	maxSeries    = 300 // runes of a metric's name with its labels
)

// Band is what was expected of a value.
type Band struct{ Expected, Lower, Upper float64 }

// Metric is one series of a batch.
type Metric struct {
	Name   string
	Labels map[string]string
	Unit   string // such as s, bytes; empty for none
	Value  float64
	Band   *Band         // nil where nothing is known of what is usual
	Score  float64       // of detection: it raises an alert at 1; 0 for none
	Past   []float64     // earlier values, the oldest first
	Step   time.Duration // between them
}

// Batch is a number of metrics that are judged together.
type Batch struct {
	Metrics []Metric
	Context string // where they come from, in a line or two
}

// Anomaly is what a judgment says of one metric.
type Anomaly struct {
	Index    int    // of the metric in its batch
	Severity string // critical, warning, info
	Reason   string // in the model's words
}

// Judgment is what the model says of a batch. It says nothing of metrics that are not in the batch.
type Judgment struct {
	Anomalies []Anomaly // the most severe first, as the model has them; empty when nothing is unusual
	Summary   string    // in the model's words
	Unknown   int       // entries that were dropped: their metric is not in the batch, or was named before
	Left      int       // metrics for which the prompt had no room; they were not judged
	Model     string
	Spend     incident.Spend
}

// judgeMetrics count judgments.
type judgeMetrics struct {
	total, anomalies, unknown prometheus.Counter
	failed                    *prometheus.CounterVec
}

func newJudgeMetrics(with promauto.Factory) *judgeMetrics {
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Name: "alertscribe_" + name, Help: help})
	}
	m := &judgeMetrics{
		total:     counter("judgments_total", "Batches of metrics that a model was asked about, including failures."),
		anomalies: counter("judgment_anomalies_total", "Anomalies that a model has named in batches of metrics."),
		unknown:   counter("judgment_unknown_metrics_total", "Anomalies of a model's answers that were dropped: their metric is not in the batch, or was named before."),
		failed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "alertscribe_judgments_failed_total", Help: "Batches of metrics without a judgment, by reason.",
		}, []string{"reason"}),
	}
	for _, kind := range incident.FailureKinds() {
		m.failed.WithLabelValues(string(kind))
	}
	return m
}

// Judge asks the model which metrics of a batch are unusual. It takes at most two calls, within the budget and the breaker of analyses.
// The error is an *incident.Failure with what was spent all the same; an empty batch takes no call.
func (a *Analyzer) Judge(ctx context.Context, b Batch) (*Judgment, error) {
	if len(b.Metrics) == 0 {
		return &Judgment{}, nil
	}
	a.metrics.judge.total.Inc()
	j, spend, failure := a.judge(ctx, b)
	if failure != nil {
		ended := *failure
		ended.Spend = spend
		a.metrics.judge.failed.WithLabelValues(string(ended.Kind)).Inc()
		a.logger.Log(ctx, slog.LevelWarn, "Judgment of metrics failed", "metrics", len(b.Metrics), "reason", ended.Kind, "err", ended.Err)
		return nil, &ended
	}
	a.metrics.judge.anomalies.Add(float64(len(j.Anomalies)))
	a.metrics.judge.unknown.Add(float64(j.Unknown))
	j.Spend = spend
	return j, nil
}

func (a *Analyzer) judge(ctx context.Context, b Batch) (*Judgment, incident.Spend, *incident.Failure) {
	var spend incident.Spend
	if a.opts.Key == "" {
		return nil, spend, failed(incident.FailNoKey, "no API key; set DEEPSEEK_API_KEY (any value if your endpoint needs none)")
	}
	session := a.opts.Redactor.Session()
	messages, left := a.judgeMessages(session, b)
	var answers []reply
	var problem error
	for again := messages; len(answers) < maxJudgments; {
		got, failure := a.askWithin(ctx, judgeID, again, halved(a.opts.Limits))
		spend = spend.Add(got.spend)
		if failure != nil && failure.Kind != incident.FailBadAnswer {
			return nil, spend, failure
		}
		answers = append(answers, got)
		if failure != nil { // blank: there is nothing to show again
			problem = failure.Err
			a.metrics.answer(answerUnreadable)
			continue
		}
		j, loose, err := readJudgment(got, b.Metrics[:len(b.Metrics)-left])
		if err == nil {
			a.metrics.answer(answerRead.or(answerMended, loose))
			j.Left, j.Model = left, got.model
			return j, spend, nil
		}
		a.metrics.answer(answerUnreadable)
		problem = err
		again = slices.Concat(messages, repair(got.content, err, session.Text))
	}
	return nil, spend, a.unreadable(answers, problem)
}

// halved returns what second opinions may use of a budget: while half of it is used, by whomever, the rest is for analyses.
func halved(l incident.Limits) incident.Limits {
	if l.CallsPerHour > 1 {
		l.CallsPerHour /= 2
	}
	l.CostPerHour, l.CostPerDay = l.CostPerHour/2, l.CostPerDay/2
	return l
}

// or returns another result where something is true.
func (r answerResult) or(other answerResult, is bool) answerResult {
	if is {
		return other
	}
	return r
}

// JudgePrompt returns the messages that Judge would send first, to the byte, and how many metrics it has no room for.
func (a *Analyzer) JudgePrompt(b Batch) (messages []Message, left int) {
	sent, left := a.judgeMessages(a.opts.Redactor.Session(), b)
	for _, m := range sent {
		messages = append(messages, Message{Role: m.Role, Content: m.Content})
	}
	return messages, left
}

func (a *Analyzer) judgeMessages(session *redact.Session, b Batch) (messages []openai.ChatCompletionMessage, left int) {
	data, left := a.renderBatch(session, b)
	if len(session.Counts()) > 0 { // once more: what a later text gave away stands in earlier ones, too
		data, left = a.renderBatch(session, b)
	}
	return []openai.ChatCompletionMessage{
		{Role: openai.ChatMessageRoleSystem, Content: judgeInstructions},
		{Role: openai.ChatMessageRoleUser, Content: data},
	}, left
}

// renderBatch returns the message that follows the instructions: the language, then the metrics as data, as far as there is room.
func (a *Analyzer) renderBatch(session *redact.Session, b Batch) (data string, left int) {
	fixed := languages[a.opts.Language] + dataBegins + dataEnds + closing
	p := &promptText{redact: session.Text, policy: a.opts.Policy, left: a.opts.MaxPromptBytes - len(judgeInstructions) - len(fixed) - trailerBytes}
	if b.Context != "" {
		p.add(p.text(b.Context, maxContext) + "\n")
	}
	for i, m := range b.Metrics {
		if !p.add(fmt.Sprintf("M%d %s\n", i+1, p.metric(m))) {
			left = len(b.Metrics) - i
			fmt.Fprintf(&p.out, "%d more metrics did not fit and are not judged.\n", left)
			break
		}
	}
	return languages[a.opts.Language] + dataBegins + p.out.String() + dataEnds + closing, left
}

// metric writes one metric in a line.
func (p *promptText) metric(m Metric) string {
	var out strings.Builder
	out.WriteString(p.text(m.Series(), maxSeries) + " " + short(m.Value))
	if m.Unit != "" {
		out.WriteString(" " + p.text(m.Unit, 20))
	}
	if m.Band != nil {
		fmt.Fprintf(&out, ", expected %s", short(m.Band.Expected))
		if usual := m.Band; !math.IsInf(usual.Lower, 0) || !math.IsInf(usual.Upper, 0) {
			fmt.Fprintf(&out, " (%s to %s)", short(usual.Lower), short(usual.Upper))
		}
	}
	if m.Score > 0 {
		fmt.Fprintf(&out, ", score %.2f", m.Score)
	}
	if past := m.Past[max(0, len(m.Past)-maxPast):]; len(past) > 0 {
		out.WriteString(", before")
		if m.Step > 0 {
			fmt.Fprintf(&out, " (each %s)", m.Step)
		}
		out.WriteString(":")
		for _, v := range past {
			out.WriteString(" " + short(v))
		}
	}
	return out.String()
}

// Series returns the name of the metric with its labels, as PromQL writes it.
func (m Metric) Series() string {
	if len(m.Labels) == 0 {
		return m.Name
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		parts = append(parts, name+"="+strconv.Quote(m.Labels[name]))
	}
	return m.Name + "{" + strings.Join(parts, ",") + "}"
}

// short writes a number with four digits.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "unknown"
	case math.IsInf(v, 1):
		return "any"
	case math.IsInf(v, -1):
		return "none"
	case math.Abs(v) >= 1000 && math.Abs(v) < 1e9:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// The errors of a judgment that can't be read; the model is told.
var (
	errNoFlag        = errors.New(`the key "has_anomaly" is missing, or is neither true nor false`)
	errNoList        = errors.New(`the key "anomalies" is missing, or is no list`)
	errContradiction = errors.New(`"has_anomaly" and "anomalies" contradict each other`)
)

// boundedReason is a sentence of the model, in a line.
func boundedReason(s string) string { return text.Cut(text.OneLine(s), 400) }
