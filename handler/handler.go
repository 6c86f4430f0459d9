package handler

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alertscribe/alertscribe/incident"
)

type (
	accepter interface {
		// Accept makes a notification durable before it returns nil.
		Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
	}
	reader interface {
		Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error)
		List(ctx context.Context, q incident.Query) (incident.List, error)
		// Newest returns the id of the incident that was opened last: ErrNotFound for none.
		Newest(ctx context.Context, q incident.Query) (string, error)
		// FindID returns the id that begins so: ErrNotFound for none, ErrAmbiguous for several.
		FindID(ctx context.Context, prefix string) (string, error)
	}
	feed interface {
		// Subscribe returns a channel of what is committed from now on, which is closed when ctx ends.
		Subscribe(ctx context.Context) <-chan incident.Change
	}
	checker interface {
		Ping(ctx context.Context) error
		Queue(ctx context.Context) (incident.Queue, error)
	}
	updater interface {
		// Update makes a change of an incident durable before it returns nil; apply may run more than once.
		Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error
	}
	ledger interface {
		Costs(ctx context.Context, since time.Time) ([]incident.Costs, error)
		Used(ctx context.Context) (incident.BudgetUsage, error)
	}
	store interface {
		accepter
		reader
		feed
		checker
		updater
		ledger
	}
	renderer interface {
		Markdown(inc *incident.Incident, f incident.Findings, chartBase string) []byte
		HTML(markdown []byte) ([]byte, error)
		Chart(f incident.Findings, file string) (svg []byte, ok bool)
		// Plot returns the values of a chart and where they are drawn, as JSON.
		Plot(f incident.Findings, file string) (data []byte, ok bool)
	}
	directory interface {
		Path(inc *incident.Incident) string
		Check() error
	}
	analyzer interface {
		Status() string
		// Answers returns how many answers of the model could be read since the start, and how many could not.
		Answers() (read, unreadable int64)
	}
	silencer interface {
		// Silence makes a silence in Alertmanager and returns its ID.
		Silence(ctx context.Context, s incident.Silence) (id string, err error)
	}
)

// Options are the parts and settings of the handler. Store, Report, Directory and Analyzer are required; the remaining
// fields have the defaults that they name, or else their zero value is good.
type Options struct {
	Store     store     // required
	Report    renderer  // required
	Directory directory // required: where the report files lie
	Analyzer  analyzer  // required

	Silencer        silencer // Alertmanager's API, for the pages' silences; nil: pages lead to Alertmanager's own form
	AlertmanagerURL string   // of Alertmanager's pages, for links; "" for the address that notifications name

	ReportDir    string            // as given in the settings, for /health
	Token        string            // the bearer token that POST demands; "" for none
	MaxBodyBytes int64             // of a notification; default 4 MiB
	MaxAlerts    int               // of a notification; default 10,000
	RoutePrefix  string            // all routes are under it: "" or "/alertscribe"
	LinkPrefix   string            // links begin with it: the path of the external URL; default RoutePrefix
	Language     incident.Language // of the pages; default English
	Policy       *incident.Policy  // default incident.DefaultPolicy
	TimeZone     *time.Location    // of the pages' times; default UTC
	Version      string            // ours, for the pages
	Limits       incident.Limits   // of model calls, to show beside what is used
	// Servers returns the state of prometheus or alertmanager for /health: ready, failing: why, or not configured; nil for the last.
	Servers func(name string) string

	Channels func() map[string]string // how each is, for /health; nil for none

	Stopping <-chan struct{} // closed when the service stops: then ?wait= waits no longer; nil for never

	Gatherer   prometheus.Gatherer   // behind /metrics; default prometheus.DefaultGatherer
	Registerer prometheus.Registerer // of our own metrics; nil for none
	Logger     *slog.Logger          // default silent
	Now        func() time.Time      // default time.Now
}

// missing names the required options that are not set.
func (o *Options) missing() []string {
	var names []string
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"Store", o.Store != nil}, {"Report", o.Report != nil}, {"Directory", o.Directory != nil}, {"Analyzer", o.Analyzer != nil},
	} {
		if !part.set {
			names = append(names, part.name)
		}
	}
	return names
}

type handler struct {
	Options

	tokenSum    [sha256.Size]byte
	crossOrigin *http.CrossOriginProtection
	metrics     *metrics
	router      chi.Router
	templates   map[string]*template.Template // by the name of their file
	assets      assets
	words       *words
	turns       *turns
	severities  []string      // what incidents can have, highest first
	dirChecks   chan struct{} // holds one token: one check of the report directory at a time
	streams     chan struct{} // holds a token for each stream of events
}

// New returns the handler of all routes, which is safe for concurrent use. The error names all required options that are
// not set.
func New(o Options) (http.Handler, error) {
	if missing := o.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("handler.Options: set %s", strings.Join(missing, ", "))
	}
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 4<<20)
	o.MaxAlerts = cmp.Or(o.MaxAlerts, 10_000)
	o.RoutePrefix = strings.TrimRight(o.RoutePrefix, "/")
	o.LinkPrefix = strings.TrimRight(cmp.Or(o.LinkPrefix, o.RoutePrefix), "/")
	if o.Servers == nil {
		o.Servers = func(string) string { return "not configured" }
	}
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	o.Policy = cmp.Or(o.Policy, incident.DefaultPolicy())
	severities := slices.Clone(o.Policy.Severities)
	if !slices.Contains(severities, "warning") { // what an unknown severity counts as
		severities = append(severities, "warning")
	}
	if o.Gatherer == nil {
		o.Gatherer = prometheus.DefaultGatherer
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &handler{
		Options: o, tokenSum: sha256.Sum256([]byte(o.Token)), crossOrigin: http.NewCrossOriginProtection(), metrics: newMetrics(o.Registerer),
		router: chi.NewRouter(), words: catalogue(o.Language), assets: loadAssets(), dirChecks: make(chan struct{}, 1), streams: make(chan struct{}, maxStreams),
		turns: newTurns(o.MaxBodyBytes, int64(o.MaxAlerts)), severities: severities,
	}
	h.templates = h.parseTemplates()
	h.routes()
	return secure(h.stripPrefix(h.router)), nil
}

const gzipLevel = 5

func (h *handler) routes() {
	r := h.router
	r.Use(h.observe, h.recoverPanics, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errNoRoute) })
	r.MethodNotAllowed(h.methodNotAllowed)

	r.Post("/alert", h.alert)
	r.Post("/alert/", h.alert) // not a redirect: Alertmanager would follow it with a GET

	r.Get("/health", h.health)
	r.Get("/-/healthy", h.healthy)
	r.Get("/-/ready", h.ready)
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(h.Gatherer, promhttp.HandlerOpts{}))

	r.Get("/api/v1/events", h.events)
	r.Post("/api/v1/incidents/{id}/feedback", h.feedback)
	r.Post("/api/v1/incidents/{id}/analyze", h.analyzeAgain)
	r.Post("/reports/{id}/feedback", h.actPage(actFeedback, h.giveFeedback))
	r.Post("/reports/{id}/analyze", h.actPage(actAnalyze, h.askAnalysis))
	r.Post("/reports/{id}/silence", h.actPage(actSilence, h.makeSilence))
	r.Post("/reports/{id}/session", h.actPage(actSignIn, nil))

	r.Group(func(r chi.Router) {
		r.Use(middleware.Compress(gzipLevel, "text/html", "text/css", "text/javascript", "text/markdown", "image/svg+xml", "application/json"))
		r.Get("/api/v1/incidents", h.api(h.listIncidents))
		r.Get("/api/v1/incidents/{id}", h.api(h.getIncident))
		r.Get("/api/v1/costs", h.api(h.listCosts))
		r.Get("/", h.page(h.reportsPage))
		r.Get("/reports", h.page(h.reportsPage))
		r.Get("/reports/", h.page(h.reportsPage))
		r.Get("/go", h.page(h.goPage))
		r.Get("/reports/{id}", h.page(h.reportPage))
		r.Get("/reports/{id}/", h.page(h.reportPage))
		r.Get("/reports/{id}.md", h.page(h.reportMarkdown))
		r.Get("/reports/{id}/{file}", h.page(h.reportChart))
		r.Get("/static/{file}", h.static)
	})
}

// link returns the address of a path of ours, as people reach it.
func (h *handler) link(path string) string { return h.LinkPrefix + path }

func (h *handler) reportURL(id string) string { return h.link("/reports/" + id) }
