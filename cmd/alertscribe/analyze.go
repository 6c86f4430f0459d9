package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/text"
	"github.com/alertscribe/alertscribe/worker"
)

// onceAttempts is how often the analyze command asks the model before it gives up: somebody is waiting.
const onceAttempts = 3

// input is a webhook body that a command reads.
type input struct {
	file string // stdinArg for standard input
	now  bool   // its times are moved to the present
}

// readPayload reads one webhook body and returns the incident that it opens, whatever its status.
func (c *cli) readPayload(cfg *config, from input) (*incident.Incident, error) {
	in := c.stdin
	if from.file != stdinArg {
		f, err := os.Open(from.file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBadInput, err)
		}
		defer f.Close()
		in = f
	}
	n, err := payload.Decode(in, time.Now().UTC(), payload.Options{MaxBytes: cfg.Web.MaxBodyBytes, MaxAlerts: cfg.Web.MaxAlerts})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadInput, err)
	}
	if from.now {
		moveToPresent(n)
	}
	if n.Normalize(); len(n.Alerts) == 0 {
		return nil, fmt.Errorf("%w: all alerts have %s=\"true\": they are our own reports", errBadInput, incident.SelfAlertLabel)
	}
	return cfg.rules().Open(n, ""), nil
}

// justNow is how long ago the newest event of a payload is that was moved to the present.
const justNow = time.Minute

// moveToPresent moves the times of a notification's alerts by the same span, so that the newest start or end is just now: evidence is
// looked up around those times, and a sample's are long past.
func moveToPresent(n *incident.Notification) {
	var newest time.Time
	for _, a := range n.Alerts {
		for _, at := range []time.Time{a.StartsAt, a.EndsAt} {
			if at.After(newest) {
				newest = at
			}
		}
	}
	if newest.IsZero() {
		return // they count as begun when they arrive
	}
	span := n.ReceivedAt.Add(-justNow).Sub(newest).Truncate(time.Second)
	for i := range n.Alerts {
		for _, at := range []*time.Time{&n.Alerts[i].StartsAt, &n.Alerts[i].EndsAt} {
			if !at.IsZero() {
				*at = at.Add(span)
			}
		}
	}
}

// once is the work on a single payload, by the worker's own steps. All state is in memory, so that it works beside a running
// service.
type once struct {
	cfg      *config
	inc      *incident.Incident
	found    incident.Findings
	pool     promapi.Pool
	model    *analyzer.Analyzer
	steps    worker.Steps
	progress *progress
}

// once reads settings and payload and makes what the work needs.
func (c *cli) once(from input) (*once, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	o := &once{cfg: cfg, progress: newProgress(c.stderr)}
	if o.inc, err = c.readPayload(cfg, from); err != nil {
		return nil, err
	}
	log := redacted(cfg, c.quietLogger())
	pool, err := cfg.pool()
	if err != nil {
		return nil, badConfig(err)
	}
	o.pool = pool
	collector, model, err := newParts(cfg, pool, nil, analyzer.NewMemoryLedger(time.Now), log, prometheus.NewRegistry())
	if err != nil {
		return nil, badConfig(err)
	}
	o.model = model
	o.steps = worker.Steps{Evidence: collector, Analyzer: model, Policy: cfg.rules(), Now: func() time.Time { return time.Now().UTC() }}
	return o, nil
}

// claim is what a step gets.
func (o *once) claim() incident.Claim {
	return incident.Claim{Incident: o.inc.Clone(), Findings: o.found}
}

// collect looks up the evidence and tells how it goes.
func (o *once) collect(ctx context.Context) error {
	o.progress.start("Collecting evidence")
	for _, m := range o.pool { // which one is asked may depend on it
		_ = askPrometheus(ctx, m) // the evidence says what fails
	}
	apply, err := o.steps.Collect(ctx, o.claim())
	if err != nil {
		o.progress.failed(err.Error())
		return err
	}
	apply(o.inc, &o.found)
	o.progress.done(describeEvidence(o.found.Evidence))
	return nil
}

// analyze writes the report of one payload.
func (c *cli) analyze(ctx context.Context, from input) error {
	o, err := c.once(from)
	if err != nil {
		return err
	}
	writer, err := newReporter(o.cfg, o.pool, c.externalURL, false)
	if err != nil {
		return err
	}
	if err := o.collect(ctx); err != nil {
		return err
	}
	if err := writer.Write(ctx, o.inc, o.found); err != nil { // whatever the model does, the evidence is on disk
		return fmt.Errorf("writing the report: %w", err)
	}
	if o.inc.Analysis.State == incident.Pending {
		o.ask(ctx)
		if err := writer.Write(context.WithoutCancel(ctx), o.inc, o.found); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	fmt.Fprintln(c.stdout, writer.Path(o.inc))
	return ctx.Err()
}

// ask has the model draft a verdict and verify it, and tells how it goes. It asks a few times at most.
func (o *once) ask(ctx context.Context) {
	for inc := o.inc; inc.Analysis.State == incident.Pending; {
		verifying := inc.Analysis.Verifying()
		if verifying {
			o.progress.start("Verifying the draft")
		} else {
			o.progress.start("Asking " + o.cfg.LLM.Model)
		}
		before := inc.Spend
		apply, _, err := o.steps.Analyze(ctx, o.claim())
		if apply == nil { // interrupted
			o.progress.failed(err.Error())
			o.end()
			return
		}
		apply(inc, &o.found)
		if err == nil {
			o.tell(inc.Spend.Sub(before), verifying)
			continue
		}
		o.progress.failed(incident.AsFailure(err).Err.Error())
		if inc.Analysis.State != incident.Pending {
			return
		}
		if inc.Analysis.Attempts >= onceAttempts || !sleep(ctx, time.Until(inc.Due[incident.WorkAnalysis])) {
			o.end()
		}
	}
}

// end ends an analysis that was not finished: a draft stands, unverified.
func (o *once) end() {
	a := &o.inc.Analysis
	if !a.Verifying() {
		a.State, a.Reason = incident.EvidenceOnly, incident.GaveUp
		return
	}
	o.found.Verdict.Verification = &incident.Verification{Reason: incident.UnverifiedEnded}
	o.inc.Analyzed(o.inc.Clone(), incident.Spend{}, o.steps.Now())
}

// tell says how a step ended that brought a verdict.
func (o *once) tell(spent incident.Spend, verifying bool) {
	if v := o.found.Verdict.Verification; verifying && v.Reason != "" {
		o.progress.failed(strings.TrimSpace(string(v.Reason) + " " + v.Detail))
		return
	}
	o.progress.done(spentText(spent))
}

func spentText(s incident.Spend) string {
	return fmt.Sprintf("%d tokens, %.4f USD", s.Prompt+s.Completion, s.Cost)
}

// sleep waits, and reports whether it did to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// evidence prints what would be looked up for a payload, so that anyone can check a ranking without a model.
func (c *cli) evidence(ctx context.Context, from input) error {
	o, err := c.once(from)
	if err != nil {
		return err
	}
	if err := o.collect(ctx); err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{"evidence": o.found.Evidence}); err != nil {
		return err
	}
	_, err = c.stdout.Write(text.JSON(b.Bytes()))
	return err
}

// showPrompt prints exactly what would be sent to the model for a payload: redacted, bounded, delimited.
func (c *cli) showPrompt(ctx context.Context, from input) error {
	o, err := c.once(from)
	if err != nil {
		return err
	}
	if err := o.collect(ctx); err != nil {
		return err
	}
	for _, m := range o.model.Prompt(o.inc, o.found) {
		fmt.Fprintf(c.stdout, "== %s\n%s\n", m.Role, m.Content)
	}
	return ctx.Err()
}

func describeEvidence(items []incident.Evidence) string {
	failed, partial := 0, 0
	for _, e := range items {
		if e.Failed {
			failed++
		}
		if len(e.Partial) > 0 {
			partial++
		}
	}
	out := fmt.Sprintf("%d items", len(items))
	if failed > 0 {
		out += fmt.Sprintf(", %d could not be looked up", failed)
	}
	if partial > 0 {
		out += fmt.Sprintf(", %d from partial answers", partial)
	}
	return out
}
