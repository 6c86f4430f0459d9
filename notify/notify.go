package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/redact"
)

type (
	reader interface {
		// Peek returns an incident without its findings, which nobody may change.
		Peek(ctx context.Context, id string) (*incident.Incident, error)
		Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error)
		// ToTell lists incidents that may have to be told: firing, opened after a time, or with an open delivery.
		ToTell(ctx context.Context, since time.Time) ([]string, error)
		// Busy reports whether notifications are being accepted.
		Busy() bool
	}
	feed interface {
		// Subscribe returns a channel of what is committed from now on, which is closed when ctx ends.
		Subscribe(ctx context.Context) <-chan incident.Change
	}
	deliveries interface {
		EnterChannels(ctx context.Context, names []string) (since map[string]time.Time, err error)
		Deliveries(ctx context.Context, incidentID string) ([]incident.Delivery, error)
		KeptDeliveries(ctx context.Context, channel string) ([]incident.Delivery, error)
		SaveDeliveries(ctx context.Context, d ...incident.Delivery) error
	}
	// Store is what the state of channels is kept in.
	Store interface {
		reader
		feed
		deliveries
	}
)

// Channel is a destination and what it is told of.
type Channel struct {
	Name        string
	Sender      channel.Channel
	Events      []channel.Event   // default analyzed and resolved
	MinSeverity string            // "" for all
	Match       labels.Matchers   // all have to match one alert of the incident; empty for all
	Language    incident.Language // "" for that of Options
}

// DefaultEvents are those of a channel that names none.
func DefaultEvents() []channel.Event { return []channel.Event{channel.Analyzed, channel.Resolved} }

// Options of a Notifier.
type Options struct {
	Store    Store     // required by Run
	Channels []Channel // by unique names
	// Priority lists names: in each list a channel is tried when those before it fail. Empty: each channel is a list of its own.
	Priority [][]string
	// Lead does a duty that one of many copies may do at a time, with a context that ends when another one has it; default: at once.
	Lead     func(ctx context.Context, duty string, do func(ctx context.Context))
	Link     func(incidentID string) string // the report's address; required
	Redactor *redact.Redactor               // of what leaves the machine; default the built-in rules
	Policy   *incident.Policy               // for the order of severities; default incident.DefaultPolicy
	Language incident.Language              // default English
	// Patience is how long a message waits for the analysis, default 10 minutes; Expiry how long a message is tried, default
	// 24 hours; SendTimeout bounds an attempt, default 10 s.
	Patience, Expiry, SendTimeout time.Duration

	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default time.Now
}

func (o *Options) setDefaults() error {
	if o.Link == nil {
		return errors.New("notify.Options: set Link")
	}
	if o.Redactor == nil {
		r, err := redact.New(nil)
		if err != nil {
			return err
		}
		o.Redactor = r
	}
	if o.Policy == nil {
		o.Policy = incident.DefaultPolicy()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Language = cmp.Or(o.Language, incident.English)
	o.Patience = cmp.Or(o.Patience, 10*time.Minute)
	o.Expiry = cmp.Or(o.Expiry, 24*time.Hour)
	o.SendTimeout = cmp.Or(o.SendTimeout, 10*time.Second)
	return nil
}

// Notifier tells channels what happens to incidents.
type Notifier struct {
	opts    Options
	metrics *metrics
	states  map[string]*state // by the name of the channel
	lists   []*list
	since   map[string]time.Time
}

// New makes a Notifier. The error names what is wrong with the priority lists.
func New(o Options) (*Notifier, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if errs := CheckPriority(names(o.Channels), o.Priority); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	n := &Notifier{opts: o, metrics: newMetrics(o.Registerer), states: map[string]*state{}}
	for _, c := range o.Channels {
		if len(c.Events) == 0 {
			c.Events = DefaultEvents()
		}
		c.Language = cmp.Or(c.Language, o.Language)
		n.states[c.Name] = newState(c, n.metrics)
	}
	priority := o.Priority
	if len(priority) == 0 {
		for _, c := range o.Channels {
			priority = append(priority, []string{c.Name})
		}
	}
	for _, names := range priority {
		l := &list{n: n, queue: newQueue()}
		for _, name := range names {
			l.channels = append(l.channels, n.states[name])
		}
		n.lists = append(n.lists, l)
	}
	return n, nil
}

func names(channels []Channel) []string {
	var all []string
	for _, c := range channels {
		all = append(all, c.Name)
	}
	return all
}

// CheckPriority reports channels that are listed twice, not at all, or do not exist.
func CheckPriority(channels []string, priority [][]string) (errs []error) {
	listed := map[string]bool{}
	for i, list := range priority {
		if len(list) == 0 {
			errs = append(errs, fmt.Errorf("list %d is empty", i+1))
		}
		for _, name := range list {
			switch {
			case !slices.Contains(channels, name):
				errs = append(errs, fmt.Errorf("%q is no channel; there are %s", name, strings.Join(channels, ", ")))
			case listed[name]:
				errs = append(errs, fmt.Errorf("%q is listed twice", name))
			}
			listed[name] = true
		}
	}
	for _, name := range channels {
		if len(priority) > 0 && !listed[name] {
			errs = append(errs, fmt.Errorf("%q is in no list, so it would be told nothing; add it, or remove the channel", name))
			listed[name] = true // a name that is there twice is said once
		}
	}
	return errs
}

// Run tells channels until ctx ends; a message that is on its way by then is finished. It may be called once.
func (n *Notifier) Run(ctx context.Context) {
	if len(n.lists) == 0 {
		return
	}
	changes := n.opts.Store.Subscribe(ctx) // before the first look, so that nothing falls between
	if !n.enter(ctx) {
		return
	}
	var wg sync.WaitGroup
	for _, l := range n.lists {
		if n.opts.Lead == nil {
			wg.Go(func() { l.serve(ctx) })
		} else {
			wg.Go(func() { n.opts.Lead(ctx, "channels "+l.names(), l.lead) })
		}
	}
	n.follow(ctx, changes)
	wg.Wait()
}

// Enter records since when each channel is there: it is told of what opens from then on. It is to be called before
// notifications are accepted, or the first incident may open before its channel is there; else Run does it.
func (n *Notifier) Enter(ctx context.Context) error {
	if len(n.lists) == 0 {
		return nil
	}
	since, err := n.opts.Store.EnterChannels(ctx, names(n.opts.Channels))
	if err != nil {
		return fmt.Errorf("entering the channels: %w", err)
	}
	n.since = since
	return nil
}

// enter calls Enter until it succeeds, unless that was done already.
func (n *Notifier) enter(ctx context.Context) bool {
	for {
		if n.since != nil {
			return true
		}
		err := n.Enter(ctx)
		if err == nil {
			return true
		}
		n.opts.Logger.Error("Channels could not be entered, next try in 5s", "err", err)
		if !sleep(ctx, 5*time.Second) {
			return false
		}
	}
}

// lookEvery is how often all incidents are looked at, beside the feed of changes: what waits for time alone is in the queues.
const lookEvery = 5 * time.Minute

// gather is how long changes are gathered before they are looked at: those of one incident come in bursts.
const gather = 50 * time.Millisecond

// follow puts what has changed into the queues. It takes changes as fast as they come, so that the feed does not run over.
func (n *Notifier) follow(ctx context.Context, changes <-chan incident.Change) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var due <-chan time.Time
	changed, all := map[string]bool{}, false
	n.look(ctx)
	for {
		select {
		case c, open := <-changes:
			if !open {
				return
			}
			if c.Missed {
				all = true
			} else {
				changed[c.ID] = true
			}
			if due == nil {
				due = time.After(gather)
			}
		case <-due:
			if all {
				n.look(ctx)
			}
			for id := range changed {
				n.enqueue(ctx, id, n.lists...)
			}
			changed, all, due = map[string]bool{}, false, nil
		case <-ticker.C:
			n.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look puts all incidents into the queues that somebody may have to be told of.
func (n *Notifier) look(ctx context.Context) {
	n.lookFor(ctx, n.lists...)
}

// lookFor is look for some of the lists.
func (n *Notifier) lookFor(ctx context.Context, lists ...*list) {
	for {
		ids, err := n.opts.Store.ToTell(ctx, n.opts.Now().Add(-n.opts.Expiry))
		if err == nil {
			for _, id := range ids {
				n.enqueue(ctx, id, lists...)
			}
			return
		}
		if ctx.Err() != nil {
			return
		}
		n.opts.Logger.Error("Incidents could not be listed for the channels, next try in 1s", "err", err)
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

// enqueue has lists look at an incident, the most severe first; those that another copy serves look when they are ours.
func (n *Notifier) enqueue(ctx context.Context, id string, lists ...*list) {
	if n.opts.Lead != nil {
		lists = slices.DeleteFunc(slices.Clone(lists), func(l *list) bool { return !l.leading.Load() })
	}
	if len(lists) == 0 {
		return
	}
	inc, err := n.opts.Store.Peek(ctx, id)
	if err != nil {
		if !errors.Is(err, incident.ErrNotFound) && ctx.Err() == nil {
			n.opts.Logger.Error("Incident could not be read for the channels, it is looked at again within 5m", "incident", id, "err", err)
		}
		return
	}
	for _, l := range lists {
		l.queue.put(item{id: id, rank: n.opts.Policy.Rank(inc.Severity), opened: inc.OpenedAt})
	}
}

// Health returns how each channel is: "ok", or what went wrong last.
func (n *Notifier) Health() map[string]string {
	health := make(map[string]string, len(n.states))
	for name, s := range n.states {
		health[name] = s.health()
	}
	return health
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
