package evidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// noise returns a level with so much noise, the same at every call.
func noise(seed uint64, level, by float64, change func(s, v float64) float64) func(float64) float64 {
	return func(s float64) float64 {
		rng := rand.New(rand.NewPCG(seed, uint64(s)))
		v := level * (1 + by*rng.NormFloat64())
		if change == nil {
			return v
		}
		return change(s, v)
	}
}

// after changes values from a second on.
func after(begin float64, change func(v float64) float64) func(s, v float64) float64 {
	return func(s, v float64) float64 {
		if s >= begin {
			return change(v)
		}
		return v
	}
}

func times(by float64) func(float64) float64 { return func(v float64) float64 { return v * by } }

func plus(more float64) func(float64) float64 { return func(v float64) float64 { return v + more } }

// lookAt asks a real Prometheus about a recording whose fault begins at a second.
func lookAt(t *testing.T, r *recording, begin float64, expr, labels string) incident.Evidence {
	t.Helper()
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	inc := firingIncident(r.at(begin), expr, "alertname=Slow severity=critical "+labels)
	e := suspectsOf(t, c, inc)
	owed(t, e)
	return e
}

// TestKindsOfFailure: what once misled the ranking, each beside a control.
func TestKindsOfFailure(t *testing.T) {
	const begin, end = 3600., 4500.
	type build func(r *recording, spoiled bool)
	tests := []struct {
		name         string
		length, step time.Duration
		build        build
		labels, want string // the alert's, and the first of the ranking
		summary      string // of the spoiled one
		confidence   string
	}{
		{"the same namespace in another cluster", end * time.Second, 15 * time.Second, func(r *recording, spoiled bool) {
			for i, c := range []string{"eu", "us"} {
				if !spoiled && c == "us" {
					continue
				}
				for j, s := range []string{"api", "db", "web"} {
					by := map[string]float64{"eu/db": 2, "us/web": 50}[c+"/"+s]
					r.add(fmt.Sprintf(`cpu_percent{cluster=%q,namespace="shop",service=%q}`, c, s), noise(uint64(10*i+j), 2, .05, after(begin, times(max(by, 1)))))
				}
			}
		}, "cluster=eu namespace=shop", "db", `most of all service="db"`, "high"},
		{"a metric of too many series", end * time.Second, 15 * time.Second, func(r *recording, spoiled bool) {
			n := 40
			if spoiled {
				n = 600
			}
			for i := range n {
				service, by := "api", 1.
				if i == 7 {
					service, by = "broken", 50
				}
				r.add(fmt.Sprintf(`cpu_percent{namespace="shop",pod="p-%d",service=%q}`, i, service), noise(uint64(i), 2, .05, after(begin, times(by))))
			}
			r.add(`queue_length{namespace="shop",service="web"}`, noise(99, 9, .05, after(begin, times(1.5))))
		}, "namespace=shop", "broken", `most of all service="broken": .* Of 600 more series, only those that changed most were read`, "high"},
		{"everything ends at once", 5400 * time.Second, 15 * time.Second, func(r *recording, spoiled bool) {
			for i, s := range []string{"aaa", "bbb", "ccc", "zzz"} {
				r.add(fmt.Sprintf(`cpu_percent{namespace="shop",service=%q}`, s), noise(uint64(i), 2, .05, func(sec, v float64) float64 {
					if spoiled && sec > 4700 {
						return math.NaN()
					}
					if s == "zzz" && sec >= begin {
						return 50 * v
					}
					return v
				}))
			}
		}, "namespace=shop", "zzz", `most of all service="zzz": .* All 4 series end together at`, "high"},
		{"rare traffic", 19500 * time.Second, 5 * time.Minute, func(r *recording, spoiled bool) {
			r.add(`latency_seconds{namespace="shop",service="api"}`, noise(1, .1, .05, nil))
			r.add(`latency_seconds{namespace="shop",service="db"}`, noise(2, .1, .05, after(18000, times(50))))
			r.add(`latency_seconds{namespace="shop",service="job"}`, noise(3, .1, .05, func(s, v float64) float64 {
				if spoiled && s >= 18000 {
					return math.NaN()
				}
				return v
			}))
		}, "namespace=shop", "db", `most of all service="db"`, "high"},
		{"calm callers of a noisy cause", end * time.Second, 15 * time.Second, func(r *recording, spoiled bool) {
			calm := .5
			if spoiled {
				calm = .02
			}
			r.add(`latency_seconds{namespace="shop",service="front"}`, noise(1, .05, calm, after(begin+75, plus(1))))
			r.add(`latency_seconds{namespace="shop",service="back"}`, noise(2, .05, calm, after(begin+45, plus(1))))
			r.add(`latency_seconds{namespace="shop",service="db"}`, noise(3, .02, .15, after(begin, plus(1))))
			r.add(`latency_seconds{namespace="shop",service="other"}`, noise(4, .05, .05, nil))
		}, "namespace=shop", "db", `most of all service="db": .* It moved first`, "high"},
		{"few values since", begin*time.Second + 45*time.Second, 15 * time.Second, func(r *recording, _ bool) {
			for i, s := range []string{"api", "db", "web"} {
				by := map[string]float64{"db": 50}[s]
				r.add(fmt.Sprintf(`cpu_percent{namespace="shop",service=%q}`, s), noise(uint64(i), 2, .05, after(begin, times(max(by, 1)))))
			}
		}, "namespace=shop", "db", `^Early: 1 of 3 related series differ clearly, [34] values after the change at most; most of all service="db": .*-fold\)`, "low"},
	}
	for _, test := range tests {
		for _, spoiled := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %t", test.name, spoiled), func(t *testing.T) {
				r := record(test.length, test.step)
				test.build(r, spoiled)
				at := begin
				if test.step > time.Minute {
					at = 18000
				}
				e := lookAt(t, r, at, "", test.labels)
				require.NotEmpty(t, e.Ranking)
				assert.Equal(t, test.want, e.Ranking[0].Labels["service"], e.Summary)
				assert.Equal(t, test.confidence, e.Ranking[0].Confidence)
				assert.NotContains(t, e.Ranking[0].Labels, sampledLabel)
				if spoiled {
					assert.Regexp(t, test.summary, e.Summary)
				}
			})
		}
	}
}

// TestShortPast: what wanders by itself is no finding with high confidence, however short its past.
func TestShortPast(t *testing.T) {
	wrong, right := 0, 0
	for trial := range uint64(10) {
		for _, fault := range []bool{false, true} {
			var tracks []trackedSeries
			for i := range uint64(150) {
				rng := rand.New(rand.NewPCG(trial, i))
				x := 0.
				walk := func(s float64) float64 {
					for range max(1, 60*boolToInt(s == 0)) {
						sum := 0.
						for range 3 {
							y := rng.NormFloat64()
							sum += y * y
						}
						x = .9*x + .12*rng.NormFloat64()/math.Sqrt(sum/3)
					}
					if fault && i == 3 && s >= 12 {
						return 60 * math.Exp(x)
					}
					return .1 * math.Exp(x)
				}
				s := seriesOf(fmt.Sprintf("__name__=latency_seconds service=s%d", i), walk)
				s.values = s.values[:17]
				tracks = append(tracks, s)
			}
			r := rankTracks(tracks, gridOf(17), 12)
			for _, g := range r.groups {
				if g.confident() && g.name != "s3" {
					wrong++
				}
			}
			right += boolToInt(fault && r.groups[0].name == "s3" && r.groups[0].confident())
		}
	}
	assert.Zero(t, wrong, "of 20 windows")
	assert.GreaterOrEqual(t, right, 8, "a change that is far beyond is one still, of 10")
}

// TestShortPastOfSwitches: where series switch on and off by themselves, one that switches at the onset is no finding, however still a
// short past shows it.
func TestShortPastOfSwitches(t *testing.T) {
	for _, share := range []float64{.1, .5, 1} {
		for _, still := range []bool{false, true} {
			wrong, windows := 0, 0
			for _, past := range []int{12, 16, 20} {
				for trial := range uint64(20) {
					var tracks []trackedSeries
					for i := range uint64(100) {
						rng := rand.New(rand.NewPCG(trial+77, i))
						value := switching(rng, float64(past), still)
						if rng.Float64() >= share {
							value = func(float64) float64 { return 10 * (1 + .1*rng.NormFloat64()) }
						}
						s := seriesOf(fmt.Sprintf("__name__=m%d service=s%d", i%10, i), value)
						s.values = s.values[:past+5]
						tracks = append(tracks, s)
					}
					windows++
					wrong += boolToInt(slices.ContainsFunc(rankTracks(tracks, gridOf(past+5), past).groups, (*suspectGroup).confident))
				}
			}
			assert.LessOrEqual(t, wrong, windows/12, "of %d windows, %.0f %% switch, still: %t", windows, 100*share, still)
		}
	}
}

// switching is on for a part of a past, and off for longer.
func switching(rng *rand.Rand, past float64, still bool) func(float64) float64 {
	on := rng.Float64() < .2
	return func(float64) float64 {
		if lasts := map[bool]float64{true: .4, false: 1.5}[on] * past; rng.Float64() < 1/lasts {
			on = !on
		}
		level := map[bool]float64{true: 5, false: .2}[on]
		if still {
			return math.Floor(level)
		}
		return level * (1 + .05*rng.NormFloat64())
	}
}

// TestUnrelatedCalls: calls of strangers, whose series have none of the alert's labels, are no suspects; those that a chain of calls leads
// to from what the alert is about are.
func TestUnrelatedCalls(t *testing.T) {
	const begin = 3600.
	for name, tc := range map[string]struct {
		own, expr, labels, want string // the service of the series in the namespace
		none                    bool
	}{
		"another team's":     {"cart", "", "namespace=shop", "cart", true},
		"its own":            {"front", "", "namespace=shop", "front", false},
		"behind one it has":  {"edge", "", "namespace=shop", "edge", false},
		"by its label":       {"cart", "", "namespace=shop service=front", "cart", false},
		"an alert of calls":  {"cart", `rate(traces_service_graph_request_total{server="back"}[5m]) > 1`, "namespace=shop", "cart", false},
		"a name that is not": {"backend", "", "namespace=shop", "backend", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(4500*time.Second, 15*time.Second)
			r.add(`latency_seconds{namespace="shop",service="`+tc.own+`"}`, noise(1, .05, .05, after(begin, times(3))))
			for i, pair := range [][2]string{{"edge", "front"}, {"front", "back"}} {
				labels := fmt.Sprintf(`{client=%q,server=%q}`, pair[0], pair[1])
				r.counter(`traces_service_graph_request_total`+labels, noise(uint64(10+i), 50, .02, nil))
				r.counter(`traces_service_graph_request_server_seconds_count`+labels, noise(uint64(20+i), 50, .01, nil))
				r.counter(`traces_service_graph_request_server_seconds_sum`+labels, noise(uint64(30+i), .5, .05, after(begin, times(40))))
			}
			e := lookAt(t, r, begin, tc.expr, tc.labels)
			servers := 0
			for _, one := range e.Ranking {
				servers += boolToInt(one.Labels["server"] != "")
			}
			assert.Equal(t, tc.none, servers == 0, e.Summary)
			if tc.none {
				assert.Equal(t, tc.want, e.Ranking[0].Labels["service"], e.Summary)
			}
		})
	}
}

// TestExportersOwnRuntime: what an exporter says of itself is no suspect of what it exports; what took the place of a
// pinned label's value is said.
func TestExportersOwnRuntime(t *testing.T) {
	const begin = 3600.
	r := record(4500*time.Second, 15*time.Second)
	for _, job := range []string{"node", "process-exporter", "alertscribe"} {
		where := fmt.Sprintf(`{job=%q,instance="m1:%d"`, job, 9000+len(job))
		for i, q := range []string{"0", "0.5", "1"} {
			r.add(`go_gc_duration_seconds`+where+`,quantile="`+q+`"}`, noise(uint64(i), .001, .01, after(begin, times(40))))
		}
		r.add(`process_resident_memory_bytes`+where+"}", noise(7, 3e7, .01, after(begin, times(3))))
	}
	for cpu := range 2 {
		for mode, rates := range map[string][2]float64{"idle": {.93, .02}, "user": {.05, .96}, "system": {.02, .02}} {
			name := fmt.Sprintf(`node_cpu_seconds_total{job="node",instance="m1:9100",cpu="%d",mode=%q}`, cpu, mode)
			r.counter(name, noise(uint64(10*cpu+len(mode)), 1, .02, func(s, v float64) float64 {
				if s >= begin {
					return v * rates[1]
				}
				return v * rates[0]
			}))
		}
	}
	r.add(`node_load1{job="node",instance="m1:9100"}`, noise(5, .2, .05, after(begin, plus(1.6))))
	for i, series := range []string{
		`otelcol_process_memory_rss{job="otel-collector",instance="m1:8888"}`, `otelcol_processor_batch_metadata_cardinality{job="otel-collector",instance="m1:8888"}`,
		`fluentbit_storage_chunks{job="fluent-bit",instance="m1:2020"}`, `internal_gather_gather_time_ns{job="telegraf",instance="m1:9273"}`,
	} {
		r.add(series, noise(uint64(100+i), 1e6, .01, after(begin-30, times(90))))
	}
	r.add(`scrape_samples_scraped{job="node",instance="m1:9100"}`, func(float64) float64 { return 900 })
	e := lookAt(t, r, begin+60, `100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))) > 80`, "instance=m1:9100")
	assert.Equal(t, "m1:9100", e.Ranking[0].Labels["instance"], "%v", e.Ranking[0].Labels)
	assert.Contains(t, []string{"node_cpu_seconds_total", "node_load1"}, e.Ranking[0].Labels["__name__"])
	for _, entry := range e.Ranking {
		assert.NotRegexp(t, `^(go|process|otelcol|fluentbit|internal)_`, entry.Labels["__name__"], "%v", entry.Labels)
	}
	assert.Regexp(t, `By mode: user 0\.1\d* cores → 1\.9\d* cores, .*idle 1\.8\d* cores → 0\.0\d* cores`, e.Summary)
	assert.NotContains(t, fmt.Sprint(e.Table.Rows), "go_gc_duration_seconds")
}

// confident reports whether any change in the group is one that healthy series do not show.
func (g *suspectGroup) confident() bool {
	return slices.ContainsFunc(g.series, func(s *suspect) bool { return s.confident })
}
