package evidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/evidence/rcaeval"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// rankedServices ranks a case's services without a Prometheus.
func rankedServices(c *rcaeval.Case, onset int) []string {
	var tracks []trackedSeries
	for _, s := range c.Series {
		labels := map[string]string{"__name__": s.Metric, "service": s.Service}
		t := trackedSeries{labels: labels, values: s.Values, query: promql.SeriesText(labels), lag: time.Second, lagRows: 1}
		t.place()
		tracks = append(tracks, t)
	}
	r := rankTracks(tracks, score.NewGrid(time.Unix(0, 0), time.Unix(int64(c.Rows()-1), 0), time.Second), onset)
	var out []string
	for _, g := range rankedGroups(r.groups) {
		out = append(out, g.lead().labels["service"])
	}
	return out
}

// disturb makes a case harder: every value off by so much of itself, and a share of all series other than the fault's
// own kind at the faulty service missing.
func disturb(c *rcaeval.Case, seed uint64, noise, missing float64) *rcaeval.Case {
	rng := rand.New(rand.NewPCG(seed, 9))
	out := *c
	out.Series = nil
	for _, s := range c.Series {
		if rng.Float64() < missing && (s.Service != c.Service || s.Metric != c.Fault) {
			continue
		}
		values := make([]float64, len(s.Values))
		for i, v := range s.Values {
			values[i] = v * math.Exp(noise*rng.NormFloat64())
		}
		s.Values = values
		out.Series = append(out.Series, s)
	}
	return &out
}

// TestDisturbedFaults disturbs cases in many ways: the recorded ones with -rca.dir, else synthetic ones.
func TestDisturbedFaults(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	cases := rcaeval.Systems(50, *rcaSystems, rcaeval.Shape{Step: time.Second, Before: 450, After: 150})
	least, kinds := .8, []string{""}
	if *rcaDir != "" {
		var err error
		cases, err = rcaeval.Load(*rcaDir)
		require.NoError(t, err)
		least, kinds = .9, []string{"cpu", "mem"}
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "a row per\tnoise\tmissing\tAvg@5 by onset -30 s\t0 s\t+60 s\t+120 s\t")
	for _, every := range []int{1, 5, 15} {
		for _, d := range []struct{ noise, missing float64 }{{0, 0}, {.05, 0}, {.2, 0}, {0, .3}, {.05, .6}} {
			fmt.Fprintf(table, "%d s\t%.0f %%\t%.0f %%", every, 100*d.noise, 100*d.missing)
			for _, late := range []int{-30, 0, 60, 120} {
				var tally rcaeval.Tally
				for i, c := range cases {
					c = disturb(c, uint64(i), d.noise, d.missing).Every(every)
					tally.Add(c.Fault, c.Place(rankedServices(c, c.Onset+late/every)))
				}
				fmt.Fprint(table, "\t")
				for _, kind := range kinds {
					avg := tally.Figures(kind).Avg5
					fmt.Fprintf(table, "%.2f ", avg)
					if d.missing == 0 { // else what tells of the fault may be missing
						assert.GreaterOrEqual(t, avg, least, "every %d s, %+v, %d s late, %s", every, d, late, kind)
					}
				}
			}
			fmt.Fprintln(table)
		}
	}
	require.NoError(t, table.Flush())
	t.Logf("%d cases, %v\n%s", len(cases), kinds, out.String())
}
