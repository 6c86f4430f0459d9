package evidence

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

// What is told of the series that did not change, for absence is half of a proof.
var (
	msgQuiet      = message{" Unchanged: %s.", "没有变化：%s。"}
	msgQuietMore  = message{"%d more metrics", "另 %d 个指标"}
	msgQuietPart  = message{"%[1]s (%[2]d of %[3]d)", "%[1]s（%[3]d 条中的 %[2]d 条）"}
	msgQuietAll   = message{"%[1]s (%[2]d)", "%[1]s（%[2]d 条）"}
	msgLimits     = message{" Limits: %s.", "上限：%s。"}
	msgUnsteady   = message{" Not steady before the onset either: %s.", "在异常开始之前就不平稳：%s。"}
	msgUnsteadyOf = message{"%[1]s (%[2]s)", "%[1]s（%[2]s）"}
	msgAppeared   = message{" New in this window: %s.", "窗口内新出现：%s。"}
	msgAppearedAt = message{"%[1]s since %[2]s", "%[1]s（自 %[2]s 起）"}
)

// The bounds of what is told of series that did not change.
const (
	maxQuiet     = 12 // metrics
	maxLimits    = 4
	maxUnsteady  = 2
	maxAppeared  = 3
	courseOf     = 7   // points of what is not steady
	unsteadyFold = .5  // of its median, that a series must range over to be not steady
	unsteadyPath = .35 // the least correlation of its values with those a few rows later: a course, no noise
	stemWords    = 2   // that a limit's name must share with what it limits
)

// summarizeQuiet says what was looked at and did not change, what limits there are, what appeared, and what moved before the onset as well:
// of that no past tells what is usual.
func (inv *investigation) summarizeQuiet(r suspectRanking) string {
	quiet, all := r.quietSeries()
	var b strings.Builder
	tell := func(phrase message, parts []string) {
		if len(parts) > 0 {
			b.WriteString(inv.say(phrase, strings.Join(parts, inv.say(msgListMark))))
		}
	}
	unsteady, told := inv.unsteadyTexts(quiet, r.grid)
	tell(msgUnsteady, unsteady)
	tell(msgAppeared, inv.appearedTexts(r))
	for _, one := range r.appeared {
		told = append(told, one.labels[model.MetricNameLabel])
	}
	names, targets := r.changed()
	limits, limiting := inv.limitTexts(quiet, slices.Concat(names, told), targets)
	tell(msgLimits, limits)
	counts := map[string]int{}
	for _, s := range quiet {
		if name := s.labels[model.MetricNameLabel]; !slices.Contains(told, name) && !limiting[s.query] && !s.aggregated && s.steady() {
			counts[name]++
		}
	}
	if len(counts) > 0 {
		b.WriteString(inv.say(msgQuiet, strings.Join(inv.quietTexts(counts, all, quiet), inv.say(msgComma))))
	}
	return b.String()
}

// quietSeries returns the series that did not change, and how many series each metric has.
func (r suspectRanking) quietSeries() (quiet []*suspect, all map[string]int) {
	all = map[string]int{}
	for _, g := range r.groups {
		for _, s := range g.series {
			if !s.aggregated {
				all[s.labels[model.MetricNameLabel]]++
			}
			if s.Score < changedScore && !s.ended {
				quiet = append(quiet, s)
			}
		}
	}
	return quiet, all
}

// changed returns the metrics of the series that lead the groups that changed, and what those are scraped from.
func (r suspectRanking) changed() (names []string, targets map[string]bool) {
	targets = map[string]bool{}
	for _, g := range r.groups {
		if s := g.lead(); s.Score >= changedScore {
			names, targets[s.target] = append(names, s.labels[model.MetricNameLabel]), true
		}
	}
	return names, targets
}

// quietTexts names metrics that did not change, those that share most labels with the alert first.
func (inv *investigation) quietTexts(counts, all map[string]int, quiet []*suspect) []string {
	closeness := map[string]int{}
	for _, s := range quiet {
		name := s.labels[model.MetricNameLabel]
		closeness[name] = max(closeness[name], inv.sharedWith(s.labels))
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(closeness[b]-closeness[a], strings.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(len(names), maxQuiet)] {
		switch told := text.Cut(name, 80); {
		case counts[name] < all[name]:
			parts = append(parts, inv.say(msgQuietPart, told, counts[name], all[name]))
		case all[name] > 1:
			parts = append(parts, inv.say(msgQuietAll, told, all[name]))
		default:
			parts = append(parts, told)
		}
	}
	if more := len(names) - maxQuiet; more > 0 {
		parts = append(parts, inv.say(msgQuietMore, more))
	}
	return parts
}

// sharedWith returns how many of the alert's labels a series has.
func (inv *investigation) sharedWith(labels map[string]string) int {
	n := 0
	for name, value := range inv.targetLabels() {
		n += boolToInt(value != "" && labels[name] == value)
	}
	return n
}

// ownLabelsText writes a series without the labels that it has in common with the alert.
func (inv *investigation) ownLabelsText(labels map[string]string) string {
	own := maps.Clone(labels)
	for name, value := range inv.targetLabels() {
		if own[name] == value {
			delete(own, name)
		}
	}
	delete(own, "job")
	return text.Cut(promql.SeriesText(own), 120)
}

var (
	// limitName matches metrics that say how much there can be of something.
	limitName = regexp.MustCompile(`(?i)(^|_)(limits?|max|maximum|capacity|quota|size|hard|allocatable)(_|$)`)
	// resourceLimit matches the limits of containers, whose names share nothing with what they limit.
	resourceLimit = regexp.MustCompile(`^(kube_pod_container_resource_limits|container_spec_memory_limit_bytes|container_spec_cpu_quota|kube_resourcequota)$`)
)

// limitTexts tells the limits of what the alert is about and of the given metrics, as far as they did not move, and which series they are.
// What changed may have its limit under a name that begins only a little like its own.
func (inv *investigation) limitTexts(quiet []*suspect, about []string, targets map[string]bool) (parts []string, limiting map[string]bool) {
	limiting = map[string]bool{}
	for _, sel := range inv.signalSelectors() {
		about = append(about, sel.Name)
	}
	type limit struct {
		s    *suspect
		near int
	}
	var found []limit
	for _, s := range quiet {
		name := s.labels[model.MetricNameLabel]
		values := score.Finite(s.values)
		if !limitName.MatchString(name) && !resourceLimit.MatchString(name) || len(values) == 0 || values[0] <= 0 || slices.Min(values) != slices.Max(values) {
			continue
		}
		words := 0
		for _, other := range about {
			words = max(words, sharedStem(name, other))
		}
		shared := inv.sharedWith(s.labels)
		if words >= stemWords || words > 0 && targets[s.target] || resourceLimit.MatchString(name) && shared > 1 {
			found = append(found, limit{s, 10*shared + words})
		}
	}
	slices.SortStableFunc(found, func(a, b limit) int { return cmp.Or(b.near-a.near, strings.Compare(a.s.query, b.s.query)) })
	for _, l := range found[:min(len(found), maxLimits)] {
		limiting[l.s.query] = true
		parts = append(parts, inv.ownLabelsText(l.s.labels)+" "+l.s.format(inv, l.s.Before))
	}
	return parts, limiting
}

// sharedStem returns how many words two names begin with alike; 0 for the same name, which limits nothing.
func sharedStem(a, b string) int {
	if a == b {
		return 0
	}
	left, right := strings.Split(a, "_"), strings.Split(b, "_")
	n := 0
	for n < min(len(left), len(right)) && left[n] == right[n] {
		n++
	}
	return n
}

// unsteadyTexts tells the courses of those series that did not change at the onset but wander widely, and their metrics.
func (inv *investigation) unsteadyTexts(quiet []*suspect, g score.Grid) (parts, names []string) {
	type wanderer struct {
		s    *suspect
		wide float64
	}
	var found []wanderer
	for _, s := range quiet {
		if wide := s.wandering(); wide > 0 && !s.aggregated {
			found = append(found, wanderer{s, wide})
		}
	}
	slices.SortStableFunc(found, func(a, b wanderer) int {
		return cmp.Or(inv.sharedWith(b.s.labels)-inv.sharedWith(a.s.labels), cmp.Compare(b.wide, a.wide), strings.Compare(a.s.query, b.s.query))
	})
	for _, w := range found {
		line := scaledLine(w.s, g, 0, 1)
		points := line.Course(courseOf)
		if len(points) < 2 || len(parts) == maxUnsteady {
			continue
		}
		names = append(names, w.s.labels[model.MetricNameLabel])
		parts = append(parts, inv.say(msgUnsteadyOf, inv.ownLabelsText(w.s.labels), inv.courseText(points, func(v float64) string { return w.s.format(inv, v) })))
	}
	return parts, names
}

// courseText writes the points of a course, the date where it is another than that of the point before.
func (inv *investigation) courseText(points []incident.Point, format func(float64) string) string {
	parts, day := make([]string, len(points)), ""
	for i, p := range points {
		at, layout := p.At.UTC(), "15:04 UTC"
		if date := at.Format(time.DateOnly); date != day {
			day, layout = date, time.DateOnly+" "+layout
		}
		parts[i] = at.Format(layout) + " " + format(p.Value)
	}
	return strings.Join(parts, inv.say(msgComma))
}

// wandering returns how widely a series ranges, in its medians, if it does so in a course and not by noise; else 0.
func (s *suspect) wandering() float64 {
	values := score.Finite(s.values)
	if len(values) < 4*score.MinPast {
		return 0
	}
	var scorer score.Scorer
	past := scorer.Past(values)
	levels := slices.Clone(scorer.Levels(values))
	low, high := slices.Min(levels), slices.Max(levels)
	wide := (high - low) / math.Abs(past.Median)
	if math.IsNaN(wide) || math.IsInf(wide, 0) || wide < unsteadyFold || correlation(values, s.lagRows+2) < unsteadyPath {
		return 0
	}
	return wide
}

// steady reports whether "unchanged" is true of a series: not of the alert's own signal, and not of what is zero but for some events.
func (s *suspect) steady() bool {
	values := score.Finite(s.values)
	if s.ownSignal || len(values) == 0 {
		return false
	}
	var scorer score.Scorer
	return scorer.Past(values).Median != 0 || slices.Max(values) == slices.Min(values)
}

// correlation returns how much values resemble those so many rows later, -1 to 1; 0 where that can't be told.
func correlation(values []float64, rows int) float64 {
	n := len(values) - rows
	if n < score.MinPast {
		return 0
	}
	mean := 0.
	for _, v := range values {
		mean += v / float64(len(values))
	}
	var product, first, second float64
	for i := range n {
		a, b := values[i]-mean, values[i+rows]-mean
		product, first, second = product+a*b, first+a*a, second+b*b
	}
	if first == 0 || second == 0 {
		return 0
	}
	return product / math.Sqrt(first*second)
}

// appeared is a series that was not there when the window began, though its target was.
type appeared struct {
	labels map[string]string
	at     time.Time
}

// appearedSeries finds them among gauges: a counter has stood at zero before, and is judged like that.
func appearedSeries(tracks []trackedSeries, g score.Grid) []appeared {
	first := func(t *trackedSeries) int {
		return slices.IndexFunc(t.values, func(v float64) bool { return !math.IsNaN(v) })
	}
	began := map[string]int{} // of a target
	for i := range tracks {
		t := &tracks[i]
		at := first(t)
		if was, known := began[t.target]; at >= 0 && (!known || at < was) {
			began[t.target] = at
		}
	}
	var out []appeared
	for i := range tracks {
		t := &tracks[i]
		if at := first(t); at >= score.MinPast && began[t.target] < score.MinPast && !t.aggregated && !t.derived && !t.unit.PerSecond {
			out = append(out, appeared{t.labels, g.At(at)})
		}
	}
	return out
}

// appearedTexts names what appeared, the closest to the alert first.
func (inv *investigation) appearedTexts(r suspectRanking) []string {
	found := slices.Clone(r.appeared)
	slices.SortStableFunc(found, func(a, b appeared) int {
		return cmp.Or(inv.sharedWith(b.labels)-inv.sharedWith(a.labels), a.at.Compare(b.at), strings.Compare(promql.SeriesText(a.labels), promql.SeriesText(b.labels)))
	})
	var parts []string
	for _, one := range found[:min(len(found), maxAppeared)] {
		parts = append(parts, inv.say(msgAppearedAt, inv.ownLabelsText(one.labels), formatTime(one.at)+inv.lateText(r.grid.Step)))
	}
	return parts
}
