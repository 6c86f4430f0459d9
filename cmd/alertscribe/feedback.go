package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/incident"
)

// maxFeedback bounds what is read from standard input, with room for the service to say how much is too much.
const maxFeedback = 4 * incident.MaxFeedbackText

// feedbackCommand declares arguments and flags of the feedback command and returns what it does.
func (c *cli) feedbackCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	id := cmd.Arg("id", incidentArgHelp).Required().String()
	kind := cmd.Arg("kind", "confirm (analysis was right) or correct (it was not; text gives the cause).").Required().String()
	text := cmd.Arg("text", "Text, quoted; - for standard input.").String()
	by := cmd.Flag("by", "Author.").Envar("USER").String()
	root := cmd.Flag("url", "Root of its pages, USER:PASSWORD@ included where it asks for that. (default: http:// at the listen address)").String()
	return func(ctx context.Context) error {
		return c.feedback(ctx, *root, *id, incident.Feedback{Kind: incident.FeedbackKind(*kind), Text: *text, By: *by})
	}
}

// feedback tells a running alertscribe what a person says about an analysis.
func (c *cli) feedback(ctx context.Context, root, id string, f incident.Feedback) error {
	id, err := incidentArg(id)
	if err != nil {
		return err
	}
	if f.Text == stdinArg {
		text, err := io.ReadAll(io.LimitReader(c.stdin, maxFeedback))
		if err != nil {
			return fmt.Errorf("%w: reading the text: %w", errBadInput, err)
		}
		f.Text = string(text)
	}
	if !utf8.ValidString(f.Text) || !utf8.ValidString(f.By) { // it would be replaced on the way
		return fmt.Errorf("%w: the text, or --by, is not UTF-8", errBadInput)
	}
	body, err := json.Marshal(map[string]string{"kind": string(f.Kind), "text": f.Text, "by": f.By})
	if err != nil {
		return err
	}
	page, err := c.tell(ctx, root, id, "feedback", body)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Recorded. The report shows it: %s\n", page)
	return nil
}
