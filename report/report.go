package report

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// Options are the settings of a Writer. The zero value of each has a default.
type Options struct {
	Dir         string            // where reports go, "reports" when empty; created when it is missing
	Language    incident.Language // default English
	ExternalURL string            // where people reach our own pages, for links back; none when empty
	Servers     Servers           // where people reach the servers that alerts come from
	TimeZone    *time.Location    // of the times in reports, default UTC
	Version     string            // ours, for the footer
	Now         func() time.Time  // time.Now when nil
	// Owner says that no other process writes into the directory: then all temporary files in it are a dead writer's.
	Owner bool
}

// Servers are the roots of pages that links lead to; "" for the address that an alert itself brings.
type Servers struct {
	Alertmanager    string // its public URL
	Prometheus      string // its public URL
	PrometheusAsked string // where we query it ourselves: for alerts whose Prometheus does not know its own host
	// PrometheusOf returns both for the Prometheus of an alert, where there are several; nil where there is one.
	PrometheusOf func(a incident.Alert) (public, asked string)
	// Others are further servers of the settings. A link to a host that none of these names says which it is.
	Others []string
}

// Writer renders reports and puts them on disk. It is safe for concurrent use.
type Writer struct {
	dir, site, version string
	servers            Servers
	zone               *time.Location
	messages           *messages
	now                func() time.Time
	seed               maphash.Seed
	locks              [64]sync.Mutex // by the hash of the path: one writer at a time for each report
	syncs              dirSyncs
}

// New returns a Writer. It creates the directory (0700) and removes the temporary files that a killed writer left in
// it (for one that is not the owner: those older than an hour); an error says which setting to change.
func New(o Options) (*Writer, error) {
	language := cmp.Or(o.Language, incident.English)
	if err := language.Validate(); err != nil {
		return nil, err
	}
	w := &Writer{
		dir: cmp.Or(o.Dir, "reports"), site: strings.TrimRight(o.ExternalURL, "/"), version: o.Version,
		servers: o.Servers, zone: cmp.Or(o.TimeZone, time.UTC), messages: messagesFor(language), now: o.Now, seed: maphash.MakeSeed(),
	}
	if w.now == nil {
		w.now = time.Now
	}
	root, err := w.open()
	if err != nil {
		return nil, err
	}
	age := tempAge
	if o.Owner {
		age = 0
	}
	w.sweep(root.FS(), root, age)
	if err := root.Close(); err != nil {
		return nil, fmt.Errorf("closing the report directory: %w", err)
	}
	return w, nil
}

// Path returns where the report of an incident lies: the directory as it was given, and the file.
func (w *Writer) Path(inc *incident.Incident) string {
	if w.dir == "/" {
		return w.dir + inc.ReportPath
	}
	return strings.TrimRight(w.dir, "/") + "/" + inc.ReportPath
}

func (w *Writer) lock(path string) *sync.Mutex {
	return &w.locks[maphash.String(w.seed, path)%uint64(len(w.locks))]
}
