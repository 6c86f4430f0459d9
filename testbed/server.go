package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	readyWithin = 60 * time.Second // a loaded machine, a long WAL
	stopWithin  = 15 * time.Second
	tries       = 10 // to find a free port
)

var errPortTaken = errors.New("the port is taken")

// Server is a running Prometheus, Alertmanager, or exporter.
type Server struct {
	// URL is the root of its HTTP interface, Addr its host:port.
	URL, Addr string

	tool string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // of the process; to be read after done
}

// A config writes its files into a directory and returns the command line for a server at addr.
type config interface {
	write(dir, addr string) ([]string, error)
}

// StartPrometheus starts a Prometheus that keeps its files in dir, and returns when it is ready. It ends with ctx.
// An error carries the end of the server's log.
func StartPrometheus(ctx context.Context, bins Binaries, dir string, c PrometheusConfig) (*Server, error) {
	return start(ctx, program{Prometheus, bins.Prometheus, dir, c.Listen, "Server is ready to receive web requests", "/-/ready"}, c)
}

// StartAlertmanager starts an Alertmanager that keeps its files in dir, and returns when it is ready. It ends with
// ctx. An error carries the end of the server's log.
func StartAlertmanager(ctx context.Context, bins Binaries, dir string, c AlertmanagerConfig) (*Server, error) {
	return start(ctx, program{Alertmanager, bins.Alertmanager, dir, c.Listen, "Listening on", "/-/ready"}, c)
}

// A program is what start has to know of a server.
type program struct {
	tool   Tool
	path   string
	dir    string
	listen string
	marker string // in its log, once it listens
	ready  string // path that answers 200 once it is ready
}

func start(ctx context.Context, p program, c config) (*Server, error) {
	if p.path == "" {
		return nil, fmt.Errorf("starting %s: its path is not known, see Find", p.tool)
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.tool, err)
	}
	for try := 1; ; try++ {
		s, err := p.run(ctx, c)
		if errors.Is(err, errPortTaken) && p.listen == "" && try < tries {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("starting %s: %w", p.tool, err)
		}
		return s, nil
	}
}

func (p program) run(ctx context.Context, c config) (*Server, error) {
	addr := p.listen
	if addr == "" {
		var err error
		if addr, err = FreeAddress(ctx); err != nil {
			return nil, err
		}
	}
	args, err := c.write(p.dir, addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		URL: "http://" + addr, Addr: addr, tool: string(p.tool),
		log: filepath.Join(p.dir, string(p.tool)+".log"), done: make(chan struct{}),
	}
	if err := s.exec(ctx, p.path, args); err != nil {
		return nil, err
	}
	if err := s.waitReady(ctx, p); err != nil {
		_ = s.Kill()
		return nil, err
	}
	return s, nil
}

// givenPorts are those that FreeAddress has given to somebody of this process.
var givenPorts sync.Map

// FreeAddress returns an address of 127.0.0.1 that is free, and gives it to nobody else of this process. Its port is below those that
// systems give to clients: nobody's outgoing connection can take it between now and the server's start, or while the server is
// started again, as happens with ports from a listener on :0.
func FreeAddress(ctx context.Context) (string, error) {
	var err error
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			err = errors.New("this process was given all that were tried")
			continue
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("finding a free port: %w", err)
}

// exec starts the process. A thread of its own starts it and waits for it, because the kernel ties the life of the
// child to that thread and not to the whole process.
func (s *Server) exec(ctx context.Context, path string, args []string) error {
	return s.execEnv(ctx, path, args, nil)
}

// execEnv is exec with an environment; nil is our own.
func (s *Server) execEnv(ctx context.Context, path string, args, env []string) error {
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.cmd = exec.CommandContext(ctx, path, args...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Env = out, out, env
	s.cmd.Cancel = func() error { return terminate(s.cmd.Process) }
	s.cmd.WaitDelay = stopWithin
	dieWithParent(s.cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		defer out.Close()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.err = s.cmd.Wait()
		}
	}()
	return <-started
}

// waitReady returns when the server answers and its own log says that it listens: an answer alone might be that of
// another server that was quicker to take the port.
func (s *Server) waitReady(ctx context.Context, p program) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
		case <-s.done:
			return s.whyEnded()
		case <-ctx.Done():
			return fmt.Errorf("it was not ready in time: %w\n%s", ctx.Err(), s.Tail(20))
		}
		if strings.Contains(s.Logs(), p.marker) && s.isReady(ctx, client, p.ready) {
			return nil
		}
	}
}

func (s *Server) isReady(ctx context.Context, client *http.Client, path string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *Server) whyEnded() error {
	text := s.Tail(20)
	if strings.Contains(text, "address already in use") {
		return fmt.Errorf("%w: %s", errPortTaken, s.Addr)
	}
	return fmt.Errorf("it ended at once: %w\n%s", errors.Join(s.err), text)
}

// Stop ends the server as its operator would and waits for it. It may be called again.
func (s *Server) Stop() error {
	_ = terminate(s.cmd.Process) // it may have ended already
	select {
	case <-s.done:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("%s did not stop within %s", s.tool, stopWithin), s.Kill())
	}
}

// Kill ends the server without any chance to clean up, and waits for it. It may be called again.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	<-s.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Done is closed when the process has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Logs returns all that the server has logged since it was started.
func (s *Server) Logs() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Tail returns the last lines of the log.
func (s *Server) Tail(lines int) string { return tail([]byte(s.Logs()), lines) }

func tail(text []byte, lines int) string {
	text = bytes.TrimRight(text, "\n")
	at := len(text)
	for range lines {
		if at = bytes.LastIndexByte(text[:at], '\n'); at < 0 {
			return string(text)
		}
	}
	return string(text[at+1:])
}
