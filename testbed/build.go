package testbed

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// The module files fix every version that goes into a build. Each project has its own, since Prometheus would raise
// the version of Alertmanager. They carry other names because go:embed leaves out a directory that holds a go.mod.
//
//go:embed tools/*.mod tools/*.sum
var moduleFiles embed.FS

// A recipe says how a tool is built.
type recipe struct {
	module  string // name of the module files
	version string
	pkg     string
	tags    string
	takes   string // on two cores with nothing cached
}

var recipes = map[Tool]recipe{
	// All service discoveries but the built-in static one are left out: they are most of Prometheus' dependencies.
	Prometheus: {"prometheus", "3.15.0", "github.com/prometheus/prometheus/cmd/prometheus", "remove_all_sd", "4 to 9 minutes"},
	Promtool:   {"prometheus", "3.15.0", "github.com/prometheus/prometheus/cmd/promtool", "remove_all_sd", "4 to 9 minutes"},
	// Later versions embed a user interface that is not part of the Go module, and do not build from it.
	Alertmanager: {"alertmanager", "0.31.1", "github.com/prometheus/alertmanager/cmd/alertmanager", "", "1 to 3 minutes"},
	Amtool:       {"alertmanager", "0.31.1", "github.com/prometheus/alertmanager/cmd/amtool", "", "1 to 3 minutes"},
}

// A builder compiles tools into a cache directory.
type builder struct {
	dir      string
	progress io.Writer
	every    time.Duration                    // between two lines of progress
	compile  func(context.Context, job) error // what a test replaces
}

// A job is one run of the compiler.
type job struct {
	recipe
	tool     Tool
	dir      string // holds go.mod and go.sum
	out      string
	compiled func(pkg string) // is told each package that the compiler begins with; nil for none
}

func newBuilder(progress io.Writer) (builder, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return builder{}, fmt.Errorf("finding a cache directory for the test servers (set HOME or XDG_CACHE_HOME): %w", err)
	}
	dir := filepath.Join(cache, "alertscribe", "bin")
	return builder{dir: dir, progress: progress, every: 10 * time.Second, compile: goBuild}, nil
}

// build returns the path of the tool in the cache, and makes it first when it isn't there.
func (b builder) build(ctx context.Context, tool Tool) (string, error) {
	r, ok := recipes[tool]
	if !ok {
		return "", fmt.Errorf("unknown tool %q", tool)
	}
	out := filepath.Join(b.dir, string(tool)+"-"+r.version)
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	if isFile(out) {
		return out, nil
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return "", fmt.Errorf("making the cache of the test servers: %w", err)
	}
	done := b.report("waiting for another process that builds test servers", "", nil)
	// One lock for all: two compilations side by side would only take turns on the same cores.
	unlock, err := lockFile(ctx, filepath.Join(b.dir, ".lock"))
	done()
	if err != nil {
		return "", fmt.Errorf("waiting for the cache of the test servers: %w", err)
	}
	defer unlock()
	if isFile(out) {
		return out, nil
	}
	return out, b.make(ctx, job{recipe: r, tool: tool, out: out})
}

// make compiles beside the final name and renames, so that nobody ever runs half a program.
func (b builder) make(ctx context.Context, j job) error {
	tmp, err := os.MkdirTemp(b.dir, ".build-")
	if err != nil {
		return fmt.Errorf("making a build directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	for _, ext := range []string{"mod", "sum"} {
		text, err := moduleFiles.ReadFile("tools/" + j.module + "." + ext)
		if err != nil {
			return fmt.Errorf("reading the module files of %s: %w", j.tool, err)
		}
		if err := os.WriteFile(filepath.Join(tmp, "go."+ext), text, 0o600); err != nil {
			return fmt.Errorf("writing the module files of %s: %w", j.tool, err)
		}
	}
	what := fmt.Sprintf("building %s %s into %s", j.tool, j.version, b.dir)
	fmt.Fprintf(b.progress, "%s (%s, the first time only)\n", what, j.takes)
	var steps steps
	j.compiled = steps.add
	done := b.report(what, "still ", &steps)
	defer done()
	final := j.out
	j.dir, j.out = tmp, filepath.Join(tmp, filepath.Base(final))
	start := time.Now()
	if err := b.compile(ctx, j); err != nil {
		return err
	}
	if err := os.Rename(j.out, final); err != nil && !isFile(final) {
		return fmt.Errorf("storing %s: %w", j.tool, err)
	}
	fmt.Fprintf(b.progress, "built %s in %s\n", j.tool, time.Since(start).Round(time.Second))
	return nil
}

// steps are the packages that a compiler has begun with.
type steps struct {
	mu    sync.Mutex
	count int
	last  string
}

func (s *steps) add(pkg string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.last = pkg
}

// String says how far the compiler is; "" before it has begun, when modules are downloaded.
func (s *steps) String() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return ""
	}
	return fmt.Sprintf(", package %d: %s", s.count, s.last)
}

// report writes a line with the time elapsed and how far it got, again and again until the returned function is called.
func (b builder) report(what, prefix string, far *steps) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(b.every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				fmt.Fprintf(b.progress, "%s%s: %s%s\n", prefix, what, time.Since(start).Round(time.Second), far)
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// lines passes each line of what is written on, and keeps all of it.
type lines struct {
	all, line bytes.Buffer
	each      func(line string)
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.all.Write(p)
	l.line.Write(p)
	for {
		line, rest, ok := bytes.Cut(l.line.Bytes(), []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		if text := string(bytes.TrimSpace(line)); l.each != nil && text != "" && !strings.ContainsAny(text, " #:") { // a package, not a message
			l.each(text)
		}
		l.line = *bytes.NewBuffer(bytes.Clone(rest))
	}
}

func goBuild(ctx context.Context, j job) error {
	gobin, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("%s is not on PATH, and there is no go command to build it with: install %s "+
			"(Debian, Ubuntu: apt install prometheus prometheus-alertmanager; macOS: brew install prometheus alertmanager) "+
			"or Go (https://go.dev/dl)", j.tool, j.module)
	}
	const version = "github.com/prometheus/common/version.Version"
	cmd := exec.CommandContext(ctx, gobin, "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath",
		"-ldflags", "-s -w -X "+version+"="+j.version, "-tags", j.tags, "-o", j.out, j.pkg)
	cmd.Dir = j.dir
	// The caller's workspace and cross-compilation are no concern of a program that runs here.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	cmd.Cancel = func() error { return terminate(cmd.Process) } // go then ends its compilers and removes its files
	cmd.WaitDelay = 10 * time.Second
	output := &lines{each: j.compiled}
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("building %s: %w", j.tool, ctx.Err())
	}
	out := output.all.Bytes()
	if err != nil {
		return fmt.Errorf("building %s %s (is GOPROXY reachable? a %s on PATH would be used as it is): %w\n%s",
			j.tool, j.version, j.tool, err, tail(bytes.TrimSpace(out), 20))
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

var errNoLock = errors.New("the lock is held")

// lockFile takes the lock at path, waiting as long as ctx allows.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	retry := time.NewTicker(200 * time.Millisecond)
	defer retry.Stop()
	for {
		err := tryLock(f)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing releases it, as the death of the process does
		}
		if !errors.Is(err, errNoLock) {
			_ = f.Close()
			return nil, err
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		}
	}
}
