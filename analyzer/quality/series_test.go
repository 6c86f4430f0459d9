package quality

import (
	"bufio"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// world is what Prometheus holds: series over a bit more than a week, the same for the same description.
type world struct {
	Seed    uint64   `yaml:"seed"`
	Targets []target `yaml:"targets"`
	Series  []family `yaml:"series"`
}

// target is a short form for what every scraped job has: up, scrape_samples_scraped and process_start_time_seconds.
type target struct {
	Labels  map[string]string `yaml:"labels"`  // as of a family
	Started clock             `yaml:"started"` // default five days ago
	Changes []alteration      `yaml:"changes"` // of up
}

// family is a set of series alike. A value of a label may list alternatives, as in "500|502": there is a series for
// each combination.
type family struct {
	Metric string            `yaml:"metric"`
	Labels map[string]string `yaml:"labels"`
	// Kind is gauge (default), counter (the level is a rate per second, counted up) or histogram (the level is requests
	// per second; Seconds their median duration).
	Kind    string  `yaml:"kind"`
	Level   float64 `yaml:"level"`
	Seconds float64 `yaml:"seconds"`
	Noise   float64 `yaml:"noise"`  // standard deviation, as a share of the level
	Season  float64 `yaml:"season"` // of the level, up at 14:00 UTC, down at 02:00
	Weekend float64 `yaml:"weekend"`
	Spread  float64 `yaml:"spread"` // how far the series of the family differ, as a share of the level
	Most    float64 `yaml:"most"`   // no value is above it; 0 for no bound
	// From and Until bound the life of the series.
	From    clock        `yaml:"from"`
	Until   clock        `yaml:"until"`
	Changes []alteration `yaml:"changes"`
}

// alteration is one thing that happens to a family, or to those of its series that have the labels of Where.
type alteration struct {
	At    clock `yaml:"at"`
	Until clock `yaml:"until"` // zero for ever
	// Shape is step (at once), ramp (evenly over Over, then it stays), drop (to nothing) or gap (no samples).
	Shape  string            `yaml:"shape"`
	Factor float64           `yaml:"factor"` // of the level
	Set    *float64          `yaml:"set"`    // the level instead
	Over   time.Duration     `yaml:"over"`
	Of     string            `yaml:"of"` // seconds: the duration of a histogram instead of its rate
	Where  map[string]string `yaml:"where"`
	Daily  bool              `yaml:"daily"` // on all days before, too
}

// Every scenario plays on one day, a Friday.
var day = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// clock is a time of that day, "08:30" or "08:30:15", or of some days before: "-3d 08:30".
type clock struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *clock) UnmarshalText(text []byte) error {
	s, back := string(text), 0
	if days, rest, ok := strings.Cut(s, "d "); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return fmt.Errorf("reading a time: %w", err)
		}
		s, back = rest, n
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			c.Time = day.AddDate(0, 0, back).Add(t.Sub(t.Truncate(24 * time.Hour)))
			return nil
		}
	}
	return fmt.Errorf("%q is no time of the day", s)
}

const (
	scrape = 30 * time.Second
	// A week and some hours are counted through, so that counters go on; written are the last two days, and the
	// hours about now on the day a week ago, at which what fires is compared with what is usual.
	past   = 8 * 24 * time.Hour
	recent = 52 * time.Hour
	aWeek  = 7 * 24 * time.Hour
	around = 4 * time.Hour
)

func written(t, now time.Time) bool {
	return now.Sub(t) <= recent || now.Add(-aWeek).Sub(t).Abs() <= around
}

// openMetrics writes the world until now, as promtool reads it: the series of a metric together.
func (w world) openMetrics(out io.Writer, now time.Time) error {
	lines := map[string][]string{}
	for _, f := range w.families(now) {
		if f.Metric == "" {
			return errors.New("a series has no metric")
		}
		for _, labels := range combinations(f.Labels) {
			f.write(lines, labels, w.Seed, now)
		}
	}
	b := bufio.NewWriter(out)
	for _, metric := range slices.Sorted(maps.Keys(lines)) {
		for _, text := range lines[metric] {
			if _, err := b.WriteString(text); err != nil {
				return err
			}
		}
	}
	if _, err := b.WriteString("# EOF\n"); err != nil {
		return err
	}
	return b.Flush()
}

// families returns all series, those of the targets written out.
func (w world) families(now time.Time) []family {
	all := slices.Clone(w.Series)
	for _, t := range w.Targets {
		started := now.Add(-5 * 24 * time.Hour).Truncate(time.Hour)
		if !t.Started.IsZero() {
			started = t.Started.Time
		}
		up := family{Metric: "up", Labels: t.Labels, Level: 1, Changes: t.Changes}
		process := family{
			Metric: "process_start_time_seconds", Labels: t.Labels, Level: float64(now.Add(-6 * 24 * time.Hour).Unix()),
			Changes: []alteration{{At: clock{started}, Set: new(float64(started.Unix()))}},
		}
		samples := family{Metric: "scrape_samples_scraped", Labels: t.Labels, Level: 120}
		all = append(all, up, samples, process)
	}
	return all
}

// combinations returns the label sets of a family.
func combinations(labels map[string]string) []map[string]string {
	sets := []map[string]string{{}}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		var next []map[string]string
		for _, set := range sets {
			for value := range strings.SplitSeq(labels[name], "|") {
				one := maps.Clone(set)
				one[name] = value
				next = append(next, one)
			}
		}
		sets = next
	}
	return sets
}

func seriesText(metric string, labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	return metric + "{" + strings.Join(parts, ",") + "}"
}

// The upper bounds of a histogram's buckets, in seconds, as client libraries have them.
var buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// width is the standard deviation of the logarithm of a duration.
const width = .7

// write adds the lines of one series; of a histogram, those of its buckets, its sum and its count.
func (f family) write(lines map[string][]string, labels map[string]string, seed uint64, now time.Time) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seriesText(f.Metric, labels)))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	size := 1 + f.Spread*(2*rng.Float64()-1)
	var out series
	switch f.Kind {
	case "counter":
		out = &counting{text: seriesText(f.Metric, labels), metric: f.Metric, total: 1000 * f.Level * rng.Float64()}
	case "histogram":
		out = newDurations(f.Metric, labels)
	default:
		out = &counting{text: seriesText(f.Metric, labels), metric: f.Metric, gauge: true}
	}
	for t := now.Add(-past).Truncate(scrape); !t.After(now); t = t.Add(scrape) {
		noise, wobble := rng.NormFloat64(), rng.NormFloat64() // drawn always, so that a change alters nothing else
		level, seconds, gap := f.at(labels, t)
		level *= size * max(1+f.Noise*noise, 0)
		if f.Most > 0 {
			level = min(level, f.Most)
		}
		seconds *= math.Exp(f.Noise * wobble / 2)
		dead := gap || !f.From.IsZero() && t.Before(f.From.Time) || !f.Until.IsZero() && !t.Before(f.Until.Time)
		out.add(level, seconds, t, !dead && written(t, now))
	}
	out.flush(lines)
}

// at returns the level at a time, the duration of requests, and whether there is nothing to be scraped.
func (f family) at(labels map[string]string, t time.Time) (level, seconds float64, gap bool) {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	level = f.Level * (1 + f.Season*math.Cos(2*math.Pi*(hour-14)/24))
	if weekday := t.Weekday(); f.Weekend != 0 && (weekday == time.Saturday || weekday == time.Sunday) {
		level *= f.Weekend
	}
	seconds = f.Seconds
	for _, c := range f.Changes {
		if !c.applies(labels, t) {
			continue
		}
		switch {
		case c.Shape == "gap":
			gap = true
		case c.Of == "seconds":
			seconds = c.apply(seconds, t)
		default:
			level = c.apply(level, t)
		}
	}
	return level, seconds, gap
}

func (c alteration) applies(labels map[string]string, t time.Time) bool {
	for name, value := range c.Where {
		if !slices.Contains(strings.Split(value, "|"), labels[name]) {
			return false
		}
	}
	if at := c.began(t); t.Before(at) || !c.Until.IsZero() && !t.Before(at.Add(c.Until.Sub(c.At.Time))) {
		return false
	}
	return true
}

// began returns when the change began that a time would be within.
func (c alteration) began(t time.Time) time.Time {
	at := c.At.Time
	for c.Daily && t.Before(at) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

func (c alteration) apply(level float64, t time.Time) float64 {
	to := level * c.Factor
	if c.Shape == "drop" {
		to = 0
	}
	if c.Set != nil {
		to = *c.Set
	}
	if c.Shape == "ramp" {
		done := min(float64(t.Sub(c.began(t)))/float64(c.Over), 1)
		return level + done*(to-level)
	}
	return to
}

// series takes the values of one family's series and makes lines of them.
type series interface {
	add(level, seconds float64, t time.Time, write bool)
	flush(lines map[string][]string)
}

// counting is a gauge or a counter.
type counting struct {
	text, metric string
	gauge        bool
	total        float64
	out          strings.Builder
}

func (c *counting) add(level, _ float64, t time.Time, write bool) {
	if c.gauge {
		c.total = level
	} else {
		c.total += level * scrape.Seconds()
	}
	if write {
		digits := 8 // of a gauge; a counter counts whole things, unless it counts seconds
		if !c.gauge || c.total == math.Trunc(c.total) {
			digits = 15
		}
		fmt.Fprintf(&c.out, "%s %s %d\n", c.text, strconv.FormatFloat(c.total, 'g', digits, 64), t.Unix())
	}
}

func (c *counting) flush(lines map[string][]string) {
	lines[c.metric] = append(lines[c.metric], c.out.String())
}

// durations is a histogram.
type durations struct {
	buckets    []*counting
	count, sum *counting
}

func newDurations(metric string, labels map[string]string) *durations {
	d := &durations{
		count: &counting{text: seriesText(metric+"_count", labels), metric: metric + "_count"},
		sum:   &counting{text: seriesText(metric+"_sum", labels), metric: metric + "_sum"},
	}
	for i := range len(buckets) + 1 {
		le := "+Inf"
		if i < len(buckets) {
			le = strconv.FormatFloat(buckets[i], 'g', -1, 64)
		}
		own := maps.Clone(labels)
		own["le"] = le
		d.buckets = append(d.buckets, &counting{text: seriesText(metric+"_bucket", own), metric: metric + "_bucket"})
	}
	return d
}

func (d *durations) add(level, seconds float64, t time.Time, write bool) {
	for i, b := range d.buckets {
		share := 1.
		if i < len(buckets) {
			share = (1 + math.Erf(math.Log(buckets[i]/seconds)/width/math.Sqrt2)) / 2
		}
		b.add(level*share, 0, t, write)
	}
	d.count.add(level, 0, t, write)
	d.sum.add(level*seconds*math.Exp(width*width/2), 0, t, write)
}

func (d *durations) flush(lines map[string][]string) {
	for _, c := range append(slices.Clone(d.buckets), d.count, d.sum) {
		c.flush(lines)
	}
}
