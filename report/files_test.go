package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// tree lists the files below a directory, with their modes.
func tree(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	files := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		files[name] = info.Mode()
		return nil
	}))
	return files
}

func TestWrite(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, incident.Findings{}))
	require.NoError(t, w.Write(t.Context(), inc, f))
	assert.Equal(t, map[string]fs.FileMode{
		".":          fs.ModeDir | 0o700,
		"2026-11-20": fs.ModeDir | 0o700,
		"2026-11-20/083005_HighLoginFailureRate_3kd8a2bc":        fs.ModeDir | 0o700,
		"2026-11-20/083005_HighLoginFailureRate_3kd8a2bc/E2.svg": 0o600,
		"2026-11-20/083005_HighLoginFailureRate_3kd8a2bc.md":     0o600,
	}, tree(t, w.dir))
	got, err := os.ReadFile(w.Path(inc))
	require.NoError(t, err)
	assert.Equal(t, string(w.Markdown(inc, f, "083005_HighLoginFailureRate_3kd8a2bc")), string(got))
	assert.Contains(t, string(got), "](083005_HighLoginFailureRate_3kd8a2bc/E2.svg)")
}

func TestPathIsTheDirectoryAsGiven(t *testing.T) {
	for dir, want := range map[string]string{"./reports": "./reports/d/x.md", "reports/": "reports/d/x.md", "/": "/d/x.md"} {
		assert.Equal(t, want, (&Writer{dir: dir}).Path(&incident.Incident{ReportPath: "d/x.md"}))
	}
}

func TestWriteRemovesStaleCharts(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, f))
	charts := strings.TrimSuffix(w.Path(inc), ".md")
	require.NoError(t, os.WriteFile(filepath.Join(charts, "notes.txt"), []byte("mine"), 0o600))
	f.Evidence[1].ID = "E7"
	require.NoError(t, w.Write(t.Context(), inc, f))
	assert.FileExists(t, filepath.Join(charts, "E7.svg"))
	assert.NoFileExists(t, filepath.Join(charts, "E2.svg"))
	require.NoError(t, w.Write(t.Context(), inc, incident.Findings{}))
	assert.NoFileExists(t, filepath.Join(charts, "E7.svg"))
	assert.FileExists(t, filepath.Join(charts, "notes.txt"))
	require.NoError(t, os.Remove(filepath.Join(charts, "notes.txt")))
	require.NoError(t, w.Write(t.Context(), inc, incident.Findings{}))
	assert.NoDirExists(t, charts)
}

// A reader never sees half a report, however often it is rewritten by however many.
func TestReadersSeeWholeFiles(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // the same without waiting for a disk
	}
	w := newWriter(t, "en")
	inc, long := complete()
	long.Evidence[1].Chart.Series = []incident.Series{sparse("x", time.Minute, 1, 2, 3)}
	short := incident.Findings{Evidence: long.Evidence[:2]}
	require.NoError(t, w.Write(t.Context(), inc, long))
	want := map[string]bool{}
	for _, f := range []incident.Findings{long, short} {
		want[string(w.Markdown(inc, f, "083005_HighLoginFailureRate_3kd8a2bc"))] = true
	}
	ctx, stop := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				got, err := os.ReadFile(w.Path(inc))
				if err != nil || !want[string(got)] {
					t.Errorf("a report of %d bytes: %v", len(got), err)
					return
				}
				svg, err := os.ReadFile(strings.TrimSuffix(w.Path(inc), ".md") + "/E2.svg")
				if err != nil || !bytes.HasSuffix(svg, []byte("</svg>\n")) {
					t.Errorf("a chart of %d bytes: %v", len(svg), err)
					return
				}
			}
		})
	}
	for i := range 4 {
		writers.Go(func() {
			for n := range 250 {
				if err := w.Write(t.Context(), inc, []incident.Findings{long, short}[(i+n)%2]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	assert.Len(t, tree(t, w.dir), 5, "no temporary file is left")
}

func TestWriteRefusesForeignFiles(t *testing.T) {
	foreign := map[string]string{
		"notes":    "# my notes\n",
		"empty":    "",
		"other id": "---\nid: another\n---\n\n# x\n",
		"no yaml":  "---\n: : :\n---\n",
	}
	for name, content := range foreign {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, "en")
			inc, f := complete()
			require.NoError(t, os.MkdirAll(filepath.Dir(w.Path(inc)), 0o700))
			require.NoError(t, os.WriteFile(w.Path(inc), []byte(content), 0o600))
			require.ErrorIs(t, w.Write(t.Context(), inc, f), ErrForeign)
			got, err := os.ReadFile(w.Path(inc))
			require.NoError(t, err)
			assert.Equal(t, content, string(got))
			assert.Len(t, tree(t, w.dir), 3, "no chart either")
		})
	}
	t.Run("appears in between", func(t *testing.T) {
		w := newWriter(t, "en")
		root, err := w.open()
		require.NoError(t, err)
		defer root.Close()
		require.NoError(t, root.WriteFile("x.md", []byte("mine"), 0o600))
		require.ErrorIs(t, create(root, "x.md", []byte("ours")), ErrForeign)
		assert.Len(t, tree(t, w.dir), 2)
	})
}

func TestWriteFollowsNoLinks(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	for name, plant := range map[string]func(t *testing.T, w *Writer, report string){
		"the day": func(t *testing.T, w *Writer, _ string) {
			require.NoError(t, os.Symlink(outside, filepath.Join(w.dir, "2026-11-20")))
		},
		"the day, to another day": func(t *testing.T, w *Writer, _ string) {
			require.NoError(t, os.Mkdir(filepath.Join(w.dir, "2026-11-19"), 0o700))
			require.NoError(t, os.Symlink("2026-11-19", filepath.Join(w.dir, "2026-11-20")))
		},
		"the report": func(t *testing.T, _ *Writer, report string) {
			require.NoError(t, os.MkdirAll(filepath.Dir(report), 0o700))
			require.NoError(t, os.Symlink(victim, report))
		},
		"the charts": func(t *testing.T, _ *Writer, report string) {
			require.NoError(t, os.MkdirAll(filepath.Dir(report), 0o700))
			require.NoError(t, os.Symlink(outside, strings.TrimSuffix(report, ".md")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(victim, []byte("---\nid: "+testID+"\n---\n"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "E9.svg"), []byte("x"), 0o600))
			w := newWriter(t, "en")
			inc, f := complete()
			plant(t, w, w.Path(inc))
			require.ErrorIs(t, w.Write(t.Context(), inc, f), ErrForeign)
			assert.Len(t, tree(t, outside), 3, "nothing was written or removed there")
			got, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.Equal(t, "---\nid: "+testID+"\n---\n", string(got))
		})
	}
	t.Run("a chart", func(t *testing.T) { // replaced, not followed
		w := newWriter(t, "en")
		inc, f := complete()
		charts := strings.TrimSuffix(w.Path(inc), ".md")
		require.NoError(t, os.MkdirAll(charts, 0o700))
		require.NoError(t, os.Symlink(victim, filepath.Join(charts, "E2.svg")))
		require.NoError(t, w.Write(t.Context(), inc, f))
		info, err := os.Lstat(filepath.Join(charts, "E2.svg"))
		require.NoError(t, err)
		assert.True(t, info.Mode().IsRegular())
	})
}

func TestWriteRefusesHostilePaths(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	for _, path := range []string{
		"../x.md", "/tmp/x.md", "a/../../x.md", "a/../x.md", "", ".md", "a/.md", "x", "a/x.md/", "a//x.md", strings.Repeat("x", 300) + ".md", "a\x00b.md",
	} {
		inc.ReportPath = path
		require.Error(t, w.Write(t.Context(), inc, f), path)
	}
	assert.Len(t, tree(t, w.dir), 1)
}

func TestWriteStopsWithItsContext(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, w.Write(ctx, inc, f), context.Canceled)
	assert.Len(t, tree(t, w.dir), 1)
}

func TestNewSweepsTemporaryFiles(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, f))
	outside := t.TempDir()
	old := written.Add(-2 * time.Hour)
	put := func(name string, at time.Time) string {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
		require.NoError(t, os.Chtimes(name, at, at))
		return name
	}
	temp := tempFor("x.md")
	swept := []string{
		put(filepath.Join(filepath.Dir(w.Path(inc)), temp), old),
		put(filepath.Join(strings.TrimSuffix(w.Path(inc), ".md"), temp), old),
		put(filepath.Join(w.dir, tempFor("probe")), old),
	}
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "notes"), 0o700))
	kept := []string{
		put(filepath.Join(w.dir, tempFor("young")), written),
		put(filepath.Join(w.dir, ".x.tmp-1"), old),
		put(filepath.Join(w.dir, "notes", temp), old),
		put(filepath.Join(outside, temp), old),
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(w.dir, "2026-11-21")))
	require.NoError(t, os.Symlink(kept[3], filepath.Join(w.dir, tempFor("link"))))
	_, err := New(Options{Dir: w.dir, Now: w.now})
	require.NoError(t, err)
	for _, name := range swept {
		assert.NoFileExists(t, name)
	}
	for _, name := range append(kept, w.Path(inc)) {
		assert.FileExists(t, name)
	}
}

func TestNewErrors(t *testing.T) {
	_, err := New(Options{Dir: t.TempDir(), Language: "fr"})
	require.ErrorContains(t, err, "REPORT_LANGUAGE")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = New(Options{Dir: file})
	require.ErrorContains(t, err, "REPORT_DIR")
}

func TestCheck(t *testing.T) {
	w := newWriter(t, "en")
	require.NoError(t, w.Check())
	assert.Len(t, tree(t, w.dir), 1, "the probe is removed")
	require.NoError(t, os.RemoveAll(w.dir))
	require.NoError(t, w.Check(), "a directory that was removed is created again")
	require.NoError(t, os.RemoveAll(w.dir))
	require.NoError(t, os.WriteFile(w.dir, nil, 0o600))
	require.ErrorContains(t, w.Check(), "REPORT_DIR")
}

// TestCheckOfToday: what keeps today's reports from being written is told, even where the report directory itself can be written.
func TestCheckOfToday(t *testing.T) {
	day := written.UTC().Format(time.DateOnly)
	for name, tc := range map[string]struct {
		place func(t *testing.T, at string) // puts something where the folder belongs
		want  string                        // "" for none
	}{
		"no folder yet":       {func(*testing.T, string) {}, ""},
		"a folder":            {func(t *testing.T, at string) { require.NoError(t, os.Mkdir(at, 0o700)) }, ""},
		"a file":              {func(t *testing.T, at string) { require.NoError(t, os.WriteFile(at, nil, 0o600)) }, day + ": another file is in its place: not a directory"},
		"a link to elsewhere": {func(t *testing.T, at string) { require.NoError(t, os.Symlink(t.TempDir(), at)) }, "not a directory"},
		"a link to a folder beside it": {func(t *testing.T, at string) {
			require.NoError(t, os.Mkdir(at+"-old", 0o700))
			require.NoError(t, os.Symlink(filepath.Base(at)+"-old", at))
		}, "not a directory"},
		"a full file system": {func(t *testing.T, at string) {
			require.NoError(t, os.Mkdir(at, 0o700))
			if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size=4k,nr_inodes=1"); err != nil {
				t.Skip("no small file system can be had here: ", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(at, 0) })
		}, "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, "en")
			tc.place(t, filepath.Join(w.dir, day))
			err := w.Check()
			if tc.want == "" {
				require.NoError(t, err)
				assert.NotContains(t, fmt.Sprint(tree(t, w.dir)), "probe", "the probe is removed")
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "today's folder")
			inc, f := complete()
			inc.ReportPath = day + "/" + filepath.Base(inc.ReportPath)
			require.Error(t, w.Write(t.Context(), inc, f), "it is as Check says")
		})
	}
}

// A directory that may not be written is an error, and the report in it stays as it was. Permissions do not bind root,
// so that the test runs itself again as another user.
func TestReadOnlyDirectory(t *testing.T) {
	dir := os.Getenv("ALERTSCRIBE_TEST_READ_ONLY")
	if dir == "" && os.Getuid() == 0 {
		runAsNobody(t)
		return
	}
	if dir == "" {
		dir = t.TempDir()
	}
	w, err := New(Options{Dir: filepath.Join(dir, "reports"), Now: func() time.Time { return written }})
	require.NoError(t, err)
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, f))
	before, err := os.ReadFile(w.Path(inc))
	require.NoError(t, err)
	for _, d := range []string{filepath.Dir(w.Path(inc)), w.dir} {
		require.NoError(t, os.Chmod(d, 0o500))
		t.Cleanup(func() { _ = os.Chmod(d, 0o700) })
	}
	inc.Severity = "warning"
	require.ErrorIs(t, w.Write(t.Context(), inc, f), fs.ErrPermission)
	require.ErrorIs(t, w.Check(), fs.ErrPermission)
	after, err := os.ReadFile(w.Path(inc))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

func runAsNobody(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	program := filepath.Join(dir, "report.test")
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestReadOnlyDirectory$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ALERTSCRIBE_TEST_READ_ONLY="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("another user cannot be had here: ", err)
	}
	require.NoError(t, err, string(out))
}

// A full disk is an error, and the report stays as it was.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("no small file system can be had here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	w, err := New(Options{Dir: dir, Now: func() time.Time { return written }})
	require.NoError(t, err)
	inc, f := complete()
	require.NoError(t, w.Write(t.Context(), inc, incident.Findings{}))
	before, err := os.ReadFile(w.Path(inc))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ballast"), nil, 0o600))
	ballast, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_WRONLY, 0o600)
	require.NoError(t, err)
	for err == nil {
		_, err = ballast.Write(make([]byte, 1024))
	}
	require.NoError(t, ballast.Close())
	require.ErrorIs(t, w.Write(t.Context(), inc, f), syscall.ENOSPC)
	require.ErrorIs(t, w.Check(), syscall.ENOSPC)
	after, err := os.ReadFile(w.Path(inc))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	for name := range tree(t, dir) {
		assert.NotContains(t, name, ".tmp-")
	}
}
