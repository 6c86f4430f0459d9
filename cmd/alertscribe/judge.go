package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// judgeCommand declares the flags of the judge command and returns what it does.
func (c *cli) judgeCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	file := cmd.Arg("file", "A batch of metrics in JSON or CSV, see docs/detection.md; - for standard input.").Required().String()
	asJSON := cmd.Flag("json", "Print JSON.").Bool()
	show := cmd.Flag("show-prompt", "Print the exact prompt without sending it.").Bool()
	return func(ctx context.Context) error { return c.judgeFile(ctx, *file, *asJSON, *show) }
}

// judgeAnswer is what the judge command prints as JSON.
type judgeAnswer struct {
	HasAnomaly bool           `json:"has_anomaly"`
	Anomalies  []judgeAnomaly `json:"anomalies"`
	Summary    string         `json:"summary"`
	Metrics    int            `json:"metrics"`
	Unknown    int            `json:"unknown"` // dropped: not in the batch
	Left       int            `json:"left"`    // not judged: the prompt had no room
	Model      string         `json:"model"`
	Spend      incident.Spend `json:"spend"`
}

type judgeAnomaly struct {
	Metric   string `json:"metric"`
	Severity string `json:"severity"`
	Reason   string `json:"reason"`
}

// judgeFile asks the model once about a batch of metrics.
func (c *cli) judgeFile(ctx context.Context, file string, asJSON, show bool) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	batch, err := c.readBatchFile(file)
	if err != nil {
		return err
	}
	model, err := newAnalyzer(cfg, analyzer.NewMemoryLedger(time.Now), nil, redacted(cfg, c.quietLogger()), prometheus.NewRegistry())
	if err != nil {
		return badConfig(err)
	}
	if show {
		messages, _ := model.JudgePrompt(batch)
		for _, m := range messages {
			fmt.Fprintf(c.stdout, "== %s\n%s\n", m.Role, m.Content)
		}
		return nil
	}
	j, err := model.Judge(ctx, batch)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("asking about %d metrics: %w", len(batch.Metrics), err)
	}
	answer := judgeAnswer{
		HasAnomaly: len(j.Anomalies) > 0, Anomalies: []judgeAnomaly{}, Summary: j.Summary, Metrics: len(batch.Metrics), Unknown: j.Unknown, Left: j.Left,
		Model: j.Model, Spend: j.Spend,
	}
	for _, x := range j.Anomalies {
		answer.Anomalies = append(answer.Anomalies, judgeAnomaly{batch.Metrics[x.Index].Series(), x.Severity, x.Reason})
	}
	if asJSON {
		return printJudgmentJSON(c.stdout, answer)
	}
	return printJudgment(c.stdout, answer)
}

func (c *cli) readBatchFile(file string) (analyzer.Batch, error) {
	in := c.stdin
	if file != stdinArg {
		f, err := os.Open(file)
		if err != nil {
			return analyzer.Batch{}, fmt.Errorf("%w: %w", errBadInput, err)
		}
		defer f.Close()
		in = f
	}
	batch, err := readBatch(in)
	if err != nil {
		return batch, fmt.Errorf("%w: %w", errBadInput, err)
	}
	return batch, nil
}

func printJudgmentJSON(w io.Writer, answer judgeAnswer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return err
	}
	_, err := w.Write(text.JSON(b.Bytes()))
	return err
}

func printJudgment(w io.Writer, answer judgeAnswer) error {
	if len(answer.Anomalies) > 0 {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "SEVERITY\tMETRIC\tREASON")
		for _, x := range answer.Anomalies {
			fmt.Fprintf(tw, "%s\t%s\t%s\n", x.Severity, text.OneLine(x.Metric), text.OneLine(x.Reason))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if answer.Summary != "" {
		fmt.Fprintln(w, text.OneLine(answer.Summary))
	}
	fmt.Fprintf(w, "%d metrics, %d unusual; %s\n", answer.Metrics, len(answer.Anomalies), spentText(answer.Spend))
	if answer.Unknown > 0 {
		fmt.Fprintf(w, "%d entries of the answer were dropped: their metric is not in the batch, or was named before\n", answer.Unknown)
	}
	if answer.Left > 0 {
		fmt.Fprintf(w, "%d metrics were not judged: the prompt has no room for them; raise analysis.max_prompt_bytes, or ask in parts\n", answer.Left)
	}
	return nil
}
