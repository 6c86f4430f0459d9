package report

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// ErrForeign says that a file which is not the incident's report stands where the report belongs. It is left alone.
var ErrForeign = errors.New("another file is in its place")

// Temporary files lie beside what they will replace. One that is older than tempAge belongs to no living writer.
const tempAge = time.Hour

var (
	tempName  = regexp.MustCompile(`^\..+\.tmp-[A-Z2-7]{26}$`)
	dayName   = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	chartName = regexp.MustCompile(`^E[1-9][0-9]{0,3}\.svg$`)
)

// Write puts the report on disk at inc.ReportPath: first its charts, then the Markdown, each whole or not at all, and
// last removes charts that it does not show any more. What was there before stays whole when it fails. It may be run
// again at any time, but never overwrites a file that is not this incident's report: see [ErrForeign].
func (w *Writer) Write(ctx context.Context, inc *incident.Incident, f incident.Findings) error {
	if err := w.write(ctx, inc, f); err != nil {
		return fmt.Errorf("writing report %s: %w", w.Path(inc), err)
	}
	return nil
}

func (w *Writer) write(ctx context.Context, inc *incident.Incident, f incident.Findings) error {
	name := inc.ReportPath
	charts := strings.TrimSuffix(name, ".md")
	if !filepath.IsLocal(name) || path.Clean(name) != name || charts == name || path.Base(name) == ".md" {
		return fmt.Errorf("%q is not a report path", name)
	}
	mu := w.lock(name)
	mu.Lock()
	defer mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := w.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := makeDir(root, path.Dir(name)); err != nil {
		return err
	}
	exists, err := isOurs(root, name, inc.ID)
	if err != nil {
		return err
	}
	shown, err := w.writeCharts(ctx, root, charts, f)
	if err != nil {
		return err
	}
	if err := w.writeMarkdown(root, name, exists, inc, f); err != nil {
		return err
	}
	return removeStale(root, charts, shown)
}

// writeCharts writes the charts that changed and returns the names of all that the report shows.
func (w *Writer) writeCharts(ctx context.Context, root *os.Root, dir string, f incident.Findings) ([]string, error) {
	var shown []string
	for _, e := range f.Evidence {
		file, ok := chartFile(e)
		if !ok || slices.Contains(shown, file) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(shown) == 0 {
			if err := makeDir(root, dir); err != nil {
				return nil, err
			}
		}
		shown = append(shown, file)
		svg, _ := w.Chart(f, file)
		name := path.Join(dir, file)
		if old, err := root.ReadFile(name); err == nil && bytes.Equal(old, svg) {
			continue
		}
		if err := replace(root, name, svg); err != nil {
			return nil, err
		}
	}
	if len(shown) == 0 {
		return nil, nil
	}
	return shown, syncDir(root, dir)
}

func (w *Writer) writeMarkdown(root *os.Root, name string, exists bool, inc *incident.Incident, f incident.Findings) error {
	text := w.Markdown(inc, f, strings.TrimSuffix(path.Base(name), ".md"))
	put := create
	if exists {
		put = replace
	}
	if err := put(root, name, text); err != nil {
		return err
	}
	return w.syncs.sync(root, path.Dir(name))
}

// Check reports whether reports can be written, by writing and removing a small file in the report directory, and in the
// folder of today where that exists: something else may stand in its place, or it may be somebody else's.
func (w *Writer) Check() error {
	root, err := w.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := probe(root, "."); err != nil {
		return w.hint(err)
	}
	day := w.now().UTC().Format(time.DateOnly)
	info, err := root.Lstat(day)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s: %w: not a directory", day, ErrForeign)
	case err == nil:
		err = probe(root, day)
	}
	if err != nil {
		return fmt.Errorf("writing into today's folder: %w (move it away, or give it to this user)", err)
	}
	return nil
}

// probe writes and removes a small file.
func probe(root *os.Root, dir string) error {
	name := path.Join(dir, tempFor("probe"))
	if err := writeNew(root, name, []byte("probe\n")); err != nil {
		return err
	}
	return root.Remove(name)
}

// open opens the report directory, anew each time: it may have been mounted or recreated since.
func (w *Writer) open() (*os.Root, error) {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, w.hint(err)
	}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return nil, w.hint(err)
	}
	return root, nil
}

func (w *Writer) hint(err error) error {
	return fmt.Errorf("using the report directory: %w (set REPORT_DIR to a directory this user can write)", err)
}

// isOurs reports whether the file exists and carries the incident's id; ErrForeign when it is anything else.
func isOurs(root *os.Root, name, id string) (bool, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: not a regular file", ErrForeign)
	}
	file, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, 8<<10))
	if err != nil {
		return false, err
	}
	if id == "" || reportID(head) != id {
		return false, fmt.Errorf("%w: its front matter does not carry id %s", ErrForeign, id)
	}
	return true, nil
}

// makeDir creates a directory and its parents, durably, and refuses anything else in its place: following a link there
// would mix the files of two reports.
func makeDir(root *os.Root, dir string) error {
	parent := "."
	for part := range strings.SplitSeq(dir, "/") {
		at := path.Join(parent, part)
		err := root.Mkdir(at, 0o700)
		switch {
		case err == nil:
			if err := syncDir(root, parent); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrExist):
			return err
		}
		if info, err := root.Lstat(at); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s: %w: not a directory", at, ErrForeign)
		}
		parent = at
	}
	return nil
}

// replace puts a file in place of what is there, whole or not at all.
func replace(root *os.Root, name string, data []byte) error {
	return put(root, name, data, root.Rename)
}

// create is replace for a file that must not exist yet. Where the file system knows no hard links, all that is left is
// that the caller has looked.
func create(root *os.Root, name string, data []byte) error {
	return put(root, name, data, func(temp, name string) error {
		err := root.Link(temp, name)
		switch {
		case err == nil:
			return root.Remove(temp)
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%w: created while writing the report", ErrForeign)
		}
		return root.Rename(temp, name)
	})
}

func put(root *os.Root, name string, data []byte, move func(temp, name string) error) error {
	temp := path.Join(path.Dir(name), tempFor(path.Base(name)))
	err := writeNew(root, temp, data)
	if err == nil {
		err = move(temp, name)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(root.Remove(temp)))
	}
	return nil
}

func tempFor(base string) string { return "." + base + ".tmp-" + rand.Text() }

// writeNew writes a new file and has it on disk when it returns nil; otherwise no file is left.
func writeNew(root *os.Root, name string, data []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeStale removes charts that the report does not show any more, and the folder when none is left. Other files in
// it are not ours to remove.
func removeStale(root *os.Root, dir string, shown []string) error {
	info, err := root.Lstat(dir)
	if err != nil || !info.IsDir() {
		return ignoreMissing(err)
	}
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && chartName.MatchString(e.Name()) && !slices.Contains(shown, e.Name()) {
			if err := ignoreMissing(root.Remove(path.Join(dir, e.Name()))); err != nil {
				return err
			}
		}
	}
	if len(shown) == 0 {
		_ = root.Remove(dir) // fails, rightly, while something else lies there
	}
	return nil
}

// sweep removes temporary files that a killed writer left, by their name and age. Links are never followed, and what
// cannot be removed stays: it does no harm.
func (w *Writer) sweep(files fs.FS, root *os.Root, age time.Duration) {
	before := w.now().Add(-age)
	_ = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		depth := strings.Count(name, "/")
		switch {
		case err != nil || e.IsDir() && (depth > 1 || depth == 0 && name != "." && !dayName.MatchString(name)):
			return fs.SkipDir
		case !e.Type().IsRegular() || !tempName.MatchString(e.Name()):
			return nil
		}
		if info, err := e.Info(); err == nil && (age == 0 || info.ModTime().Before(before)) {
			_ = root.Remove(name)
		}
		return nil
	})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
