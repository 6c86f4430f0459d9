package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/incident"
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
	body, err := io.ReadAll(io.LimitReader(in, cfg.Web.MaxBodyBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: reading the payload: %w", errBadInput, err)
	}
	if int64(len(body)) > cfg.Web.MaxBodyBytes {
		return nil, fmt.Errorf("%w: the payload is larger than web.max_body_bytes (%d)", errBadInput, cfg.Web.MaxBodyBytes)
	}
	n, err := handler.Decode(body, time.Now().UTC())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadInput, err)
	}
	if n.Normalise(); len(n.Alerts) == 0 {
		return nil, fmt.Errorf("%w: all alerts carry %s=\"true\": they are reports of ours", errBadInput, incident.EchoLabel)
	}
	return cfg.rules().Open(n, ""), nil
}

// analyze writes the report of one payload. All state is in memory, so that it works beside a running service.
func (c *cli) analyze(ctx context.Context, file string) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	inc, err := c.readPayload(cfg, file)
	if err != nil {
		return err
	}
	writer, err := newReporter(cfg, c.externalURL, false)
	if err != nil {
		return err
	}
	log, registry := c.quietLogger(), prometheus.NewRegistry()
	collector, err := newCollector(cfg, nil, log, registry)
	if err != nil {
		return err
	}
	model, err := newAnalyzer(cfg, analyzer.NewMemoryLedger(time.Now), log, registry)
	if err != nil {
		return err
	}
	p := newProgress(c.stderr)
	p.start("Collecting evidence")
	found := incident.Findings{Evidence: collector.Collect(ctx, inc)}
	inc.EvidenceCollected(inc.Clone(), time.Now().UTC())
	p.done(describeEvidence(found.Evidence))
	if err := writer.Write(ctx, inc, found); err != nil { // whatever the model does, the evidence is on disk
		return fmt.Errorf("writing the report: %w", err)
	}
	if inc.Analysis.State == incident.Pending {
		c.ask(ctx, cfg, model, inc, &found, p)
		if err := writer.Write(context.WithoutCancel(ctx), inc, found); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	fmt.Fprintln(c.stdout, writer.Path(inc))
	return ctx.Err()
}

// ask asks the model a few times at most and records what came of it.
func (c *cli) ask(ctx context.Context, cfg *config, model *analyzer.Analyzer, inc *incident.Incident, found *incident.Findings, p *progress) {
	rules := cfg.rules()
	for inc.Analysis.State == incident.Pending {
		p.start("Asking " + cfg.LLM.Model)
		verdict, err := model.Analyze(ctx, inc, found.Evidence)
		now := time.Now().UTC()
		if err == nil {
			verdict.Generation = inc.Generation
			found.Verdict = verdict
			inc.Analysed(inc.Clone(), verdict.Spend, now)
			p.done(fmt.Sprintf("%d tokens, %.4f USD", verdict.Spend.Prompt+verdict.Spend.Completion, verdict.Spend.Cost))
			return
		}
		failure := incident.AsFailure(err)
		inc.AnalysisFailed(failure, rules, now)
		p.failed(failure.Err.Error())
		if inc.Analysis.State != incident.Pending {
			return
		}
		if inc.Analysis.Attempts >= onceAttempts || !sleep(ctx, time.Until(inc.Due.Analysis)) {
			inc.Analysis.State, inc.Analysis.Reason = incident.EvidenceOnly, incident.GaveUp
		}
	}
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
	cfg, err := c.load()
	if err != nil {
		return err
	}
	inc, err := c.readPayload(cfg, file)
	if err != nil {
		return err
	}
	collector, err := newCollector(cfg, nil, c.quietLogger(), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	p := newProgress(c.stderr)
	p.start("Collecting evidence")
	items := collector.Collect(ctx, inc)
	p.done(describeEvidence(items))
	enc := json.NewEncoder(c.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return errors.Join(enc.Encode(map[string]any{"evidence": items}), ctx.Err())
}

// showPrompt prints exactly what would be sent to the model for a payload: redacted, bounded, delimited.
func (c *cli) showPrompt(ctx context.Context, file string) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	inc, err := c.readPayload(cfg, file)
	if err != nil {
		return err
	}
	log, registry := c.quietLogger(), prometheus.NewRegistry()
	collector, err := newCollector(cfg, nil, log, registry)
	if err != nil {
		return err
	}
	model, err := newAnalyzer(cfg, analyzer.NewMemoryLedger(time.Now), log, registry)
	if err != nil {
		return err
	}
	p := newProgress(c.stderr)
	p.start("Collecting evidence")
	items := collector.Collect(ctx, inc)
	p.done(describeEvidence(items))
	for _, m := range model.Prompt(inc, items) {
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
