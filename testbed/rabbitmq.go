package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoRabbitMQ says that RabbitMQ is not installed. It is not built: it needs Erlang.
var ErrNoRabbitMQ = errors.New("RabbitMQ is not installed; apt-get install rabbitmq-server")

// rabbitReadyWithin is long: Erlang starts for half a minute on a busy machine.
const rabbitReadyWithin = 3 * time.Minute

// RabbitMQ is a running RabbitMQ, whose URL is amqp://, with the epmd that it needs.
type RabbitMQ struct {
	*Server

	epmd *Server
	path string   // of its script
	env  []string // that it runs in
}

// findRabbitMQ returns the paths of the server's script, not that of Debian's wrapper, which changes the user, and of epmd.
func findRabbitMQ() (server, epmd string, err error) {
	server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if _, err := os.Stat(server); err != nil {
		if server, err = exec.LookPath("rabbitmq-server"); err != nil {
			return "", "", ErrNoRabbitMQ
		}
	}
	if epmd, err = exec.LookPath("epmd"); err != nil {
		return "", "", ErrNoRabbitMQ
	}
	return server, epmd, nil
}

// StartRabbitMQ starts a RabbitMQ that keeps its files in dir, and returns when it listens: on free ports of 127.0.0.1, with a node
// and an epmd of its own, so that it meets no other. It may run as any user. It ends with ctx. A second start in the same dir at the
// same listen address, "" for a free one, goes on with what is there. Settings in DIR/rabbitmq.conf count.
func StartRabbitMQ(ctx context.Context, dir, listen string) (*RabbitMQ, error) {
	server, epmd, err := findRabbitMQ()
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"home", "mnesia", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("starting RabbitMQ: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plugins"), []byte("[].\n"), 0o600); err != nil {
		return nil, fmt.Errorf("starting RabbitMQ: %w", err)
	}
	for try := 1; ; try++ {
		r, err := startRabbitMQ(ctx, dir, listen, server, epmd)
		if errors.Is(err, errPortTaken) && listen == "" && try < tries {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("starting RabbitMQ: %w", err)
		}
		return r, nil
	}
}

func startRabbitMQ(ctx context.Context, dir, listen, server, epmd string) (*RabbitMQ, error) {
	var ports [3]string
	for i := range ports {
		addr, err := FreeAddress(ctx)
		if err != nil {
			return nil, err
		}
		_, ports[i], _ = net.SplitHostPort(addr)
	}
	if listen != "" {
		_, ports[0], _ = net.SplitHostPort(listen)
	}
	addr := net.JoinHostPort("127.0.0.1", ports[0])
	r := &RabbitMQ{
		Server: &Server{URL: "amqp://guest:guest@" + addr + "/", Addr: addr, tool: "rabbitmq", log: filepath.Join(dir, "rabbitmq.log"), done: make(chan struct{})},
		epmd:   &Server{Addr: net.JoinHostPort("127.0.0.1", ports[2]), tool: "epmd", log: filepath.Join(dir, "epmd.log"), done: make(chan struct{})},
	}
	// In the foreground: what Erlang starts by itself becomes a daemon, which nobody would end.
	if err := r.epmd.exec(ctx, epmd, []string{"-port", ports[2], "-address", "127.0.0.1"}); err != nil {
		return nil, err
	}
	env := append(os.Environ(),
		"RABBITMQ_NODENAME=alertscribe"+ports[0]+"@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT="+ports[0],
		"RABBITMQ_DIST_PORT="+ports[1], "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+ports[2], "HOME="+filepath.Join(dir, "home"),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"),
		"RABBITMQ_PID_FILE="+filepath.Join(dir, "pid"), "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"),
		"RABBITMQ_CONF_ENV_FILE="+filepath.Join(dir, "none"), "RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq"),
		`RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}`,
		"RUNNING_UNDER_SYSTEMD=1", // the script then becomes the server, whose process is the one that we end
	)
	r.path, r.env = server, env
	if err := r.execEnv(ctx, server, nil, env); err != nil {
		return nil, errors.Join(err, r.epmd.Kill())
	}
	if err := r.waitListening(ctx); err != nil {
		return nil, errors.Join(err, r.Kill())
	}
	return r, nil
}

// waitListening returns when the server says that it has started, and listens.
func (r *RabbitMQ) waitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rabbitReadyWithin)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
		case <-r.done:
			return r.whyEnded()
		case <-ctx.Done():
			return fmt.Errorf("it was not ready in time: %w\n%s", ctx.Err(), r.Tail(20))
		}
		if !strings.Contains(r.Logs(), "completed with") {
			continue
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr)
		if err == nil {
			return conn.Close()
		}
	}
}

// Stop ends the server and its epmd. It may be called again.
func (r *RabbitMQ) Stop() error {
	return errors.Join(r.Server.Stop(), r.epmd.Kill())
}

// Kill ends both without any chance to clean up. It may be called again.
func (r *RabbitMQ) Kill() error { return errors.Join(r.Server.Kill(), r.epmd.Kill()) }

// Control runs rabbitmqctl on the server: "set_vm_memory_high_watermark", "0.4". The error has what it printed.
func (r *RabbitMQ) Control(ctx context.Context, args ...string) error {
	ctl := filepath.Join(filepath.Dir(r.path), "rabbitmqctl")
	cmd := exec.CommandContext(ctx, ctl, args...)
	cmd.Env = r.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rabbitmqctl %s: %w: %s", args[0], err, out)
	}
	return nil
}
