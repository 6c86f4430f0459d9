package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// A machineReport is a report on disk, and what the API says of its incident.
type machineReport struct {
	incident.Incident

	Evidence []incident.Evidence `json:"evidence"`
	path     string              // of the file
	text     string
}

// A part of a report is one that names may stand in.
type reportPart struct{ title, text string }

// parts returns the head, the drill-downs, and the suspects.
func (r machineReport) parts() []reportPart {
	_, body, _ := strings.Cut(r.text, "\n# ")
	head, _, _ := strings.Cut(body, "\n## ")
	parts := []reportPart{{"head", head}}
	for _, e := range r.Evidence {
		if e.Kind != incident.KindDrilldown && e.Kind != incident.KindSuspects {
			continue
		}
		_, section, _ := strings.Cut(body, "\n### "+e.ID+": ")
		section, _, _ = strings.Cut(section, "\n### ")
		parts = append(parts, reportPart{string(e.Kind) + " " + e.ID, section})
	}
	return parts
}

// screen returns what is seen of a report without scrolling.
func (r machineReport) screen() string {
	const lines = 40
	_, body, _ := strings.Cut(r.text, "\n# ")
	all := strings.Split("# "+body, "\n")
	return strings.Join(all[:min(lines, len(all))], "\n")
}

// otherReport is a link to the report of another incident, with its number and its alert.
var otherReport = regexp.MustCompile(`(?m)^\[(l\d+)\]: \.\./\d{4}-\d\d-\d\d/\d{6}_(\w+)_[a-z2-7]{8}\.md\n`)

// published returns a report whose links to others lead to what was published of them, by their alerts; others become text.
func published(text string, names map[string]string) string {
	for _, m := range otherReport.FindAllStringSubmatch(text, -1) {
		if name := names[m[2]]; name != "" {
			text = strings.Replace(text, m[0], "["+m[1]+"]: "+name+".md\n", 1)
			continue
		}
		text = strings.Replace(text, m[0], "", 1)
		text = regexp.MustCompile(`\[([^\[\]]*)\]\[`+m[1]+`\]`).ReplaceAllString(text, "$1")
	}
	return text
}

// publish writes the report and its charts as dir/name.md and dir/name, with a line that says what it is; names are those of the
// other reports by their alerts.
func (r machineReport) publish(dir, name, what string, names map[string]string) error {
	charts := filepath.Join(dir, name)
	if err := os.RemoveAll(charts); err != nil {
		return err
	}
	from := strings.TrimSuffix(r.path, ".md")
	if err := os.CopyFS(charts, os.DirFS(from)); err != nil {
		return err
	}
	label := fmt.Sprintf("\n---\n\n> From a real machine: %s, for %s, watched by Debian's node and process exporters every %s. No model was asked: "+
		"this is what evidence alone says. Made by `make real OUT=docs/example/real`.\n\n", what, model.Duration(*realLasts), model.Duration(realScrape))
	text := strings.Replace(r.text, "\n---\n\n", label, 1)
	text = published(strings.ReplaceAll(text, "("+filepath.Base(from)+"/", "("+name+"/"), names)
	return os.WriteFile(filepath.Join(dir, name+".md"), []byte(text), 0o644) //nolint:gosec // a document
}

// firstLook waits until an alert's incident fires with evidence in its report. ok is false when the time is over before.
func (m *machine) firstLook(t *testing.T, alert string, over <-chan time.Time) (r machineReport, ok bool) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var list struct{ Incidents []struct{ ID string } }
		m.get(t, "/api/v1/incidents?status=firing&alertname="+alert, &list)
		if len(list.Incidents) > 0 {
			var inc machineReport
			m.get(t, "/api/v1/incidents/"+list.Incidents[0].ID, &inc)
			if len(inc.Evidence) > 0 && inc.FileRevision > 0 {
				return m.read(t, inc.ID), true
			}
		}
		select {
		case <-over:
			return r, false
		case <-tick.C:
		}
	}
}

// read returns a report whose file shows what is known.
func (m *machine) read(t *testing.T, id string) (r machineReport) {
	t.Helper()
	require.Eventually(t, func() bool {
		r = machineReport{}
		m.get(t, "/api/v1/incidents/"+id, &r)
		r.path = filepath.Join(m.dir, filepath.FromSlash(r.ReportPath))
		text, err := os.ReadFile(r.path)
		r.text = string(text)
		return err == nil && len(r.Evidence) > 0 && r.FileRevision == r.Revision
	}, soon, 100*time.Millisecond, "the report of %s", id)
	return r
}

func (m *machine) get(t *testing.T, path string, into any) {
	t.Helper()
	status, text := get(t, m.app.url+path)
	require.Equal(t, http.StatusOK, status, text)
	require.NoError(t, json.Unmarshal([]byte(text), into))
}

// TestNamesInReports: names count where somebody looks for them, and nowhere else.
func TestNamesInReports(t *testing.T) {
	r := machineReport{
		text: "---\ndevice=vdz\n---\n\n# Busy\n\nNow 90 % on `device=vda`.\n\n## Evidence\n\n### E1: Alerts\n\n`mode=user`\n\n" +
			"### E2: Change by label\n\ncpu=\"3\"\n\n### E3: What else changed\n\n`groupname=thumbnailer`\n",
		Evidence: []incident.Evidence{
			{ID: "E1", Kind: incident.KindAlert}, {ID: "E2", Kind: incident.KindDrilldown}, {ID: "E3", Kind: incident.KindSuspects},
		},
	}
	for _, tc := range []struct {
		name name
		want []string
	}{
		{must("device", "vda"), []string{"head"}},
		{must("device", "vd"), nil},
		{must("device", "vdz"), nil},
		{must("mode", "user"), nil},
		{must("cpu", "3"), []string{"drilldown E2"}},
		{may("groupname", "thumbnailer"), []string{"suspects E3"}},
		{may("groupname", "thumb"), nil},
	} {
		assert.Equal(t, tc.want, tc.name.in(r), tc.name.expr)
	}
	assert.True(t, strings.HasPrefix(r.screen(), "# Busy\n"))
}

// TestPublishedReport: a report that is published keeps its charts, and says what it is.
func TestPublishedReport(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	r := machineReport{path: filepath.Join(from, "1200-busy.md"), text: "---\nid: x\n---\n\n# Busy\n\n![chart](1200-busy/E2.svg)\n\n[Full][l1] and [Slow][l2]\n\n" +
		"[l1]: ../2026-11-26/022938_Full_swzquyxs.md\n[l2]: ../2026-11-26/022938_Slow_bzehwuo3.md\n[l3]: http://prometheus:9090\n"}
	require.NoError(t, os.MkdirAll(filepath.Join(from, "1200-busy"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, "1200-busy", "E2.svg"), []byte("<svg/>"), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(to, "cpu"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(to, "cpu", "E9.svg"), nil, 0o644))
	require.NoError(t, r.publish(to, "cpu", "work on all processors", map[string]string{"Full": "memory"}))
	text, err := os.ReadFile(filepath.Join(to, "cpu.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "(cpu/E2.svg)")
	assert.True(t, bytes.HasSuffix(text, []byte("\n\n[Full][l1] and Slow\n\n[l1]: memory.md\n[l3]: http://prometheus:9090\n")), "%s", text)
	assert.True(t, bytes.Contains(text, []byte("> From a real machine: work on all processors, for 2m, watched by Debian's node and process exporters every 5s.")))
	assert.FileExists(t, filepath.Join(to, "cpu", "E2.svg"))
	assert.NoFileExists(t, filepath.Join(to, "cpu", "E9.svg"), "charts of an earlier run are gone")
}
