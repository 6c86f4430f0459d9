//go:build unix

package report

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestModes: reports hold what alerts say, so that others on the machine can't read them, whatever the umask is; what an
// administrator has opened to a group stays open.
func TestModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		t.Run(fmt.Sprintf("umask %03o", umask), func(t *testing.T) {
			before := syscall.Umask(umask)
			defer syscall.Umask(before)
			w := newWriter(t, "en")
			inc, f := complete()
			for range 2 { // created, then replaced
				require.NoError(t, w.Write(t.Context(), inc, f))
				for name, mode := range tree(t, w.dir) {
					want := fs.FileMode(0o600)
					if mode.IsDir() {
						want = 0o700
					}
					assert.Equal(t, want, mode.Perm(), name)
				}
			}
		})
	}
	t.Run("an opened directory", func(t *testing.T) {
		w := newWriter(t, "en")
		inc, f := complete()
		day := filepath.Dir(w.Path(inc))
		require.NoError(t, os.Mkdir(day, 0o700))
		for _, dir := range []string{w.dir, day} {
			require.NoError(t, os.Chmod(dir, 0o750))
		}
		require.NoError(t, w.Write(t.Context(), inc, f))
		modes := tree(t, w.dir)
		assert.Equal(t, fs.FileMode(0o750), modes["."].Perm())
		assert.Equal(t, fs.FileMode(0o750), modes["2026-11-20"].Perm())
	})
}

// TestWritersSideBySide: two writers on one directory, as of two processes, write the reports of many incidents; each ends whole, and
// nothing is left over.
func TestWritersSideBySide(t *testing.T) {
	one := newWriter(t, "en")
	other, err := New(Options{Dir: one.dir, ExternalURL: one.site, Version: "1.0.0", Now: one.now, Servers: one.servers})
	require.NoError(t, err)
	_, f := complete()
	f.Evidence[1].Chart.Series = []incident.Series{minutes(1, 2, 3)}
	var incidents []*incident.Incident
	for i := range 6 {
		inc, _ := complete()
		inc.ID = id26(byte('a' + i))
		inc.ReportPath = fmt.Sprintf("2026-11-%02d/083005_X_%s.md", 20+i%2, inc.ID[:8])
		incidents = append(incidents, inc)
		require.NoError(t, one.Write(t.Context(), inc, f))
	}
	var wg sync.WaitGroup
	for _, w := range []*Writer{one, other, one, other} {
		wg.Go(func() {
			for n := range 30 {
				if err := w.Write(t.Context(), incidents[n%len(incidents)], f); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, inc := range incidents {
		got, err := os.ReadFile(one.Path(inc))
		require.NoError(t, err)
		base := strings.TrimSuffix(filepath.Base(inc.ReportPath), ".md")
		assert.Equal(t, string(one.Markdown(inc, f, base)), string(got))
	}
	assert.Len(t, tree(t, one.dir), 1+2+3*len(incidents), "two days, and for each incident a report, a folder and a chart")
}

// TestFirstWriterWins: of two writers that create one file at once, one has it, and the other learns that it is not its own.
func TestFirstWriterWins(t *testing.T) {
	w := newWriter(t, "en")
	root, err := w.open()
	require.NoError(t, err)
	defer root.Close()
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = create(root, "x.md", fmt.Append(nil, i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil {
			assert.Equal(t, -1, winner, "only one")
			winner = i
			continue
		}
		require.ErrorIs(t, err, ErrForeign)
	}
	got, err := os.ReadFile(filepath.Join(w.dir, "x.md"))
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(winner), string(got))
	assert.Len(t, tree(t, w.dir), 2, "no temporary file is left")
}

// TestKilledWriter kills a process that writes a report again and again, at any moment: the report and its chart are whole, and the
// next owner of the directory removes what lay about, and writes on.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("ALERTSCRIBE_TEST_KILLED_WRITER"); dir != "" {
		writeForEver(t, dir)
		return
	}
	dir := t.TempDir()
	inc, f := complete()
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "ALERTSCRIBE_TEST_KILLED_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = io.ReadFull(out, make([]byte, 1+3*round)) // a byte for each report, so that it is at another one
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()

		w, err := New(Options{Dir: dir, Now: func() time.Time { return written }, Owner: true})
		require.NoError(t, err)
		for name := range tree(t, dir) {
			assert.NotContains(t, name, ".tmp-", "round %d", round)
		}
		got, err := os.ReadFile(w.Path(inc))
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(string(got), "\n"), "round %d", round)
		assert.Equal(t, inc.ID, reportID(got))
		if svg, err := os.ReadFile(strings.TrimSuffix(w.Path(inc), ".md") + "/E2.svg"); err == nil {
			assertSVG(t, svg)
		}
		require.NoError(t, w.Write(t.Context(), inc, f))
		assert.Len(t, tree(t, dir), 5)
	}
}

func writeForEver(t *testing.T, dir string) {
	w, err := New(Options{Dir: dir, Now: func() time.Time { return written }})
	require.NoError(t, err)
	inc, long := complete()
	for n := 0; ; n++ {
		require.NoError(t, w.Write(t.Context(), inc, []incident.Findings{long, {}}[n%2]))
		fmt.Print(".")
	}
}

// TestLeftovers: what is not ours in the directory of a report stays, and does not stop it from being written.
func TestLeftovers(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, f))
	charts := strings.TrimSuffix(w.Path(inc), ".md")
	for _, name := range []string{"notes.txt", "E2.png", "E02.svg", "e2.svg", ".E9.svg.swp", "E99999.svg"} {
		require.NoError(t, os.WriteFile(filepath.Join(charts, name), []byte("mine"), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(charts, "E7.svg"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(charts, "E8.svg"), []byte("an old one of ours"), 0o600))
	before := tree(t, w.dir)
	require.NoError(t, w.Write(t.Context(), inc, f))
	after := tree(t, w.dir)
	for name := range before {
		_, there := after[name]
		assert.Equal(t, filepath.Base(name) != "E8.svg", there, name)
	}
}

// TestUnchangedChartsAreNotWritten: a report that is rewritten each minute does not wear a disk out by its charts.
func TestUnchangedChartsAreNotWritten(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, f))
	chart := strings.TrimSuffix(w.Path(inc), ".md") + "/E2.svg"
	first, err := os.Stat(chart)
	require.NoError(t, err)
	require.NoError(t, w.Write(t.Context(), inc, f))
	second, err := os.Stat(chart)
	require.NoError(t, err)
	assert.True(t, os.SameFile(first, second))
	f.Evidence[1].Title = "Another"
	require.NoError(t, w.Write(t.Context(), inc, f))
	third, err := os.Stat(chart)
	require.NoError(t, err)
	assert.False(t, os.SameFile(first, third))
}

// TestReportID reads the id at the head of whatever lies where a report should.
func TestReportID(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "---\n": "", "---\nid: a\n---\n": "a", "---\nid: a\nx: [\n---\n": "", "---\nx: 1\n---\n": "", "# x\n---\nid: a\n---\n": "", "---\nid: a\n": "",
		"---\nid: a\n---\nid: b\n---\n": "a", "---\nid: [a]\n---\n": "", "---\r\nid: a\r\n---\r\n": "", "---\nid: 12\n---\n": "12", "\ufeff---\nid: a\n---\n": "",
	} {
		assert.Equal(t, want, reportID([]byte(in)), "%q", in)
	}
}
