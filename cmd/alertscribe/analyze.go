package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/evidence"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
)

// onceAttempts is how often the analyze command asks the model before it gives up: somebody is waiting.
const onceAttempts = 3

// readPayload reads one webhook body and returns the incident that it opens, whatever its status.
func (c *cli) readPayload(cfg *config, file string) (*incident.Incident, error) {
	in := c.stdin
	if file != stdinArg {
		f, err := os.Open(file)
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
	if n.Normalize(); len(n.Alerts) == 0 {
		return nil, fmt.Errorf("%w: all alerts have %s=\"true\": they are our own reports", errBadInput, incident.SelfAlertLabel)
	}
	return cfg.rules().Open(n, ""), nil
}

// once is the work on a single payload. All state is in memory, so that it works beside a running service.
type once struct {
	cfg       *config
	inc       *incident.Incident
	found     incident.Findings
	collector *evidence.Collector
	model     *analyzer.Analyzer
	progress  *progress
}

// once reads settings and payload and makes what the work needs.
func (c *cli) once(file string) (*once, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	o := &once{cfg: cfg, progress: newProgress(c.stderr)}
	if o.inc, err = c.readPayload(cfg, file); err != nil {
		return nil, err
	}
	log := redacted(cfg, c.quietLogger())
	o.collector, o.model, err = newParts(cfg, nil, analyzer.NewMemoryLedger(time.Now), log, prometheus.NewRegistry())
	if err != nil {
		return nil, badConfig(err)
	}
	return o, nil
}

// collect looks up the evidence and tells how it goes.
func (o *once) collect(ctx context.Context) {
	o.progress.start("Collecting evidence")
	o.found.Evidence = o.collector.Collect(ctx, o.inc)
	o.inc.EvidenceCollected(o.inc.Clone(), time.Now().UTC())
	o.progress.done(describeEvidence(o.found.Evidence))
}

// analyze writes the report of one payload.
func (c *cli) analyze(ctx context.Context, file string) error {
	o, err := c.once(file)
	if err != nil {
		return err
	}
	writer, err := newReporter(o.cfg, c.externalURL, false)
	if err != nil {
		return err
	}
	o.collect(ctx)
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

// ask asks the model a few times at most and records what came of it.
func (o *once) ask(ctx context.Context) {
	inc, p, rules := o.inc, o.progress, o.cfg.rules()
	for inc.Analysis.State == incident.Pending {
		p.start("Asking " + o.cfg.LLM.Model)
		verdict, err := o.model.Draft(ctx, inc, o.found)
		now := time.Now().UTC()
		if err == nil {
			p.done(spentText(verdict.Spend))
			o.conclude(ctx, verdict)
			return
		}
		failure := incident.AsFailure(err)
		inc.AnalysisFailed(failure, rules, now)
		p.failed(failure.Err.Error())
		if inc.Analysis.State != incident.Pending {
			return
		}
		if inc.Analysis.Attempts >= onceAttempts || !sleep(ctx, time.Until(inc.Due[incident.WorkAnalysis])) {
			inc.Analysis.State, inc.Analysis.Reason = incident.EvidenceOnly, incident.GaveUp
		}
	}
}

// conclude records a verdict, after its verification where there is one.
func (o *once) conclude(ctx context.Context, verdict *incident.Verdict) {
	o.found.Verdict = verdict
	if verdict.Verification == nil {
		o.progress.start("Verifying the draft")
		final, looked, err := o.model.Verify(ctx, o.inc, o.found)
		if err != nil { // interrupted: the draft stands
			final = verdict
			final.Verification = &incident.Verification{Reason: incident.UnverifiedEnded}
			o.progress.failed(err.Error())
		} else if v := final.Verification; v.Reason != "" {
			o.progress.failed(strings.TrimSpace(string(v.Reason) + " " + v.Detail))
		} else {
			o.progress.done(spentText(final.Spend.Sub(verdict.Spend)))
		}
		o.found.Conclude(final, nil, looked, false)
	}
	o.inc.Analyzed(o.inc.Clone(), o.found.Verdict.Spend, time.Now().UTC())
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
func (c *cli) evidence(ctx context.Context, file string) error {
	o, err := c.once(file)
	if err != nil {
		return err
	}
	o.collect(ctx)
	enc := json.NewEncoder(c.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return errors.Join(enc.Encode(map[string]any{"evidence": o.found.Evidence}), ctx.Err())
}

// showPrompt prints exactly what would be sent to the model for a payload: redacted, bounded, delimited.
func (c *cli) showPrompt(ctx context.Context, file string) error {
	o, err := c.once(file)
	if err != nil {
		return err
	}
	o.collect(ctx)
	for _, m := range o.model.Prompt(o.inc, o.found) {
		fmt.Fprintf(c.stdout, "== %s\n%s\n", m.Role, m.Content)
	}
	return ctx.Err()
}

func describeEvidence(items []incident.Evidence) string {
	failed := 0
	for _, e := range items {
		if e.Failed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Sprintf("%d items, %d could not be looked up", len(items), failed)
	}
	return fmt.Sprintf("%d items", len(items))
}
