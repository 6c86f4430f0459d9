package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/text"
)

// notifyTestCommand declares the command that tests channels and returns what it does.
func (c *cli) notifyTestCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	name := cmd.Arg("channel", "Name of a channel. (default: all)").String()
	return func(ctx context.Context) error { return c.notifyTest(ctx, *name) }
}

var errNotDelivered = errors.New("not every channel took its test message")

// notifyTest sends a test message to one channel, or to all, and says what became of each. It needs no running service.
func (c *cli) notifyTest(ctx context.Context, only string) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	var names []string
	for _, ready := range cfg.Notify.ready {
		names = append(names, ready.Name)
	}
	switch {
	case len(names) == 0:
		return fmt.Errorf("%w: there is no channel; set notify.channels or %s", errBadInput, envChannel)
	case only != "" && !slices.Contains(names, only):
		return fmt.Errorf("%w: %q is no channel; there are %s", errBadInput, only, strings.Join(names, ", "))
	case only != "":
		names = []string{only}
	}
	link := messageLink(c.externalURL, cfg.Web.ListenAddress, c.prefix())
	n, err := newNotifier(cfg, nil, link, redacted(cfg, c.quietLogger()), nil)
	if err != nil {
		return err
	}
	failed := false
	for _, name := range names {
		if err := n.SendTest(ctx, name); err != nil {
			failed = true
			fmt.Fprintf(c.stdout, "%s: failed: %s\n", name, text.OneLine(err.Error()))
			continue
		}
		fmt.Fprintf(c.stdout, "%s: delivered\n", name)
	}
	if failed {
		return errNotDelivered
	}
	return nil
}
