package evidence

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/evidence/rcaeval"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// matrixOf is what a server would answer of a case.
func matrixOf(c *rcaeval.Case, g score.Grid) model.Matrix {
	var m model.Matrix
	for _, s := range c.Series {
		labels := s.Labels()
		labels[model.MetricNameLabel], labels["namespace"] = s.Metric, "shop"
		stream := &model.SampleStream{Metric: metricFromLabels(labels)}
		total := 1000.
		for row, v := range s.Values {
			if math.IsNaN(v) {
				continue
			}
			if s.Kind == rcaeval.Counter {
				total += v * g.Step.Seconds()
				v = total
			}
			stream.Values = append(stream.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(g.At(row).UnixNano()), Value: model.SampleValue(v)})
		}
		m = append(m, stream)
	}
	return m
}

// rankCase ranks a case without a server, looked at so many rows after the onset.
func rankCase(c *rcaeval.Case, onset, after int) suspectRanking {
	n := min(c.Rows(), onset+after)
	g := score.NewGrid(scoredAt, scoredAt.Add(time.Duration(n-1)*c.Step), c.Step)
	inv := newInvestigation(firingIncident(g.At(onset), "", "alertname=Slow namespace=shop"), g.End())
	r := rankTracks(inv.trackSeries(matrixOf(c, g), g, nil, 4*c.Step), g, onset)
	for _, group := range r.groups {
		if group.place == "" {
			group.place = "shop"
		}
	}
	return r
}

func groupNames(r suspectRanking) []string {
	var out []string
	for _, g := range rankedGroups(r.groups) {
		out = append(out, g.name)
	}
	return out
}

var meshSystems = flag.Int("mesh.systems", 2, "synthetic meshes of each kind of fault and noise to evaluate the suspects on")

// TestMeshes prints how well the suspects name the service at fault in synthetic meshes, with and without series of the
// calls, by noise and by rows: go test ./evidence -run TestMeshes -v.
func TestMeshes(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rows\tgraph\tnoise\tcases\tAC@1\tAC@3\tAvg@5\tfirst is high confidence")
	for _, shape := range []rcaeval.Shape{{Step: 15 * time.Second, Before: 240, After: 40}, {Step: 5 * time.Minute, Before: 60, After: 8}, {Step: 5 * time.Minute, Before: 14, After: 5}} {
		for _, graph := range []bool{false, true} {
			var all rcaeval.Tally
			for _, noise := range rcaeval.Noises() {
				var tally rcaeval.Tally
				sure := 0
				for _, fault := range rcaeval.MeshFaults() {
					for i := range *meshSystems {
						c := rcaeval.Mesh(*rcaSeed+uint64(i), fault, rcaeval.MeshShape{Shape: shape, Noise: noise, Graph: graph})
						r := rankCase(c, c.Onset, shape.After)
						place := c.Place(groupNames(r))
						tally.Add(fault, place)
						all.Add(fault, place)
						sure += boolToInt(r.groups[0].lead().confident)
						if *meshTrace && place > 1 && graph {
							traceCase(t, c, r)
						}
					}
				}
				f := tally.Figures("")
				fmt.Fprintf(table, "%s × %d\t%t\t%s\t%d\t%.2f\t%.2f\t%.2f\t%d\n", shape.Step, shape.Before, graph, noise, f.Cases, f.AC1, f.AC3, f.Avg5, sure)
			}
			f := all.Figures("")
			fmt.Fprintf(table, "%s × %d\t%t\tall\t%d\t%.2f\t%.2f\t%.2f\t\n", shape.Step, shape.Before, graph, f.Cases, f.AC1, f.AC3, f.Avg5)
			for _, fault := range all.Faults() {
				f := all.Figures(fault)
				fmt.Fprintf(table, "\t\t  %s\t%d\t%.2f\t%.2f\t%.2f\t\n", fault, f.Cases, f.AC1, f.AC3, f.Avg5)
			}
			if graph && shape.Before >= 60 {
				assert.GreaterOrEqual(t, f.AC1, .8, "%v", shape)
				assert.GreaterOrEqual(t, f.AC3, .95, "%v", shape)
			}
		}
	}
	require.NoError(t, table.Flush())
	t.Log("\n" + out.String())
}

var meshTrace = flag.Bool("mesh.trace", false, "print what is ranked above the cause")

func traceCase(t *testing.T, c *rcaeval.Case, r suspectRanking) {
	t.Helper()
	for i, g := range r.groups {
		if i > 3 && g.name != c.Service {
			continue
		}
		line := fmt.Sprintf("%s cause %s: %d. %s %.2f blamed %q victims %v", c.Name, c.Service, i+1, g.name, g.weight, g.blamed, g.victims)
		for _, s := range g.series[:min(4, len(g.series))] {
			line += fmt.Sprintf("\n      %s %.3g>%.3g score %.1f at %d(%d) w %.2f ex %.2f by %q", s.query, s.Before, s.After, s.Score, s.At-c.Onset, s.Lasted, s.weight, s.explained, s.explainedBy)
		}
		t.Log(line)
	}
}

// TestHealthyMeshes counts how often a suspect is named with high confidence where nothing is wrong.
func TestHealthyMeshes(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rows before\tnoise\twindows\thigh confidence")
	for _, shape := range []rcaeval.Shape{{Step: 15 * time.Second, Before: 240, After: 40}, {Step: 5 * time.Minute, Before: 60, After: 5}, {Step: 5 * time.Minute, Before: 14, After: 5}, {Step: 5 * time.Minute, Before: 12, After: 10}} {
		windows, sure := 0, 0
		for _, noise := range rcaeval.Noises() {
			own := 0
			for i := range *meshSystems * 10 {
				c := rcaeval.Mesh(*rcaSeed+uint64(1000+i), "", rcaeval.MeshShape{Shape: shape, Noise: noise, Graph: i%2 == 0})
				r := rankCase(c, c.Onset, shape.After)
				windows++
				for _, g := range r.groups {
					if g.confident() {
						own++
						break
					}
				}
			}
			sure += own
			fmt.Fprintf(table, "%d × %s\t%s\t%d\t%d\n", shape.Before, shape.Step, noise, *meshSystems*10, own)
		}
		assert.LessOrEqual(t, float64(sure)/float64(windows), .05, "%v", shape)
	}
	require.NoError(t, table.Flush())
	t.Log("\n" + out.String())
}

// TestServedMeshes does the same with a real Prometheus.
func TestServedMeshes(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	for _, shape := range []rcaeval.Shape{{Step: 15 * time.Second, Before: 260, After: 41}, {Step: 5 * time.Minute, Before: 70, After: 8}} {
		var faulty, healthy []*rcaeval.Case
		for i, fault := range rcaeval.MeshFaults() {
			for j, noise := range rcaeval.Noises() {
				faulty = append(faulty, rcaeval.Mesh(*rcaSeed+uint64(100*i+j), fault, rcaeval.MeshShape{Shape: shape, Noise: noise, Graph: true}))
				healthy = append(healthy, rcaeval.Mesh(*rcaSeed+uint64(5000+100*i+j), "", rcaeval.MeshShape{Shape: shape, Noise: noise, Graph: j%2 == 0}))
			}
		}
		site := serveCases(t, "", shape.Step, faulty)
		var tally rcaeval.Tally
		for namespace, c := range site.cases {
			fired := site.onset(namespace).Add(shape.Step)
			e := site.suspectsAlone(t, namespace, fired, fired.Add(time.Duration(shape.After-2)*shape.Step))
			var names []string
			for _, r := range e.Ranking {
				names = append(names, r.Labels["service"])
				if r.Labels["service"] == "" {
					names[len(names)-1] = r.Labels["server"]
				}
			}
			tally.Add(c.Fault, c.Place(names))
		}
		f := tally.Figures("")
		t.Logf("a row per %s: %d meshes, AC@1 %.2f, AC@3 %.2f, Avg@5 %.2f", shape.Step, f.Cases, f.AC1, f.AC3, f.Avg5)
		assert.GreaterOrEqual(t, f.AC1, .8)
		assert.GreaterOrEqual(t, f.AC3, .95)

		quiet, sure := serveCases(t, "quiet_", shape.Step, healthy), 0
		for namespace := range quiet.cases {
			fired := quiet.onset(namespace).Add(shape.Step)
			sure += boolToInt(confidently(quiet.suspectsAlone(t, namespace, fired, fired.Add(5*shape.Step))))
		}
		t.Logf("a row per %s: %d of %d healthy windows named a suspect with high confidence", shape.Step, sure, len(healthy))
		assert.LessOrEqual(t, float64(sure)/float64(len(healthy)), .05)
	}
}

// suspectsAlone collects nothing but the suspects of an alert in a namespace.
func (s *caseServer) suspectsAlone(t *testing.T, namespace string, fired, now time.Time) incident.Evidence {
	t.Helper()
	c := collectorAt(t, s.url, now)
	defer c.Close()
	items, err := findSuspects(t.Context(), c.investigate(t.Context(), firingIncident(fired, "", "alertname=Slow namespace="+namespace), 60))
	require.NoError(t, err)
	require.Len(t, items, 1)
	return items[0]
}
