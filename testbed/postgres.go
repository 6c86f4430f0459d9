package testbed

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ErrNoPostgres says that there is no PostgreSQL on this machine, and how to get it: unlike the other servers it can't be built by go.
var ErrNoPostgres = errors.New("no PostgreSQL on PATH or in /usr/lib/postgresql: install it, as with apt-get install postgresql")

// FindPostgres returns the folder of PostgreSQL's programs: that of initdb on PATH, or the newest of Debian's packages.
func FindPostgres() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // the other programs are where it is, not where it is linked
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNoPostgres
	}
	newest := slices.MaxFunc(found, func(a, b string) int {
		if len(a) != len(b) { // 9 is older than 15
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return filepath.Dir(newest), nil
}

// PostgresConfig is how a PostgreSQL runs; the zero value is good.
type PostgresConfig struct {
	Settings map[string]string // as in postgresql.conf; fsync stays on
}

// dbUser owns all databases.
const dbUser = "alertscribe"

// Postgres is a PostgreSQL with a folder of its own. It may be stopped and started again.
type Postgres struct {
	bin, dir, port, password string

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// StartPostgres makes a database cluster in a temporary folder and runs it, as a user without privileges, until Close. It keeps
// its data over Stop and Start.
func StartPostgres(ctx context.Context, bin string, c PostgresConfig) (*Postgres, error) {
	dir, err := os.MkdirTemp("", "alertscribe-postgres-")
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	p := &Postgres{bin: bin, dir: dir, password: rand.Text()}
	if err := p.initialize(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), os.RemoveAll(dir))
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) initialize(ctx context.Context, c PostgresConfig) error {
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(p.password), 0o600); err != nil {
		return err
	}
	for _, path := range []string{p.dir, secret} {
		if err := giveAway(path); err != nil {
			return err
		}
	}
	if err := p.command(ctx, "initdb", "-D", p.data(), "-U", dbUser, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--pwfile="+secret); err != nil {
		return err
	}
	settings := map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "64MB", "max_connections": "100",
		"autovacuum_naptime": "10s",
	}
	maps.Copy(settings, c.Settings)
	return p.configure(ctx, settings)
}

// command runs one of PostgreSQL's programs as the user that the server runs as.
func (p *Postgres) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "PGPASSWORD="+p.password)
	unprivileged(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, tail(out, 20))
	}
	return nil
}

// configure chooses a port and appends settings to the configuration, where the last one of a name counts.
func (p *Postgres) configure(ctx context.Context, settings map[string]string) error {
	addr, err := FreeAddress(ctx)
	if err != nil {
		return err
	}
	_, p.port, err = net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	var conf bytes.Buffer
	fmt.Fprintf(&conf, "port = %s\n", p.port)
	for name, value := range settings {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	f, err := os.OpenFile(filepath.Join(p.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(conf.Bytes())
	return errors.Join(err, f.Close())
}

// Address returns the host and port that the server listens on.
func (p *Postgres) Address() string { return net.JoinHostPort("127.0.0.1", p.port) }

// URL returns the address of a database, with user and password.
func (p *Postgres) URL(database string) string { return p.URLAt(database, p.Address()) }

// URLAt is URL for addresses that lead to this server or to its replicas, in the order in which they are to be tried.
func (p *Postgres) URLAt(database string, addresses ...string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(dbUser, p.password), Host: strings.Join(addresses, ","), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// StartReplica copies the server and runs the copy, which follows it by streaming replication, until Close. Its settings are those
// of the server but for those of c; Promote makes it a primary.
func (p *Postgres) StartReplica(ctx context.Context, c PostgresConfig) (*Postgres, error) {
	dir, err := os.MkdirTemp("", "alertscribe-postgres-")
	if err != nil {
		return nil, fmt.Errorf("starting a replica: %w", err)
	}
	r := &Postgres{bin: p.bin, dir: dir, password: p.password}
	err = giveAway(dir)
	if err == nil {
		err = r.command(ctx, "pg_basebackup", "-h", "127.0.0.1", "-p", p.port, "-U", dbUser, "-D", r.data(), "-X", "stream", "-c", "fast", "-R")
	}
	if err == nil {
		err = r.configure(ctx, c.Settings)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a replica: %w", err), os.RemoveAll(dir))
	}
	if err := r.Start(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Promote makes a replica a primary, and returns when it takes writes.
func (p *Postgres) Promote(ctx context.Context) error {
	if err := p.command(ctx, "pg_ctl", "promote", "-w", "-D", p.data()); err != nil {
		return fmt.Errorf("promoting a replica: %w", err)
	}
	return nil
}

// Ended reports whether the server has ended by itself, or was stopped.
func (p *Postgres) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Start runs the server, and returns when it takes connections. A thread of its own waits for it, see Server.
func (p *Postgres) Start(ctx context.Context) error {
	out, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	cmd := exec.Command(filepath.Join(p.bin, "postgres"), "-D", p.data()) //nolint:noctx // it outlives the context of its start
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, out, out
	dieWithParent(cmd)
	unprivileged(cmd)
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says why it ended
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	p.cmd, p.done = cmd, done
	return p.waitReady(ctx)
}

func (p *Postgres) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
		case <-p.done:
			return fmt.Errorf("PostgreSQL ended at once:\n%s", p.Tail(20))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("PostgreSQL was not ready in time: %w\n%s", ctx.Err(), p.Tail(20)), p.Kill())
		}
		ask := exec.CommandContext(ctx, filepath.Join(p.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", p.port)
		if ask.Run() == nil {
			return nil
		}
	}
}

// Stop ends the server as its operator would, with an end to all sessions, and waits for it. It may be called again.
func (p *Postgres) Stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended already
	select {
	case <-p.done:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("PostgreSQL did not stop within %s", stopWithin), p.Kill())
	}
}

// Kill ends all of its processes without any chance to clean up, as a crash of the machine would, and waits for it.
func (p *Postgres) Kill() error {
	err := p.signal(kill)
	<-p.done
	return err
}

// Pause stops all of its processes where they are; Resume lets them go on.
func (p *Postgres) Pause() error { return p.signal(pause) }

// Resume undoes Pause.
func (p *Postgres) Resume() error { return p.signal(resume) }

// Close ends the server and removes its folder.
func (p *Postgres) Close() error {
	var err error
	if p.cmd != nil {
		err = p.Kill() // nobody reads its data anymore
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// Tail returns the last lines of the log.
func (p *Postgres) Tail(lines int) string {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return tail(text, lines)
}
