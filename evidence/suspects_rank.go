package evidence

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/common/model"
)

// suspectGroup is what belongs together: the series of one service, or of what else they belong to.
type suspectGroup struct {
	owner
	series []*suspect // the most telling first
	weight float64    // what the order goes by

	victims []string // services whose changes this one explains, by name
	blamed  string   // the service that explains most of its own change, by name
	ended   int      // series that ended together
}

// lead is the series that speaks for the group.
func (g *suspectGroup) lead() *suspect { return g.series[0] }

// The yardsticks of the order.
const (
	certainScore  = 200 // above that a change is no surer
	maxLatePart   = 2   // what the order takes off, at most, for having moved after others
	latePart      = .75 // and for each time that the onset is uncertain by
	shownScore    = 3   // below that a change is noise: normal noise reaches it once in a thousand times
	largestFold   = 50  // above that a change is no larger
	ownSignalPart = .5  // what the alert's own signal weighs: it changed by definition
	easedPart     = .5  // what quicker answers, fewer errors and less work in progress weigh: they follow from less load
	stoppedWeight = 2   // what a target that stopped weighs beside the changes of values
)

// groupSuspects puts the series of one owner together, joins what belongs to one service by different labels, and
// orders the groups by how likely they are the cause: by size and certainty of what they do that calls don't explain,
// and by what moved first.
func groupSuspects(found []suspect) []*suspectGroup {
	groups := joinOwners(found)
	graph := newCallGraph(groups, found)
	first := firstConfident(found)
	for _, key := range graph.order {
		g := graph.groups[key]
		for _, s := range g.series {
			late := s.lateness(first)
			if s.weight = s.strength() - late; s.stopped && late == 0 {
				s.weight += stoppedWeight
			}
		}
	}
	graph.explain()
	out := make([]*suspectGroup, 0, len(groups))
	for _, key := range graph.order {
		g := graph.groups[key]
		slices.SortStableFunc(g.series, compareInGroup)
		out = append(out, g)
	}
	slices.SortStableFunc(out, compareGroups)
	return out
}

// compareGroups orders groups by their weight. Of those that are as certain as can be, one led by what the alert is about comes first.
func compareGroups(a, b *suspectGroup) int {
	return cmp.Or(
		cmp.Compare(b.weight, a.weight), cmp.Compare(boolToInt(b.lead().akin), boolToInt(a.lead().akin)),
		cmp.Compare(b.lead().Score, a.lead().Score), cmp.Compare(a.lead().query, b.lead().query),
	)
}

// besides returns the series that are told beside the leading one: of each other metric that changed the most telling one, those that
// moved before the leading one first.
func (g *suspectGroup) besides() []*suspect {
	lead := g.lead()
	seen := map[string]bool{lead.labels[model.MetricNameLabel]: true}
	var before, rest []*suspect
	for _, s := range g.series[1:] {
		name := s.labels[model.MetricNameLabel]
		if seen[name] || s.Score < shownScore {
			continue
		}
		seen[name] = true
		if s.At+max(s.lagRows, lead.lagRows) < lead.At {
			before = append(before, s)
		} else {
			rest = append(rest, s)
		}
	}
	return append(before, rest...)
}

// compareInGroup orders the series of a group: what is not the alert's own signal first, if it is sure, since that changed by definition;
// then what calls don't explain, and the owner's own series before those of calls to it. Of those that are as certain as can be, one
// about the same thing as the alert says most.
func compareInGroup(a, b *suspect) int {
	another := func(s *suspect) int { return boolToInt(!s.ownSignal && (s.confident || s.early)) }
	own := func(s *suspect) float64 {
		w := s.unexplained()
		if s.edge != nil {
			w *= .7
		}
		if s.confident {
			w += .5
		}
		return w
	}
	return cmp.Or(
		another(b)-another(a), cmp.Compare(own(b), own(a)), cmp.Compare(boolToInt(b.akin), boolToInt(a.akin)), cmp.Compare(b.Score, a.Score), cmp.Compare(a.query, b.query),
	)
}

// strength says how much a change counts: the logarithm of its score, as far as more of it makes a change surer.
func (s *suspect) strength() float64 {
	if s.Score <= 1 {
		return 0
	}
	w := math.Log(min(s.Score, certainScore))
	if s.ownSignal {
		w *= ownSignalPart
	}
	if !s.Up && (s.role == roleLatency || s.role == roleErrors || s.role == roleWaiting) {
		w *= easedPart
	}
	return w
}

// fold returns by what factor a series changed, 1 to largestFold.
func (s *suspect) fold() float64 {
	before, after := math.Abs(s.Before), math.Abs(s.After)
	if s.role == roleWaiting { // small whole numbers: from one to none is no great change
		before, after = before+1, after+1
	}
	switch {
	case s.ended, before == 0 && after > 0, s.Before*s.After < 0:
		return largestFold
	case before == after || math.IsNaN(after):
		return 1
	}
	return min(max(before, after)/max(min(before, after), max(before, after)/largestFold), largestFold)
}

// firstConfident returns the first confident change but the alert's own signal's; nil for none.
func firstConfident(found []suspect) *suspect {
	var first *suspect
	for i := range found {
		if s := &found[i]; s.confident && !s.ownSignal && (first == nil || s.At < first.At) {
			first = s
		}
	}
	return first
}

// onsetDoubt returns by how many rows a change may have begun earlier or later: by what its values average over, and the
// more the less it stands out of the noise.
func (s *suspect) onsetDoubt() float64 {
	return float64(max(s.lagRows, 1)) * (1 + hazyScore/max(s.Score, 1))
}

// hazyScore is the score at which noise doubles the doubt about an onset.
const hazyScore = 30

// lateness is what a change that began after the first one loses.
func (s *suspect) lateness(first *suspect) float64 {
	if first == nil || s.At <= first.At {
		return 0
	}
	late := float64(s.At-first.At)/max(s.onsetDoubt(), first.onsetDoubt()) - 1
	return min(max(latePart*late, 0), maxLatePart)
}

// joinOwners groups the series by owner. What has no place joins what has the same name in the only place.
func joinOwners(found []suspect) map[string]*suspectGroup {
	places := map[string][]string{} // keys by name
	add := func(name, key string) {
		if name != "" && !slices.Contains(places[name], key) {
			places[name] = append(places[name], key)
		}
	}
	for i := range found {
		if s := &found[i]; s.edge == nil && s.owner.place != "" {
			add(s.owner.name, s.owner.key())
		}
	}
	for i := range found { // other names of the same thing count where nothing has them for its own
		s := &found[i]
		if s.edge != nil || s.owner.label == "namespace" || s.owner.label == "cluster" {
			continue
		}
		for _, label := range []string{"service", "app", "workload", "deployment", "container", "job"} {
			if name := s.labels[label]; name != s.owner.name && (len(places[name]) == 0 || places[name][0] == s.owner.key()) {
				add(name, s.owner.key())
			}
		}
	}
	for i := range found {
		if s := &found[i]; s.edge == nil && s.owner.place == "" && len(places[s.owner.name]) == 0 {
			add(s.owner.name, s.owner.key())
		}
	}
	groups := map[string]*suspectGroup{}
	for i := range found {
		s := &found[i]
		key := s.owner.key()
		if s.owner.name == "" {
			key = s.query // of nothing: each for itself
		} else if keys := places[s.owner.name]; len(keys) == 1 && (s.edge != nil || s.owner.place == "") {
			key = keys[0]
		}
		s.group = key
		g := groups[key]
		if g == nil {
			g = &suspectGroup{owner: s.owner}
			groups[key] = g
		}
		if g.label == edgeOwnerLabel && s.edge == nil {
			g.owner = s.owner
		}
		if s.stopped {
			g.ended++
		}
		g.series = append(g.series, s)
	}
	return groups
}
