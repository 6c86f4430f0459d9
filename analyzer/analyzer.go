package analyzer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/analyzer/factcheck"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/text"
)

// Options are the settings of an Analyzer. Ledger is required; all else has a default.
type Options struct {
	BaseURL  string            // of an OpenAI-compatible API, with or without /v1; default https://api.deepseek.com
	Model    string            // default deepseek-flash
	Key      redact.Secret     // "" for none: every analysis fails with incident.FailNoKey
	Language incident.Language // of the verdict; default English
	// Thinking is disabled (default), low or high, always sent explicitly, since DeepSeek thinks unless told otherwise;
	// or omit, which sends nothing, for endpoints that refuse fields they do not know.
	Thinking string
	// ExtraBody is merged into the JSON of each request and wins over our own fields; a null removes one. It may not
	// hold model, messages or stream.
	ExtraBody map[string]any
	MaxTokens int           // of an answer, thinking included; default 4096, with thinking 16384
	Timeout   time.Duration // wall clock of one call; default 120 s
	// MaxPromptBytes bounds the prompt, the instructions (6 KB) included; default 24 KiB (about 6,000 tokens), at
	// least 10 KiB. What was cut is listed in the prompt. A second call adds the answer that could not be read.
	MaxPromptBytes int
	Limits         incident.Limits // of calls and money; none by default
	Prices         Prices          // default DefaultPrices
	// Verify has drafts verified against the counter-evidence of Refuter; without a Refuter no draft is.
	Verify  bool
	Refuter refuter
	// ProbeAfter is how long an open breaker waits before its first probe; default 1 min, doubled up to 15 min.
	ProbeAfter time.Duration

	Redactor   *redact.Redactor      // default: redact's own rules
	Policy     *incident.Policy      // for the order of severities; default incident.DefaultPolicy
	Transport  http.RoundTripper     // default http.DefaultTransport; connections are the owner's to close
	Ledger     ledger                // counts the calls
	Version    string                // of alertscribe, for the User-Agent
	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // nil for none
	Now        func() time.Time      // default time.Now
}

// Analyzer asks a model about incidents. It is safe for concurrent use.
type Analyzer struct {
	opts    Options
	client  *client
	breaker *breaker
	metrics *metrics
	logger  *slog.Logger
	drafts  drafts
}

// refuter looks up counter-evidence to a draft.
type refuter interface {
	// CounterEvidence returns comparisons, whatever the draft says, and the answers to the first of its checks, in their order.
	// The items have no ids. It never fails: a failed lookup is an item that says so.
	CounterEvidence(ctx context.Context, inc *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence)
}

// Draft asks the model about an incident and returns its verdict, fact-checked. A verdict without a Verification is a draft,
// which Verify is for. It takes at most three calls, each bounded by the timeout. The error is always an *incident.Failure with
// what was spent all the same; when ctx has ended, that is the reason and the failure means nothing.
func (a *Analyzer) Draft(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, error) {
	verdict, from, spend, failure := a.draft(ctx, inc, f)
	a.metrics.attempt(failure)
	if failure != nil {
		ended := *failure
		ended.Spend = spend
		level := slog.LevelWarn
		if ended.Kind == incident.FailNoKey {
			level = slog.LevelDebug // told once at startup
		}
		a.logger.Log(ctx, level, "Analysis failed", "incident", inc.ID, "reason", ended.Kind, "err", ended.Err)
		return nil, &ended
	}
	verdict.At, verdict.Generation, verdict.Spend = a.opts.Now(), inc.Generation, spend
	if verdict.Verification = a.unverifiable(verdict); verdict.Verification == nil {
		a.drafts.keep(inc, verdict.At, from)
	}
	a.metrics.marked(verdict)
	return verdict, nil
}

func (a *Analyzer) draft(ctx context.Context, inc *incident.Incident, f incident.Findings) (
	*incident.Verdict, prompted, incident.Spend, *incident.Failure,
) {
	if a.opts.Key == "" {
		return nil, prompted{}, incident.Spend{}, failed(incident.FailNoKey, "no API key; set DEEPSEEK_API_KEY (any value if your endpoint needs none)")
	}
	from := a.prompted(inc, f)
	var spend incident.Spend
	var answers []reply
	var problem error
	for again := from.messages; len(answers) < maxAnswers; {
		got, failure := a.ask(ctx, inc.ID, again)
		spend = spend.Add(got.spend)
		if failure != nil && failure.Kind == incident.FailBadAnswer { // blank: there is nothing to show again
			a.metrics.answer(answerUnreadable)
			answers, problem = append(answers, reply{}), failure.Err
			continue
		}
		if failure != nil {
			if prose := a.proseOf(answers, from.shown); prose != nil && ctx.Err() == nil {
				return prose, from, spend, nil
			}
			return nil, from, spend, failure
		}
		verdict, err := a.read(got, from.shown)
		if err == nil {
			return verdict, from, spend, nil
		}
		same := slices.ContainsFunc(answers, func(r reply) bool { return r.content == got.content })
		answers, problem = append(answers, got), err
		if same || errors.Is(err, errNoJSON) && len(answers) > 1 {
			break // a third one would be no other
		}
		again = slices.Concat(from.messages, repair(got.content, err, from.session.Text))
	}
	if prose := a.proseOf(answers, from.shown); prose != nil {
		return prose, from, spend, nil
	}
	return nil, from, spend, a.unreadable(answers, problem)
}

// maxAnswers is how often an incident's draft is asked for at most, because answers can't be read.
const maxAnswers = 3

// proseOf returns the first answer that is words without JSON, as a verdict that is fact-checked; nil when none is.
func (a *Analyzer) proseOf(answers []reply, shown factcheck.Input) *incident.Verdict {
	for _, r := range answers {
		if _, err := findVerdict(r.content, r.cut, r.whole); errors.Is(err, errNoJSON) {
			if prose := proseVerdict(r.content); prose.Prose != "" && !strings.HasPrefix(prose.Prose, "{") {
				prose.Model = r.model
				factcheck.Check(prose, shown)
				a.metrics.answer(answerProse)
				return prose
			}
		}
	}
	return nil
}

// unreadable returns the failure of answers that could not be read, with what is wrong with the last one, and its first words.
func (a *Analyzer) unreadable(answers []reply, problem error) *incident.Failure {
	begins := ""
	for _, r := range answers {
		if said := spoken(r.content); said != "" {
			begins = "; it begins: " + a.client.quote(said)
		}
	}
	f := failed(incident.FailBadAnswer, "unreadable answers of the model: %d; the last: %s%s", len(answers), problem, begins)
	a.breaker.unreadable(f)
	return f
}

// read reads an answer and fact-checks it against what the model was shown.
func (a *Analyzer) read(got reply, shown factcheck.Input) (*incident.Verdict, error) {
	r, err := readVerdict(got)
	if err != nil {
		a.metrics.answer(answerUnreadable)
		return nil, err
	}
	if r.mended || len(r.fields.unread) > 0 {
		a.metrics.answer(answerMended)
	} else {
		a.metrics.answer(answerRead)
	}
	factcheck.Check(r.verdict, shown)
	r.fields.mark(r.verdict)
	if got.promptCut() {
		r.verdict.Marks = append(r.verdict.Marks, incident.Mark{
			Kind: incident.MarkPromptCut, Text: fmt.Sprintf("%d tokens of about %d", got.spend.Prompt, got.asked/bytesPerToken),
		})
		a.logger.Warn("Prompt cut by the model's server, the report says so: raise its context (Ollama: OLLAMA_CONTEXT_LENGTH) or lower llm.max_prompt_bytes",
			"tokens_read", got.spend.Prompt, "bytes_sent", got.asked)
	}
	r.verdict.Model = got.model
	return r.verdict, nil
}

// prompted returns what the model is asked, and what it is shown by that.
func (a *Analyzer) prompted(inc *incident.Incident, f incident.Findings) prompted {
	session := a.opts.Redactor.Session()
	data, missing := renderPrompt(a.opts.Language, a.opts.MaxPromptBytes, session.Text, a.opts.Policy, inc, f)
	if len(session.Counts()) > 0 { // once more: what a later text gave away stands in earlier ones, too
		data, missing = renderPrompt(a.opts.Language, a.opts.MaxPromptBytes, session.Text, a.opts.Policy, inc, f)
	}
	alerts := mostSevereFirst(a.opts.Policy, inc.Alerts)
	shown := factcheck.Input{
		Incident: inc, Alerts: alerts[:min(len(alerts), maxAlerts)], Evidence: f.Evidence, Memory: f.Memory, Missing: missing,
	}
	return prompted{session, []openai.ChatCompletionMessage{
		{Role: openai.ChatMessageRoleSystem, Content: instructions},
		{Role: openai.ChatMessageRoleUser, Content: data},
	}, shown}
}

// Message is one message to the model.
type Message struct {
	Role    string `json:"role"` // system or user
	Content string `json:"content"`
}

// Prompt returns the messages that Draft would send first, to the byte: redacted, bounded, with all that was cut left
// out. It makes no call and needs no key.
func (a *Analyzer) Prompt(inc *incident.Incident, f incident.Findings) []Message {
	sent := a.prompted(inc, f).messages
	var messages []Message
	for _, m := range sent {
		messages = append(messages, Message{Role: m.Role, Content: m.Content})
	}
	return messages
}

// maxRepair bounds, in runes, how much of an answer is shown to the model again.
const maxRepair = 12000

// repair returns the messages that ask for an answer again.
func repair(content string, problem error, redacted func(string) string) []openai.ChatCompletionMessage {
	return []openai.ChatCompletionMessage{
		{Role: openai.ChatMessageRoleAssistant, Content: redacted(text.Cut(text.Clean(content), maxRepair))},
		{Role: openai.ChatMessageRoleUser, Content: "Your answer could not be read: " + problem.Error() +
			". Answer again with the whole verdict as one valid json object of the form described in the instructions, " +
			"and nothing else. Keep it shorter than before if it was cut off."},
	}
}

// settleTimeout bounds how long a call's cost may take to be recorded after the call was stopped.
const settleTimeout = 5 * time.Second

// ask makes one call for an incident, if breaker and cap let it.
func (a *Analyzer) ask(ctx context.Context, id string, messages []openai.ChatCompletionMessage) (reply, *incident.Failure) {
	return a.askWithin(ctx, id, messages, a.opts.Limits)
}

// askWithin is ask within limits that may be narrower than those of analyses.
func (a *Analyzer) askWithin(ctx context.Context, id string, messages []openai.ChatCompletionMessage, limits incident.Limits) (reply, *incident.Failure) {
	probe, failure := a.breaker.admit()
	if failure != nil {
		return reply{}, failure
	}
	promptBytes := 0
	for _, m := range messages {
		promptBytes += len(m.Content)
	}
	most := a.opts.Prices.most(a.opts.Model, promptBytes, a.opts.MaxTokens, a.opts.Now(), a.opts.Timeout)
	call, err := a.opts.Ledger.ReserveCall(ctx, id, most, limits)
	if err != nil {
		a.breaker.canceled(probe)
		return reply{}, a.budgetFailure(err, limits)
	}
	started := a.opts.Now()
	got, f := a.client.complete(ctx, messages)
	got.asked = promptBytes
	a.metrics.call(a.opts.Now().Sub(started), got.spend)

	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := a.opts.Ledger.SettleCall(settle, call, got.model, got.spend, f == nil || f.billed); err != nil {
		a.logger.Error("Recording model call cost failed", "incident", id, "err", err)
	}
	switch {
	case f == nil:
		a.breaker.done(id, probe, callOutcome{})
		return got, nil
	case ctx.Err() != nil:
		a.breaker.canceled(probe)
	default:
		a.breaker.done(id, probe, f.callOutcome)
	}
	return got, f.failure
}

// budgetFailure returns the failure of a call that was not made.
func (a *Analyzer) budgetFailure(err error, limits incident.Limits) *incident.Failure {
	over, ok := errors.AsType[*incident.BudgetError](err)
	if !ok {
		return failed(incident.FailInternal, "reserving the call: %s", err)
	}
	limit := fmt.Sprintf("%d model calls per hour", limits.CallsPerHour)
	switch over.Limit {
	case incident.LimitCalls:
	case incident.LimitCostHour:
		limit = fmt.Sprintf("%g USD per hour", limits.CostPerHour)
	case incident.LimitCostDay:
		limit = fmt.Sprintf("%g USD in 24 hours", limits.CostPerDay)
	}
	renews, next := over.Renews, "next call allowed at "+over.Renews.UTC().Format("15:04:05 UTC")
	if renews.IsZero() {
		renews, next = a.opts.Now().Add(neverRenews), "a single call may exceed that"
	}
	f := failed(incident.FailBudget, "budget of %s used up (budget.%s); %s", limit, over.Limit, next)
	f.RetryAfter = max(renews.Sub(a.opts.Now()), 0)
	if limits == a.opts.Limits { // else analyses have some left
		a.breaker.overBudget(f.Err, renews)
	}
	return f
}

// neverRenews is when a call that costs more than its limit may be retried: prompts differ in length.
const neverRenews = time.Hour

// RetryPermission says which evidence-only incidents may be analyzed again now. It has no side effects:
//
//   - none while there is no key, a Retry-After or a budget holds all calls back, or a probe is under way;
//   - all, but only one incident, when the breaker is open and a probe is due;
//   - otherwise no_key, authentication, forbidden, balance and budget, and gave_up unless a request was refused lately. In the
//     hour after a budget was used up only one at a time, as calls come free one by one.
func (a *Analyzer) RetryPermission() incident.RetryPermission {
	if a.opts.Key == "" {
		return incident.RetryPermission{}
	}
	return a.breaker.permission()
}

// Answers returns how many answers of the model could be read since the start, and how many could not.
func (a *Analyzer) Answers() (read, unreadable int64) {
	n := a.metrics.counts
	return n[answerRead].Load() + n[answerMended].Load(), n[answerUnreadable].Load()
}

// Status returns "ready", "not configured", or "failing: " and why, in one line.
func (a *Analyzer) Status() string {
	if a.opts.Key == "" {
		return "not configured"
	}
	if err := a.breaker.lastError(); err != nil {
		return "failing: " + err.Error()
	}
	return "ready"
}

// retired are names that DeepSeek took out of service in July 2026, with what to set in their place.
var retired = map[string]string{
	"deepseek-chat":     "deepseek-flash",
	"deepseek-reasoner": "deepseek-flash with llm.thinking: high",
}

// modelsTimeout bounds the question for the list of models.
const modelsTimeout = 10 * time.Second

// CheckModel compares the model's name with those that were retired and with the list that the endpoint serves. The
// warning is one line for the log, "" when the name is fine; err says that the list could not be had, which is no
// reason not to start.
func (a *Analyzer) CheckModel(ctx context.Context) (warning string, err error) {
	name := a.opts.Model
	if successor, ok := retired[strings.ToLower(name)]; ok {
		return "the model " + name + " was retired by DeepSeek in July 2026: set LLM_MODEL to " + successor, nil
	}
	if a.opts.Key == "" {
		return "", nil
	}
	names, f := a.client.models(ctx)
	if f != nil {
		return "", f.failure
	}
	if len(names) == 0 || slices.Contains(names, name) {
		return "", nil
	}
	const most = 10
	listed := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		listed += " …"
	}
	return text.Cut("the model "+name+" is not served by "+a.client.host+": set LLM_MODEL to one of "+listed, maxDetail), nil
}
