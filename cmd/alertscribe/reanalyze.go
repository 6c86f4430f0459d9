package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/incident"
)

const incidentArgHelp = "Incident ID or its first 8 letters, as in the report's file name, URL and front matter; or that URL."

// incidentArg returns the incident's id, or the beginning of it, of what a person has typed or pasted.
func incidentArg(arg string) (string, error) {
	id, ok := incident.IDFrom(arg)
	if !ok {
		return "", fmt.Errorf("%w: %q is not an incident ID (8 to 26 letters and digits, as in the report's URL)", errBadInput, arg)
	}
	return id, nil
}

// reanalyzeCommand declares arguments and flags of the reanalyze command and returns what it does.
func (c *cli) reanalyzeCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	id := cmd.Arg("id", incidentArgHelp).Required().String()
	root := cmd.Flag("url", "Root of its pages, USER:PASSWORD@ included where it asks for that. (default: http:// at the listen address)").String()
	return func(ctx context.Context) error { return c.reanalyze(ctx, *root, *id) }
}

// reanalyze asks a running alertscribe to look at an incident again, and to analyze it again.
func (c *cli) reanalyze(ctx context.Context, root, id string) error {
	id, err := incidentArg(id)
	if err != nil {
		return err
	}
	page, err := c.tell(ctx, root, id, "analyze", nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Analyzing again; the report will show it: %s\n", page)
	return nil
}

// tell posts to a running service what a person wants of an incident, and returns the address of the report that shows it.
func (c *cli) tell(ctx context.Context, root, id, what string, body []byte) (page *url.URL, err error) {
	a, err := c.client(root, true)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Incident string `json:"incident"`
	}
	if _, err := a.ask(ctx, "the incident", http.MethodPost, a.page("api/v1/incidents/"+id+"/"+what), body, &answer); err != nil {
		return nil, err
	}
	return a.page("reports/" + answer.Incident), nil
}
