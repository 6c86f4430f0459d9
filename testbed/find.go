package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// PreferEnv names the environment variable that chooses where programs come from: "path" (the default) takes what
// PATH has and builds the rest, "built" always builds.
const PreferEnv = "ALERTSCRIBE_TESTBED_PREFER"

// Tool is a program of the test bed. The set is closed.
type Tool string

// The tools, by the names of their own projects.
const (
	Prometheus   Tool = "prometheus"
	Promtool     Tool = "promtool"
	Alertmanager Tool = "alertmanager"
	Amtool       Tool = "amtool"
)

// Binaries holds the paths of the programs; those that were not asked for are empty.
type Binaries struct {
	Prometheus, Promtool, Alertmanager, Amtool string
}

// Find returns the paths of the tools, by default of Prometheus and Alertmanager. What isn't on PATH is built, which
// takes minutes the first time: progress (nil for none) is told what is done, and for how long. Any number of
// processes may call it at once; one builds, the others wait.
func Find(ctx context.Context, progress io.Writer, tools ...Tool) (Binaries, error) {
	if progress == nil {
		progress = io.Discard
	}
	if len(tools) == 0 {
		tools = []Tool{Prometheus, Alertmanager}
	}
	prefer := os.Getenv(PreferEnv)
	if prefer != "" && prefer != "path" && prefer != "built" {
		return Binaries{}, fmt.Errorf("%s is %q: it must be path or built", PreferEnv, prefer)
	}
	var found Binaries
	for _, tool := range tools {
		path, err := find(ctx, progress, tool, prefer)
		if err != nil {
			return Binaries{}, err
		}
		if err := found.set(tool, path); err != nil {
			return Binaries{}, err
		}
	}
	return found, nil
}

func find(ctx context.Context, progress io.Writer, tool Tool, prefer string) (string, error) {
	if prefer != "built" {
		if path := onPath(ctx, tool); path != "" {
			return path, nil
		}
	}
	b, err := newBuilder(progress)
	if err != nil {
		return "", err
	}
	return b.build(ctx, tool)
}

func (b *Binaries) set(tool Tool, path string) error {
	switch tool {
	case Prometheus:
		b.Prometheus = path
	case Promtool:
		b.Promtool = path
	case Alertmanager:
		b.Alertmanager = path
	case Amtool:
		b.Amtool = path
	default:
		return fmt.Errorf("unknown tool %q", tool)
	}
	return nil
}

// onPath returns the tool's path, or nothing when PATH doesn't have it.
func onPath(ctx context.Context, tool Tool) string {
	names := []string{string(tool)}
	if tool == Alertmanager {
		names = append(names, "prometheus-alertmanager") // as Debian and Ubuntu call it
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err == nil && isTool(ctx, path, tool) == nil {
			return path
		}
	}
	return ""
}

// isTool asks the program for its version: other programs carry these names too.
func isTool(ctx context.Context, path string, tool Tool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("asking %s for its version: %w", path, err)
	}
	if !strings.HasPrefix(string(out), string(tool)+", version") {
		return errors.New(path + " is another program")
	}
	return nil
}
