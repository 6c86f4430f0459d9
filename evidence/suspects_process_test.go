package evidence

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProcessGroups: of a machine, the process that burns its processors or takes its memory is named, although it did not exist
// before, and its threads and its neighbors on the machine are not in its place.
func TestProcessGroups(t *testing.T) {
	// The begin of the fault, by which the data are old or, as those of a Prometheus that has just been started, young.
	begin, step := 3600., 15*time.Second
	machine := func() *recording {
		r := record(time.Duration(begin)*time.Second+40*step, step)
		r.add(`up{instance="machine-1",job="node"}`, steps(1))
		const node, process = `instance="machine-1",job="node"`, `instance="machine-1",job="process"`
		for i, name := range []string{"sshd", "cron", "database", "web"} {
			labels := fmt.Sprintf(`{groupname=%q,%s`, name, process)
			r.counter("namedprocess_namegroup_cpu_seconds_total"+labels+`,mode="user"}`, noise(uint64(i), .05, .1, nil))
			r.add("namedprocess_namegroup_memory_bytes"+labels+`,memtype="resident"}`, noise(uint64(10+i), 2e8, .01, nil))
			r.add("namedprocess_namegroup_num_procs"+labels+`}`, steps(3))
			r.counter("namedprocess_namegroup_context_switches_total"+labels+`,ctxswitchtype="nonvoluntary"}`, noise(uint64(30+i), .1, .1, nil))
			r.counter("namedprocess_namegroup_minor_page_faults_total"+labels+`}`, noise(uint64(40+i), .1, .1, nil))
		}
		r.counter(`node_cpu_seconds_total{cpu="0",mode="user",`+node+`}`, noise(20, .2, .1, after(begin, plus(.7))))
		r.add(`node_memory_MemAvailable_bytes{`+node+`}`, noise(21, 16e9, .01, after(begin, plus(-6e9))))
		return r
	}
	appears := func(value func(float64) float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < begin {
				return math.NaN()
			}
			return value(s - begin)
		}
	}
	add := func(r *recording, metric, more string, value func(float64) float64) {
		r.add(`namedprocess_namegroup_`+metric+`{groupname="culprit",instance="machine-1",job="process"`+more+`}`, appears(value))
	}
	// Another process starts with it, and does what the alert is not about.
	bystander := func(r *recording) {
		r.add(`namedprocess_namegroup_context_switches_total{groupname="bystander",instance="machine-1",job="process",ctxswitchtype="nonvoluntary"}`,
			appears(func(s float64) float64 { return 1e6 * s }))
	}
	burns := func(r *recording) {
		add(r, "cpu_seconds_total", `,mode="user"`, func(s float64) float64 { return 1.9 * s })
		add(r, "context_switches_total", `,ctxswitchtype="nonvoluntary"`, func(s float64) float64 { return 5000 * s })
		add(r, "num_procs", "", steps(7))
		add(r, "thread_cpu_seconds_total", `,mode="user",threadname="culprit"`, func(s float64) float64 { return 1.9 * s })
		add(r, "threads_wchan", `,wchan="0"`, steps(2))
	}
	takes := func(r *recording) {
		add(r, "minor_page_faults_total", "", func(s float64) float64 { return 1e5 * s })
		add(r, "num_threads", "", steps(70))
		add(r, "memory_bytes", `,memtype="resident"`, func(s float64) float64 { return min(6e9, 2e8+s*1e8) })
	}
	const burning, full = `rate(node_cpu_seconds_total{mode="user"}[1m]) > 0.8`, `node_memory_MemAvailable_bytes < 11e9`
	for _, tc := range []struct {
		name         string
		begin        float64
		step         time.Duration
		build        func(r *recording)
		expr, series string
	}{
		{"burns", 3600, 15 * time.Second, burns, burning, "namedprocess_namegroup_cpu_seconds_total"},
		{"takes", 3600, 15 * time.Second, takes, full, "namedprocess_namegroup_memory_bytes"},
		{"burns, and Prometheus is young", 300, 5 * time.Second, burns, burning, "namedprocess_namegroup_cpu_seconds_total"},
		{"takes, and Prometheus is young", 300, 5 * time.Second, takes, full, "namedprocess_namegroup_memory_bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			begin, step = tc.begin, tc.step
			r := machine()
			tc.build(r)
			bystander(r)
			e := lookAt(t, r, begin+60, tc.expr, "instance=machine-1 job=node")
			require.NotEmpty(t, e.Ranking)
			assert.Equal(t, "culprit", e.Ranking[0].Labels["groupname"])
			assert.Equal(t, tc.series, e.Ranking[0].Labels[model.MetricNameLabel])
			assert.Equal(t, "high", e.Ranking[0].Confidence)
			assert.Contains(t, e.Summary, `most of all groupname="culprit"`)
			require.NotNil(t, e.Table)
			assert.Equal(t, `groupname="culprit"`, e.Table.Rows[0][0])
			for _, entry := range e.Ranking[1:] {
				if entry.Labels["groupname"] != "bystander" && entry.Labels["groupname"] != "culprit" {
					assert.NotZero(t, entry.Before, "what was there before the data is not new: %v", entry.Labels)
				}
			}
			assert.NotContains(t, fmt.Sprint(e.Summary, e.Table.Rows), "namegroup_thread", "parts of the group")
		})
	}
}

func TestOwnersOfProcesses(t *testing.T) {
	of := func(labels string) owner { return ownerOf(pairs(labels)) }
	const group = "__name__=namedprocess_namegroup_num_procs job=process groupname=java instance="
	assert.Equal(t, "java", of(group+"machine-1").name)
	assert.Equal(t, of(group+"machine-1").key(), of("__name__=namedprocess_namegroup_memory_bytes job=process groupname=java instance=machine-1").key())
	assert.NotEqual(t, of(group+"machine-1").key(), of(group+"machine-2").key(), "two machines")
	assert.NotEqual(t, of(group+"machine-1").key(), of(group+"machine-1 cluster=eu").key())
	assert.Equal(t, owner{label: "instance", name: "machine-1"}, of("__name__=namedprocess_scrape_errors job=process instance=machine-1:9256"))
	assert.Equal(t, "job", of("__name__=queue_length groupname=java job=app instance=a:1").label, "a label of others")
}

// TestHosts: a port is taken off a host, and off nothing else, wherever instances are compared or name what a series belongs to.
func TestHosts(t *testing.T) {
	for instance, want := range map[string]string{
		"db:9104":                                "db",
		"10.0.0.1:9100":                          "10.0.0.1",
		"[::1]:9100":                             "::1",
		"[fe80::1%eth0]:9100":                    "fe80::1%eth0",
		"db":                                     "db",
		"db.example.com":                         "db.example.com",
		"::1":                                    "::1",
		"2001:db8::7":                            "2001:db8::7",
		"https://shop.example":                   "https://shop.example",
		"https://shop.example:8443/health?a=b:c": "https://shop.example:8443/health?a=b:c",
		"http://[::1]:9115/probe":                "http://[::1]:9115/probe",
		"mysql://db:3306":                        "mysql://db:3306",
		"db:3306/orders":                         "db:3306/orders",
		"project:region:name":                    "project:region:name",
		"unix:/run/mysqld.sock":                  "unix:/run/mysqld.sock",
		"eth0:up":                                "eth0:up",
		"db:":                                    "db:",
		":9100":                                  ":9100",
		"db:99999":                               "db:99999",
		"":                                       "",
	} {
		t.Run(instance, func(t *testing.T) {
			assert.Equal(t, want, hostOf(instance))
			if instance != "" {
				assert.Equal(t, owner{label: "instance", name: want}, ownerOf(map[string]string{"__name__": "node_load1", "job": "node", "instance": instance}))
			}
		})
	}
	assert.Equal(t, "app:8080", ownerOf(pairs("__name__=requests_total instance=app:8080")).name, "a process, not its machine")
}
