// Command alertscribe receives Alertmanager notifications, gathers evidence from Prometheus, has a language model
// explain it, and writes a Markdown report that the person on call can act on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/joho/godotenv"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"

	"github.com/alertscribe/alertscribe/text"
)

func main() {
	version.Version = ours()
	os.Exit(run())
}

// The exit codes besides 0.
const (
	exitFailure  = 1
	exitBadInput = 2
)

// errBadInput marks what the user can mend by giving other input: exit code 2.
var errBadInput = errors.New("bad input")

// cli holds what all commands share.
type cli struct {
	configFile      string
	listenAddress   string
	webConfigFile   string
	externalURL     string
	routePrefix     string
	enableLifecycle bool
	log             promslog.Config

	stdin          io.Reader
	stdout, stderr io.Writer
	environment    map[string]string // in place of the process' own and of .env, where it is not nil
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	app, commands := c.application()
	command, err := parse(app, os.Args[1:])
	if err != nil {
		fmt.Fprintf(c.stderr, "alertscribe: %s See alertscribe --help\n", text.Clean(err.Error()))
		return exitBadInput
	}
	err = commands[command](ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(c.stderr, "alertscribe: interrupted")
		return exitFailure
	}
	fmt.Fprintln(c.stderr, "alertscribe:", text.Clean(err.Error()))
	if errors.Is(err, errBadInput) {
		return exitBadInput
	}
	return exitFailure
}

// parse returns the command of a command line. Its error is a sentence, or a question.
func parse(app *kingpin.Application, args []string) (command string, err error) {
	if len(args) > 0 && args[0] == "help" {
		if unknown := unknownWord(app.Model(), args[1:]); unknown != "" { // kingpin ends the process
			return "", sentence(unknown)
		}
	}
	command, err = app.Parse(nameStdin(args))
	if err == nil {
		return command, nil
	}
	if unknown := unknownWord(app.Model(), args); unknown != "" {
		return "", sentence(unknown)
	}
	return "", sentence(err.Error())
}

func sentence(text string) error {
	if strings.HasSuffix(text, "?") {
		return errors.New(text)
	}
	return errors.New(text + ".")
}

// stdinArg stands for the argument "-", whose text kingpin loses.
const stdinArg = "\x00stdin"

func nameStdin(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "-" {
			args[i] = stdinArg
		}
	}
	return args
}

// application declares flags and commands; the map holds what each command does.
func (c *cli) application() (*kingpin.Application, map[string]func(context.Context) error) {
	app := kingpin.New("alertscribe", "Turns Alertmanager alerts into reports with Prometheus evidence and likely causes from a model.")
	app.HelpFlag.Short('h')
	app.Version(version.Print("alertscribe"))
	app.UsageWriter(c.stdout)
	app.Flag("config.file", "Path of the configuration file (YAML). Everything has a default.").StringVar(&c.configFile)
	app.Flag("web.listen-address", "Address to listen on. (default :5008)").StringVar(&c.listenAddress)
	app.Flag("web.config.file", "Path to the Prometheus web config file for TLS or basic auth.").StringVar(&c.webConfigFile)
	app.Flag("web.external-url", "External URL of alertscribe, for links; its path becomes the route prefix.").StringVar(&c.externalURL)
	app.Flag("web.route-prefix", "Prefix of the internal routes. (default: the path of --web.external-url)").StringVar(&c.routePrefix)
	app.Flag("web.enable-lifecycle", "Enable shutdown and reload by HTTP request: /-/quit, /-/reload.").BoolVar(&c.enableLifecycle)
	promslogflag.AddFlags(app, &c.log)

	commands := map[string]func(context.Context) error{}
	add := func(name, help string) *kingpin.CmdClause { return app.Command(name, help) }
	commands[add("serve", "Receive notifications and write reports (the default command).").Default().FullCommand()] = c.serve

	for _, command := range []struct {
		name, help string
		run        func(context.Context, input) error
	}{
		{"analyze", "Write the report of one payload and print its path.", c.analyze},
		{"evidence", "Print one payload's evidence as JSON without a model call.", c.evidence},
		{"show-prompt", "Print the exact prompt for one payload without sending it.", c.showPrompt},
	} {
		clause, from := add(command.name, command.help), &input{}
		clause.Arg("file", "Alertmanager webhook body in JSON, - for standard input.").Required().StringVar(&from.file)
		clause.Flag("now", "Move the payload's times to the present, for samples: its newest start or end becomes a minute ago.").BoolVar(&from.now)
		commands[clause.FullCommand()] = func(ctx context.Context) error { return command.run(ctx, *from) }
	}

	demo := add("demo", "Watch a simulated attack become a report, with a real Prometheus and a real Alertmanager.")
	demoDir := demo.Flag("dir", "Folder for demo output. (default: a new temporary folder)").String()
	demoKeep := demo.Flag("keep", "Leave everything running after the report, until interrupted.").Bool()
	demoDetect := demo.Flag("detect", "Show detection instead: a drift that no threshold sees becomes an alert and a report.").Bool()
	commands[demo.FullCommand()] = func(ctx context.Context) error {
		if *demoDetect {
			return c.demoDetect(ctx, *demoDir, demoDrift)
		}
		return c.demo(ctx, *demoDir, *demoKeep)
	}

	check := add("check-config", "Check flags, environment, and configuration file; report all errors.")
	online := check.Flag("online", "Also ask Prometheus, Alertmanager, and the model's endpoint whether they answer.").Bool()
	commands[check.FullCommand()] = func(ctx context.Context) error { return c.checkConfig(ctx, *online) }
	commands[add("version", "Print the version.").FullCommand()] = func(context.Context) error {
		fmt.Fprintln(c.stdout, version.Print("alertscribe"))
		return nil
	}
	health := add("health", "Check a running alertscribe; exit 1 if it is unhealthy.")
	healthURL := health.Flag("url", "Root URL. (default: http:// at the listen address)").String()
	commands[health.FullCommand()] = func(ctx context.Context) error { return c.health(ctx, *healthURL) }
	costs := add("costs", "Show what a running alertscribe has spent on model calls.")
	commands[costs.FullCommand()] = c.costsCommand(costs)
	notifyTest := add("notify-test", "Send a test message to a notification channel, or to all.")
	commands[notifyTest.FullCommand()] = c.notifyTestCommand(notifyTest)
	feedback := add("feedback", "Confirm or correct an analysis in a running alertscribe, as a hint for the next similar one.")
	commands[feedback.FullCommand()] = c.feedbackCommand(feedback)
	reports := add("reports", "List the incidents of a running alertscribe, print the report of one, or follow changes.")
	commands[reports.FullCommand()] = c.reportsCommand(reports)
	backup := add("backup", "Copy the database to a file, while a service runs on it or not.")
	commands[backup.FullCommand()] = c.backupCommand(backup)
	restore := add("restore", "Put a backup where the settings have the database, which must not exist.")
	commands[restore.FullCommand()] = c.restoreCommand(restore)
	reanalyze := add("reanalyze", "Have a running alertscribe look at an incident again and analyze it again; the budget holds.")
	commands[reanalyze.FullCommand()] = c.reanalyzeCommand(reanalyze)
	judge := add("judge", "Ask the model once which metrics of a batch are unusual.")
	commands[judge.FullCommand()] = c.judgeCommand(judge)
	c.detectCommands(add("detect", "Check and try detection rules."), commands)
	return app, commands
}

// load returns the settings from flags, environment, .env and file, in this order of strength.
func (c *cli) load() (*config, error) {
	dotenv, err := c.environment, error(nil)
	own := os.LookupEnv
	if dotenv == nil {
		dotenv, err = readDotenv(".env")
	} else {
		own = func(string) (string, bool) { return "", false }
	}
	lookup := func(name string) (string, bool) {
		if v, ok := own(name); ok {
			return v, true
		}
		v, ok := dotenv[name]
		return v, ok
	}
	cfg, cfgErr := loadConfig(c.configFile, func(name string) string { v, _ := lookup(name); return v }, c.listenAddress)
	if err = errors.Join(
		err, errors.Join(misspeltInDotenv(dotenv)...), cfgErr, cfg.emptyToken(lookup), cfg.validateWeb(c.webConfigFile), c.validateExternalURL(),
	); err != nil {
		return nil, badConfig(err)
	}
	return cfg, nil
}

// emptyToken refuses a webhook token that is set and empty, as when what should have filled it in has failed: nobody means to be open
// that way. An empty key of the model is none, as in .env.example.
func (c *config) emptyToken(lookup func(string) (string, bool)) error {
	const name = "ALERTSCRIBE_WEBHOOK_TOKEN"
	if v, set := lookup(name); set && v == "" && c.Web.WebhookToken == "" {
		return blankVariable(name)
	}
	return nil
}

// badConfig says that the configuration is the fault.
func badConfig(err error) error {
	return fmt.Errorf("%w: invalid configuration:\n%w", errBadInput, err)
}

// readDotenv reads the variables of a file; none when there is no file. What is wrong with its content is not said: the
// parser quotes it, secrets included.
func readDotenv(file string) (map[string]string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	vars, err := godotenv.UnmarshalBytes(b)
	if err != nil {
		return nil, fmt.Errorf("%s: not NAME=value lines; quote values that contain spaces or quotes", file)
	}
	return vars, nil
}

func (c *cli) validateExternalURL() error {
	if c.externalURL == "" {
		return nil
	}
	if _, err := parseURL(c.externalURL); err != nil {
		return fmt.Errorf("--web.external-url: %w", err)
	}
	return nil
}

// prefix returns the prefix of all routes, without a trailing slash.
func (c *cli) prefix() string {
	p := c.routePrefix
	if p == "" {
		if u, err := url.Parse(c.externalURL); err == nil {
			p = u.Path
		}
	}
	return trimPrefixPath(p)
}

func (c *cli) logger() *slog.Logger {
	c.log.Writer = c.stderr
	return promslog.New(&c.log)
}

// quietLogger is for commands that tell a person what happens by other means: only what goes wrong is logged, unless
// --log.level=debug asks for all.
func (c *cli) quietLogger() *slog.Logger {
	if c.log.Level != nil && c.log.Level.String() == "info" {
		_ = c.log.Level.Set("error") // a level that it knows
	}
	return c.logger()
}

// ours is our version: what the release build has set, else what Go knows of the module.
func ours() string {
	if version.Version != "" {
		return version.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}
