package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	followRetry = 3 * time.Second // after a stream that broke
	maxSummary  = 100             // characters of a cause in a row
)

// reportsFlags are the flags of the reports command.
type reportsFlags struct {
	id, root, query, status, severity, alertname string
	match                                        []string
	limit                                        int
	asJSON, follow                               bool
}

// reportsCommand declares the arguments and flags of the reports command and returns what it does.
func (c *cli) reportsCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	var f reportsFlags
	cmd.Arg("id", "Print the report of this incident, in Markdown: an ID, its first 8 letters, or the report's URL.").StringVar(&f.id)
	cmd.Flag("url", "Root URL, with USER:PASSWORD@ for basic auth. (default: http:// at the listen address)").StringVar(&f.root)
	cmd.Flag("query", "Words that names, labels, summaries, feedback, or causes hold.").Short('q').StringVar(&f.query)
	cmd.Flag("status", "Only firing, resolved, or stale incidents.").EnumVar(&f.status, "firing", "resolved", "stale")
	cmd.Flag("severity", "Only incidents of this severity.").StringVar(&f.severity)
	cmd.Flag("alertname", "Only incidents of this alert.").StringVar(&f.alertname)
	cmd.Flag("match", `Only incidents whose labels match, as in Alertmanager: 'namespace="shop"'. Repeatable.`).Short('m').StringsVar(&f.match)
	cmd.Flag("limit", "Number of incidents, at most 500.").Default("20").IntVar(&f.limit)
	cmd.Flag("json", "Print the API response.").BoolVar(&f.asJSON)
	cmd.Flag("follow", "Go on with a line for each change until interrupted; with an ID, until its analysis is no longer pending.").Short('f').BoolVar(&f.follow)
	return func(ctx context.Context) error { return c.reports(ctx, f) }
}

// reportsAnswer is the answer of GET /api/v1/incidents.
type reportsAnswer struct {
	Incidents []reportRow `json:"incidents"`
	Total     int         `json:"total"`
}

type reportRow struct {
	ID        string          `json:"id"`
	Alertname string          `json:"alertname"`
	Status    incident.Status `json:"status"`
	Severity  string          `json:"severity"`
	StartedAt time.Time       `json:"started_at"`
	Firing    int             `json:"alerts_firing"`
	Analysis  struct {
		State incident.State `json:"state"`
	} `json:"analysis"`
	Cause string `json:"cause"`
}

// reports lists the incidents of a running alertscribe, or prints the report of one.
func (c *cli) reports(ctx context.Context, f reportsFlags) error {
	a, err := c.client(f.root, true)
	if err != nil {
		return err
	}
	if f.id != "" {
		return c.oneReport(ctx, a, f)
	}
	u := a.page("api/v1/incidents")
	u.RawQuery = f.values().Encode()
	var answer reportsAnswer
	reply, err := a.ask(ctx, "the incidents", http.MethodGet, u, nil, &answer)
	switch {
	case err != nil:
		return err
	case f.asJSON:
		fmt.Fprintln(c.stdout, strings.TrimSpace(string(text.JSON(reply))))
	default:
		printReports(c.stdout, &answer, f.filtered())
	}
	if !f.follow {
		return nil
	}
	return c.follow(ctx, a, "", func(e followed) (bool, error) { return false, c.printChange(ctx, a, f, e) })
}

// values are the parameters of the list.
func (f *reportsFlags) values() url.Values {
	v := url.Values{"limit": {strconv.Itoa(f.limit)}}
	for name, value := range map[string]string{"q": f.query, "status": f.status, "severity": f.severity, "alertname": f.alertname} {
		if value != "" {
			v.Set(name, value)
		}
	}
	v["match"] = f.match
	return v
}

// filtered reports whether the list is of some incidents alone.
func (f *reportsFlags) filtered() bool {
	return f.query != "" || f.status != "" || f.severity != "" || f.alertname != "" || len(f.match) > 0
}

func printReports(out io.Writer, answer *reportsAnswer, filtered bool) {
	switch {
	case len(answer.Incidents) == 0 && filtered:
		fmt.Fprintln(out, "No incident matches.")
		return
	case len(answer.Incidents) == 0:
		fmt.Fprintln(out, "No incidents yet.")
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATUS\tSEVERITY\tALERT\tALERTS\tSTARTED\tANALYSIS\tCAUSE")
	for _, r := range answer.Incidents {
		fmt.Fprintln(w, r.line())
	}
	_ = w.Flush() // to a terminal or a file: there is nobody left to tell
	if answer.Total > len(answer.Incidents) {
		fmt.Fprintf(out, "\n%d of %d; --limit shows more.\n", len(answer.Incidents), answer.Total)
	}
}

// line is an incident as a row. What strangers have named gets to a terminal on one line and without what is invisible.
func (r *reportRow) line() string {
	return strings.Join([]string{
		r.ID[:min(len(r.ID), 8)], string(r.Status), text.OneLine(r.Severity), text.OneLine(r.Alertname), strconv.Itoa(r.Firing),
		r.StartedAt.UTC().Format("2006-01-02 15:04:05Z"), string(r.Analysis.State), text.Cut(text.OneLine(r.Cause), maxSummary),
	}, "\t")
}

// oneReport prints the report of an incident; with --follow, once its analysis is over.
func (c *cli) oneReport(ctx context.Context, a *client, f reportsFlags) error {
	id, err := incidentArg(f.id)
	if err != nil {
		return err
	}
	var inc struct {
		ID string `json:"id"`
	}
	reply, err := a.ask(ctx, "the incident", http.MethodGet, a.page("api/v1/incidents/"+id), nil, &inc)
	if err != nil {
		return err
	}
	if f.follow {
		err := c.follow(ctx, a, inc.ID, func(e followed) (bool, error) { return e.Analysis != incident.Pending, nil })
		if err != nil {
			return err
		}
		if reply, err = a.ask(ctx, "the incident", http.MethodGet, a.page("api/v1/incidents/"+inc.ID), nil, &inc); err != nil {
			return err
		}
	}
	if f.asJSON {
		fmt.Fprintln(c.stdout, strings.TrimSpace(string(text.JSON(reply))))
		return nil
	}
	u := a.page("reports/" + inc.ID + ".md")
	status, markdown, err := a.send(ctx, "the report", http.MethodGet, u, nil)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return a.refusal(status, u, markdown)
	}
	_, err = c.stdout.Write(markdown) // the renderer has left out what is invisible
	return err
}

// followed is an event of GET /api/v1/events.
type followed struct {
	ID       string          `json:"id"`
	Revision int64           `json:"revision"`
	Analysis incident.State  `json:"analysis"`
	Status   incident.Status `json:"status"`
}

// printChange prints an incident that has changed, if the filters select it.
func (c *cli) printChange(ctx context.Context, a *client, f reportsFlags, e followed) error {
	var answer struct {
		reportRow

		Alerts []incident.Alert `json:"alerts"`
	}
	if _, err := a.ask(ctx, "the incident", http.MethodGet, a.page("api/v1/incidents/"+e.ID), nil, &answer); err != nil {
		return err
	}
	r := answer.reportRow
	if f.status != "" && string(r.Status) != f.status || f.severity != "" && r.Severity != f.severity || f.alertname != "" && r.Alertname != f.alertname {
		return nil
	}
	if f.query != "" || len(f.match) > 0 { // only the server can tell
		u := a.page("api/v1/incidents")
		v := f.values()
		v.Set("limit", "500")
		u.RawQuery = v.Encode()
		var found reportsAnswer
		if _, err := a.ask(ctx, "the incidents", http.MethodGet, u, nil, &found); err != nil {
			return err
		}
		there := false
		for _, row := range found.Incidents {
			there = there || row.ID == e.ID
		}
		if !there {
			return nil
		}
	}
	for _, alert := range answer.Alerts {
		if alert.Status == incident.Firing {
			r.Firing++
		}
	}
	fmt.Fprintln(c.stdout, strings.ReplaceAll(r.line(), "\t", "  "))
	return nil
}

// follow reads events until a function has seen enough, or ctx ends. Each revision of an incident is told once; a stream that breaks is
// opened again.
func (c *cli) follow(ctx context.Context, a *client, id string, told func(followed) (enough bool, err error)) error {
	seen := map[string]int64{}
	for {
		err := a.events(ctx, id, func(e followed) (bool, error) {
			if revision, known := seen[e.ID]; known && revision == e.Revision {
				return false, nil
			}
			seen[e.ID] = e.Revision
			return told(e)
		})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errBadInput):
			return err
		}
		fmt.Fprintln(c.stderr, "alertscribe: Connection lost, next try in", followRetry)
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errStreamEnded = errors.New("the stream of events ended")

// events reads a stream of events until a function has seen enough; an error for a stream that ended before.
func (a *client) events(ctx context.Context, id string, told func(followed) (enough bool, err error)) error {
	u := a.page("api/v1/events")
	if id != "" {
		u.RawQuery = url.Values{"id": {id}}.Encode()
	}
	resp, err := a.stream(ctx, u)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		var e followed
		if !ok || json.Unmarshal(data, &e) != nil || e.ID == "" {
			continue
		}
		if enough, err := told(e); enough || err != nil {
			return err
		}
	}
	return errors.Join(errStreamEnded, lines.Err())
}

// stream opens a stream, whose body the caller closes.
func (a *client) stream(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking for events: %w", err)
	}
	a.authenticate(req)
	resp, err := a.http.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // the rest names the address again
	}
	if err != nil {
		return nil, fmt.Errorf("asking for events at %s: %w", a.root, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		reply, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return nil, a.refusal(resp.StatusCode, u, reply)
	}
	return resp, nil
}
