package evidence

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"
)

// scenario is one of testdata/scenarios.yml.
type scenario struct {
	Name, Expr, Alert string
	Record            struct{ Name, Expr string }
	Series            []struct {
		Name  string
		Steps [][2]float64 // of a gauge
		Rate  [][2]float64 // of a counter
		Fresh [][2]float64 // of a point in time: how long ago it is
	}
	Signal, Drill, False []string
	Fired                float64  // the second at which the alert fires; default 9600
	Failed               bool     // the signal's item is one of a failure
	NowMinus             []string `yaml:"now_minus"`
}

// plantedFired is when most alerts fire, in seconds: five minutes after the change.
const plantedFired = 9600

func scenarios(t *testing.T) []scenario {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "scenarios.yml"))
	require.NoError(t, err)
	var list []scenario
	require.NoError(t, yaml.Unmarshal(b, &list))
	return list
}

// stepped returns a function of time in steps, with so much noise; what counts things, in whole numbers up to 10, has none.
func stepped(steps [][2]float64, noise float64) func(second float64) float64 {
	phase := float64(len(steps)) + steps[0][1]
	return func(second float64) float64 {
		v := math.NaN()
		for _, s := range steps {
			if second >= s[0] {
				v = s[1]
			}
		}
		if v == math.Trunc(v) && math.Abs(v) <= 10 {
			return v
		}
		return v * (1 + noise*(math.Sin(second/97+phase)+math.Sin(second/31+phase*phase))/2)
	}
}

// plant records the data of all scenarios, and returns the recording rules.
func plant(list []scenario, r *recording, noise float64) (rules string) {
	rules = "groups:\n- name: recorded\n  interval: 1h\n  rules:\n"
	for _, s := range list {
		for _, series := range s.Series {
			switch {
			case series.Rate != nil:
				r.counter(series.Name, stepped(series.Rate, noise))
			case series.Fresh != nil:
				age := stepped(series.Fresh, noise)
				r.add(series.Name, func(second float64) float64 { return float64(r.at(second).Unix()) - age(second) })
			default:
				r.add(series.Name, stepped(series.Steps, noise))
			}
		}
		if s.Record.Name != "" {
			rules += "  - {record: '" + s.Record.Name + "', expr: '" + s.Record.Expr + "'}\n"
		}
	}
	r.add(`up{job="scenarios",instance="s:80"}`, func(float64) float64 { return 1 })
	return rules
}

// outcome says whether the items say what they must: right, wrong where one says something false, else unknown.
func (s scenario) outcome(items []incident.Evidence) (outcome string, missing []string) {
	text := func(kind incident.EvidenceKind) string {
		var all []string
		for _, item := range ofKind(items, kind) {
			all = append(all, item.Summary)
		}
		return strings.Join(all, "\n")
	}
	signal, drill := text(incident.KindSignal), text(incident.KindDrilldown)
	for _, p := range s.False {
		if regexp.MustCompile(p).MatchString(signal + "\n" + drill) {
			return "wrong", []string{"false: " + p}
		}
	}
	for _, p := range s.Signal {
		if !regexp.MustCompile(p).MatchString(signal) {
			missing = append(missing, "signal: "+p)
		}
	}
	for _, p := range s.Drill {
		if !regexp.MustCompile(p).MatchString(drill) {
			missing = append(missing, "drill: "+p)
		}
	}
	if len(missing) > 0 {
		return "unknown", missing
	}
	return "right", nil
}

// TestScenarios: what is planted in the data is found, by the comparison, the series and the labels that the alert is about.
func TestScenarios(t *testing.T) {
	list := scenarios(t)
	r := record(3*time.Hour, 15*time.Second)
	p := r.serve(t, plant(list, r, 0))
	count := map[string]int{}
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			items := collectorAt(t, p.URL, r.end()).Collect(t.Context(), firingIncident(r.at(cmp.Or(s.Fired, plantedFired)), s.Expr, s.Alert), nil).Items
			for _, item := range items {
				if item.Kind == incident.KindSignal || item.Kind == incident.KindDrilldown {
					t.Log(item.ID, item.Summary, "\n", item.Query)
					assert.False(t, item.Failed && !s.Failed, item.Summary)
					assert.NotContains(t, item.Summary, "%!")
					assertDirections(t, item)
				}
			}
			outcome, missing := s.outcome(items)
			count[outcome]++
			_, err := json.Marshal(items)
			require.NoError(t, err, "infinity is no number of JSON")
			t.Log("outcome:", outcome)
			assert.Equal(t, "right", outcome, "%s", strings.Join(missing, "; "))
		})
	}
	t.Logf("of %d scenarios %d right, %d unknown, %d wrong", len(list), count["right"], count["unknown"], count["wrong"])
}

// TestScenariosWithNoise: over data that are never still nothing false is said either, and what is said has no need for many queries.
func TestScenariosWithNoise(t *testing.T) {
	list := scenarios(t)
	r := record(3*time.Hour, 15*time.Second)
	p := r.serve(t, plant(list, r, .02))
	count, most := map[string]int{}, 0.
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			registry, asked := countedQuestions(t)
			c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Registerer = registry })
			items := c.Collect(t.Context(), firingIncident(r.at(cmp.Or(s.Fired, plantedFired)), s.Expr, s.Alert), nil).Items
			most = max(most, asked())
			outcome, missing := s.outcome(items)
			count[outcome]++
			t.Log("outcome:", outcome, asked(), "queries", missing)
			for _, item := range items {
				if item.Kind == incident.KindSignal || item.Kind == incident.KindDrilldown {
					t.Log(item.Summary)
				}
				assert.NotContains(t, item.Summary, "budget of queries")
			}
			assert.NotEqual(t, "wrong", outcome, missing)
		})
	}
	t.Logf("of %d scenarios %d right, %d without what a still past says, %d wrong; at most %.0f queries", len(list), count["right"], count["unknown"], count["wrong"], most)
}

// assertDirections: no row of a ranking contradicts its own numbers, and none has no share in what it is ranked by.
func assertDirections(t *testing.T, item incident.Evidence) {
	t.Helper()
	for i, r := range item.Ranking {
		switch r.Direction {
		case "up":
			assert.Greater(t, r.After, r.Before)
		case "down":
			assert.True(t, r.After < r.Before || !r.Onset.IsZero() && r.After == 0, "%+v", r)
		default:
			assert.Equal(t, "flat", r.Direction)
		}
		if i > 0 && item.Ranking[0].Share > 0 {
			assert.GreaterOrEqual(t, r.Share, breakdown.MinShare)
		}
	}
}
