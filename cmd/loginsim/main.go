// Command loginsim is the demo's login service: metrics to scrape on one port, and on another the control of an attack.
//
//	loginsim --interval=1s
//	curl -X POST 'localhost:9092/attack?region=shenzhen&user_type=admin&duration=5m'
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"

	"github.com/alertscribe/alertscribe/cmd/loginsim/sim"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	app := kingpin.New("loginsim", "Simulated login service: counters for Prometheus to scrape and a control port to start an attack.")
	app.HelpFlag.Short('h')
	var config sim.Config
	app.Flag("web.listen-address", "Address of /metrics.").Default(":9091").StringVar(&config.MetricsAddr)
	app.Flag("control.listen-address", "Control address: POST /attack, POST /normal, GET /. Unauthenticated.").Default(":9092").StringVar(&config.ControlAddr)
	app.Flag("interval", "Time between two normal logins.").Default("3s").DurationVar(&config.Interval)
	app.Flag("seed", "Random seed for repeatable logins; 0 picks one.").Default("0").Uint64Var(&config.Seed)
	health := app.Flag("health", "Check the instance at the control address and exit 0 if healthy.").Bool()
	logConfig := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logConfig)
	if _, err := app.Parse(args); err != nil {
		fmt.Fprintf(stderr, "loginsim: %v, try --help\n", err)
		return 2
	}
	logger := promslog.New(logConfig)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *health {
		if err := askHealth(ctx, config.ControlAddr); err != nil {
			fmt.Fprintln(stderr, "loginsim:", err)
			return 1
		}
		return 0
	}
	service, err := sim.New(config, logger)
	if err == nil {
		err = service.Run(ctx)
	}
	if err != nil {
		logger.Error("Stopped", "err", err)
		return 1
	}
	return 0
}

// askHealth is the health check of a container that holds nothing but this program.
func askHealth(ctx context.Context, controlAddr string) error {
	host, port, err := net.SplitHostPort(controlAddr)
	if err != nil {
		return fmt.Errorf("--control.listen-address: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if host == "" {
		host = "127.0.0.1" // no name to look up, and a listener without a host has it
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/-/healthy", http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for the health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking for the health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health check: got %s", resp.Status)
	}
	return nil
}
