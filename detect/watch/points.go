package watch

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// Parts keeps what is known of the parts of sources. See package store for what its methods promise.
type Parts interface {
	LoadPart(ctx context.Context, p detect.Part) (seq, position int64, err error)
	EachSeries(ctx context.Context, p detect.Part, f func(detect.SavedSeries) error) error
	EachEntry(ctx context.Context, p detect.Part, f func(seq int64, entry []byte) error) error
	SavePart(ctx context.Context, p detect.Part, c detect.Commit) error
}

// Point is a value of a metric of a queue.
type Point struct {
	Metric model.Metric      // with its name; it is not changed, and several points can share it
	ID     model.Fingerprint // of Metric; 0 to have it worked out
	At     time.Time         // a millisecond is the smallest difference
	Value  float64
}

// What becomes of points, a closed set.
const (
	PointLearned   = "learned"
	PointLate      = "late"      // not newer than one before of its series: repeated, or out of order
	PointFuture    = "future"    // more than five minutes ahead of the clock
	PointUnmatched = "unmatched" // no rule takes it
	PointSplit     = "split"     // its series comes from another part, too
	PointDropped   = "dropped"   // all its rules have max_series series
)

// PointOutcomes returns what can become of points.
func PointOutcomes() []string {
	return []string{PointLearned, PointLate, PointFuture, PointUnmatched, PointSplit, PointDropped}
}

const (
	// maxAhead is how far ahead of the clock a point can be: one that is far ahead would make all that follow late.
	maxAhead = 5 * time.Minute
	// historyAfter is how old a point is that is learned and moves no alert.
	historyAfter = time.Hour
	// movedAfter is how much newer a point is than the newest of its series where that has moved to another part.
	movedAfter = time.Hour
	// toldEvery is how often a rule's alerts are told of that do not change.
	toldEvery = 15 * time.Second
)

// sourceRules are the rules of a source.
type sourceRules struct {
	byName map[string][]*sourceRule // of the metric
	all    []*sourceRule
}

// sourceRule is a rule that takes points.
type sourceRule struct {
	*watched
	group *group

	told sync.Mutex
	at   time.Time // when its alerts were last told of; told guards it
}

// origin is where the points of a series come from. Its rule's lock guards it.
type origin struct {
	stream   *Stream
	seq      int64     // the entry of the journal as of which it was saved
	clean    bool      // nothing has changed since
	replayed bool      // its points are those of the journal, and counted already
	score    float64   // size of the anomaly, when an event last told of it
	resolved time.Time // by the clock, when its alert was seen to resolve
	points   int64     // that it has taken
	recent   []BandPoint
}

func (w *Watcher) addSourceRule(g *group, r *watched) {
	if r.Source == "" {
		return
	}
	of := w.points[r.Source]
	if of == nil {
		of = &sourceRules{byName: map[string][]*sourceRule{}}
		w.points[r.Source] = of
	}
	x := &sourceRule{watched: r, group: g}
	of.all = append(of.all, x)
	of.byName[r.points.name] = append(of.byName[r.points.name], x)
}
