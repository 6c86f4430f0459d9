package testbed

import (
	"context"
	"path/filepath"
)

// StartExporter starts a program that Prometheus scrapes and that is built on Prometheus' exporter-toolkit, as
// node_exporter is. It keeps its log in dir, is started with what args returns for a free address of 127.0.0.1, and is
// ready when /metrics answers. It ends with ctx. An error carries the end of its log.
func StartExporter(ctx context.Context, path, dir string, args func(addr string) []string) (*Server, error) {
	p := program{tool: Tool(filepath.Base(path)), path: path, dir: dir, marker: "Listening on", ready: "/metrics"}
	return start(ctx, p, commandLine(args))
}

// commandLine is the config of a program that has no files.
type commandLine func(addr string) []string

func (c commandLine) write(_, addr string) ([]string, error) { return c(addr), nil }
