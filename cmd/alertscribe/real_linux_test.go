package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var (
	realRun    = flag.Bool("real", false, "run TestRealMachine, which loads this machine for half an hour")
	realFaults = flag.String("real.faults", "cpu,memory,filesystem,disk", "what TestRealMachine does to this machine")
	realQuiet  = flag.Duration("real.quiet", 6*time.Minute, "how long TestRealMachine watches the machine at rest first")
	realLasts  = flag.Duration("real.fault", 2*time.Minute, "how long each fault lasts")
	realRest   = flag.Duration("real.rest", 150*time.Second, "how long the machine rests after a fault")
	realDir    = flag.String("real.dir", "", "a directory on the disk that TestRealMachine writes to (default: a temporary one)")
	realMount  = flag.String("real.mount", "/srv/alertscribe-real", "where root mounts the file system to fill; it must not exist")
	realHide   = flag.String("real.hide", "", "a regular expression of process groups that reports must not show")
	realOut    = flag.String("real.out", "", "a directory that the reports are written to")
)

// The exporters as Debian installs them.
const (
	nodeExporter    = "prometheus-node-exporter"
	processExporter = "prometheus-process-exporter"
)

// realScrape is a scrape interval that shows a fault of two minutes in two dozen points.
const realScrape = 5 * time.Second

// realInstance stands for the name of this machine in all series.
const realInstance = "machine-1"

// TestRealMachine does to the machine that it runs on what happens to machines, and looks for the cause in the reports. A real
// node_exporter and process-exporter, Prometheus, Alertmanager, and alertscribe run as processes of their own. No model
// is asked: the reports are what the evidence alone says.
func TestRealMachine(t *testing.T) {
	if !*realRun {
		t.Skip("not asked for: it loads this machine for half an hour (make real)")
	}
	m := startMachine(t)
	t.Logf("at rest for %v", *realQuiet)
	<-time.After(*realQuiet)
	for i, name := range strings.Split(*realFaults, ",") {
		if i > 0 {
			t.Logf("at rest for %v", *realRest)
			<-time.After(*realRest)
		}
		f, ok := m.faults[name]
		require.True(t, ok, "-real.faults: %q is none of cpu, memory, filesystem, disk", name)
		t.Run(name, func(t *testing.T) { m.play(t, name, f) })
	}
}

// A machine is this one, watched.
type machine struct {
	dir    string // of all files
	faults map[string]fault
	app    *process
}

// startMachine starts everything that watches this machine, each on a free port of loopback.
func startMachine(t *testing.T) *machine {
	m := &machine{dir: t.TempDir()}
	disk := *realDir
	if disk == "" {
		disk = m.dir
	}
	var err error
	disk, err = os.MkdirTemp(disk, "alertscribe-real-") //nolint:usetesting // the disk is the caller's choice
	require.NoError(t, err, "-real.dir")
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(disk)) })
	var thresholds *strings.Replacer
	m.faults, thresholds = machineFaults(t, disk)
	rules, err := os.ReadFile(filepath.Join("testdata", "real", "rules.yml"))
	require.NoError(t, err)

	address := freeAddress(t)
	pair := testbedtest.Start(t, testbed.Options{
		Prometheus: testbed.PrometheusConfig{
			Interval: realScrape, Rules: thresholds.Replace(string(rules)),
			Jobs: []map[string]any{m.job(t, "node", nodeExporter, "--web.listen-address="), m.job(t, "process", processExporter, m.processFlags(t)...)},
		},
		Alertmanager: testbed.AlertmanagerConfig{
			WebhookURL: "http://" + address + "/alert", GroupBy: []string{"alertname", "instance"},
			GroupWait: 5 * time.Second, GroupInterval: 10 * time.Second,
		},
	})
	config := file(t, "alertscribe.yml", fmt.Sprintf(`
prometheus: {url: %q, public_url: http://prometheus:9090}
alertmanager: {url: %q, public_url: http://alertmanager:9093}
analysis: {refresh: [30s]}
`, pair.PromURL, pair.AMURL))
	m.app = startProcess(t, m.dir, address, func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = named(t, m.dir, "alertscribe"), []string{"alertscribe", "--config.file=" + config}
	})
	return m
}

// job starts an exporter and returns how Prometheus scrapes it. Its address is added to the last of the flags.
func (m *machine) job(t *testing.T, name, program string, flags ...string) map[string]any {
	t.Helper()
	path, err := exec.LookPath(program)
	require.NoError(t, err, "Debian: apt-get install %s", program)
	flags = slices.Clone(flags)
	server, err := testbed.StartExporter(t.Context(), path, filepath.Join(m.dir, program), func(addr string) []string {
		return append(flags[:len(flags)-1:len(flags)-1], flags[len(flags)-1]+addr)
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop()) })
	hidden := []any{map[string]any{"source_labels": []string{"__name__"}, "regex": "node_(uname|dmi)_info", "action": "drop"}}
	if *realHide != "" {
		hidden = append(hidden, map[string]any{"source_labels": []string{"groupname"}, "regex": *realHide, "action": "drop"})
	}
	return map[string]any{
		"job_name": name, "static_configs": []any{map[string]any{"targets": []string{server.Addr}}},
		"relabel_configs": []any{map[string]any{"target_label": "instance", "replacement": realInstance}}, "metric_relabel_configs": hidden,
	}
}

// processFlags groups processes by their command's name, as process-exporter's own documentation begins with.
func (m *machine) processFlags(t *testing.T) []string {
	config := file(t, "process.yml", "process_names: [{name: '{{.Comm}}', cmdline: ['.+']}]\n")
	return []string{"-config.path=" + config, "-web.listen-address="}
}

// named returns a path by which this test's executable runs as a process of that name.
func named(t *testing.T, dir, name string) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.NoError(t, os.Symlink(exe, path))
	return path
}

// play does a fault, and holds its report against what it must name.
func (m *machine) play(t *testing.T, name string, f fault) {
	stop := f.begin(t, m.dir)
	over := time.After(*realLasts)
	t.Logf("%s: %s", name, f.what)
	first, ok := m.firstLook(t, f.alert, over)
	if !ok {
		stop()
		require.FailNow(t, "the alert has not fired", "%s did not fire, or was not reported, within %v", f.alert, *realLasts)
	}
	t.Logf("first look at %s:\n%s\n%s", first.LookedAt.Format(time.TimeOnly), first.screen(), f.found(first))
	<-over
	last := m.read(t, first.ID)
	stop()
	t.Logf("last look at %s:\n%s\n%s", last.LookedAt.Format(time.TimeOnly), last.screen(), f.found(last))
	for _, n := range f.names {
		if n.must {
			assert.NotEmpty(t, n.in(last), "the report does not name %s", n.expr)
		}
	}
	if *realOut != "" {
		names := map[string]string{}
		for other := range strings.SplitSeq(*realFaults, ",") {
			names[m.faults[other].alert] = other
		}
		require.NoError(t, last.publish(*realOut, name, f.what, names))
	}
}

// a name is a label of a series that tells what is wrong.
type name struct {
	expr string // regular expression of the label as reports write it
	must bool
}

func must(label, value string) name {
	return name{label + `="?` + regexp.QuoteMeta(value) + `\b`, true}
}

func may(label, value string) name {
	return name{label + `="?` + regexp.QuoteMeta(value) + `\b`, false}
}

// in returns the parts of a report that name it.
func (n name) in(r machineReport) []string {
	var parts []string
	for _, part := range r.parts() {
		if regexp.MustCompile(n.expr).MatchString(part.text) {
			parts = append(parts, part.title)
		}
	}
	return parts
}

// found says what a report names, and where.
func (f fault) found(r machineReport) string {
	var b strings.Builder
	for _, n := range f.names {
		where := strings.Join(n.in(r), ", ")
		if where == "" {
			where = "NOT NAMED"
		}
		fmt.Fprintf(&b, "  %-40s %s\n", n.expr, where)
	}
	return b.String()
}
