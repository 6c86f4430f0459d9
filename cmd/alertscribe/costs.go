package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// costsAnswer is the answer of GET /api/v1/costs.
type costsAnswer struct {
	Costs  []incident.Costs     `json:"costs"`
	Total  incident.Spend       `json:"total"`
	Used   incident.BudgetUsage `json:"used"`
	Limits struct {
		CallsPerHour int     `json:"calls_per_hour"`
		CostPerHour  float64 `json:"cost_per_hour"`
		CostPerDay   float64 `json:"cost_per_day"`
	} `json:"limits"`
}

// costsCommand declares the flags of the costs command and returns what it does.
func (c *cli) costsCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	root := cmd.Flag("url", "Root URL, with USER:PASSWORD@ for basic auth. (default: http:// at the listen address)").String()
	days := cmd.Flag("days", "Number of UTC days up to today, at most 400.").Default("30").Int()
	by := cmd.Flag("by", "Group by day, model, alertname; comma-separated or repeated. (default: all three)").Strings()
	asJSON := cmd.Flag("json", "Print the API response.").Bool()
	return func(ctx context.Context) error { return c.costs(ctx, *root, *days, *by, *asJSON) }
}

// costs prints what model calls have cost.
func (c *cli) costs(ctx context.Context, root string, days int, by []string, asJSON bool) error {
	columns, err := costColumns(by)
	if err != nil {
		return err
	}
	a, err := c.client(root, true)
	if err != nil {
		return err
	}
	u := a.page("api/v1/costs")
	u.RawQuery = url.Values{"days": {strconv.Itoa(days)}}.Encode()
	var answer costsAnswer
	reply, err := a.ask(ctx, "the costs", http.MethodGet, u, nil, &answer)
	switch {
	case err != nil:
		return err
	case asJSON:
		fmt.Fprintln(c.stdout, strings.TrimSpace(string(text.JSON(reply))))
		return nil
	case len(answer.Costs) == 0:
		fmt.Fprintf(c.stdout, "No model was called in the last %d days.\n", days)
	default:
		printCosts(c.stdout, columns, addUp(answer.Costs, columns), answer.Total)
	}
	fmt.Fprintf(c.stdout, "\nLast hour: %d%s calls, %.4f%s USD. Last 24 hours: %.4f%s USD.\n",
		answer.Used.Calls, bounded(float64(answer.Limits.CallsPerHour)), answer.Used.CostHour, bounded(answer.Limits.CostPerHour),
		answer.Used.CostDay, bounded(answer.Limits.CostPerDay))
	return nil
}

func bounded(limit float64) string {
	if limit <= 0 {
		return ""
	}
	return fmt.Sprintf(" of %g", limit)
}

// costColumn is what costs can be added up by.
type costColumn struct {
	name string
	of   func(*incident.Costs) *string
}

func allCostColumns() []costColumn {
	return []costColumn{
		{"day", func(c *incident.Costs) *string { return &c.Day }},
		{"model", func(c *incident.Costs) *string { return &c.Model }},
		{"alertname", func(c *incident.Costs) *string { return &c.Alertname }},
	}
}

// costColumns reads the values of --by: names, or lists of them with commas.
func costColumns(by []string) ([]costColumn, error) {
	all := allCostColumns()
	if len(by) == 0 {
		return all, nil
	}
	var columns []costColumn
	for name := range strings.SplitSeq(strings.Join(by, ","), ",") {
		at := slices.IndexFunc(all, func(c costColumn) bool { return c.name == strings.TrimSpace(name) })
		if at < 0 {
			return nil, fmt.Errorf("%w: --by: %q is not one of day, model, alertname", errBadInput, name)
		}
		if !slices.ContainsFunc(columns, func(c costColumn) bool { return c.name == all[at].name }) {
			columns = append(columns, all[at])
		}
	}
	return columns, nil
}

// addUp returns the costs by the columns alone: the newest day first, then the most expensive first.
func addUp(costs []incident.Costs, columns []costColumn) []incident.Costs {
	var sums []incident.Costs
	places := map[incident.Costs]int{} // by what is shown
	for _, c := range costs {
		var key incident.Costs
		for _, column := range columns {
			*column.of(&key) = *column.of(&c)
		}
		at, ok := places[key]
		if !ok {
			at = len(sums)
			places[key], sums = at, append(sums, key)
		}
		sums[at].Spend = sums[at].Add(c.Spend)
	}
	slices.SortFunc(sums, func(a, b incident.Costs) int {
		return cmp.Or(strings.Compare(b.Day, a.Day), cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Calls, a.Calls),
			strings.Compare(a.Model, b.Model), strings.Compare(a.Alertname, b.Alertname))
	})
	return sums
}

// printCosts prints a table with a line for the total. Numbers stand on the right, which tabwriter can't do for some
// columns alone.
func printCosts(out io.Writer, columns []costColumn, sums []incident.Costs, total incident.Spend) {
	var header, last []string
	for _, c := range columns {
		header, last = append(header, strings.ToUpper(c.name)), append(last, "")
	}
	last[0] = "total"
	rows := [][]string{append(header, "CALLS", "PROMPT", "CACHED", "COMPLETION", "USD")}
	for _, sum := range sums {
		var row []string
		for _, c := range columns {
			row = append(row, cmp.Or(text.OneLine(*c.of(&sum)), "-"))
		}
		rows = append(rows, append(row, numbers(sum.Spend)...))
	}
	rows = append(rows, append(last, numbers(total)...))
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := len(columns); i < len(row); i++ {
			row[i] = fmt.Sprintf("%*s", widths[i], row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // to a terminal or a file: there is nobody left to tell
}

func numbers(s incident.Spend) []string {
	return []string{
		strconv.Itoa(s.Calls), strconv.Itoa(s.Prompt), strconv.Itoa(s.Cached), strconv.Itoa(s.Completion), fmt.Sprintf("%.4f", s.Cost),
	}
}
