package evidence

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/promql"
)

// edge is a call: the series with it says something of the calls from one service to another.
type edge struct {
	caller, callee string
	clientSide     bool // measured by the caller
}

// edgeOwnerLabel is the label of an owner that is known from calls to it alone.
const edgeOwnerLabel = "server"

// edgeLabels lists the pairs of labels that name who calls and who is called.
var edgeLabels = []edge{
	{caller: "client", callee: "server"},
	{caller: "source_workload", callee: "destination_workload"},
	{caller: "source_app", callee: "destination_app"},
	{caller: "source_service", callee: "destination_service"},
	{caller: "deployment", callee: "dst_deployment"},
	{caller: "statefulset", callee: "dst_statefulset"},
	{caller: "service", callee: "dst_service"},
	{caller: "caller", callee: "callee"},
	{caller: "consumer", callee: "provider"},
	{caller: "source", callee: "destination"},
}

// edgeOf returns the call that a series is about; nil for none.
func edgeOf(labels map[string]string) *edge {
	for _, pair := range edgeLabels {
		caller, callee := labels[pair.caller], labels[pair.callee]
		if caller == "" || callee == "" || caller == "unknown" || callee == "unknown" {
			continue
		}
		name := labels["__name__"]
		return &edge{
			caller: shortName(caller), callee: shortName(callee),
			clientSide: strings.Contains(name, "_client_") || labels["reporter"] == "source" || labels["direction"] == "outbound",
		}
	}
	return nil
}

// shortName takes the domain off the name of a service: reviews.shop.svc.cluster.local is reviews.
func shortName(name string) string {
	if short, rest, ok := strings.Cut(name, "."); ok && (strings.Contains(rest, "svc") || strings.Contains(rest, "cluster.local")) {
		return short
	}
	return name
}

// callGraph is who calls whom, as far as metrics tell.
type callGraph struct {
	groups  map[string]*suspectGroup
	order   []string            // keys of the groups
	callees map[string][]string // keys by key
	callers map[string][]string
	edges   map[[2]string][]*suspect // of calls, by the keys of both
}

func newCallGraph(groups map[string]*suspectGroup, found []suspect) *callGraph {
	c := &callGraph{
		groups: groups, order: slices.Sorted(maps.Keys(groups)), callees: map[string][]string{}, callers: map[string][]string{}, edges: map[[2]string][]*suspect{},
	}
	names := map[string][]string{}
	for i := range found {
		s := &found[i]
		for _, name := range []string{s.owner.name, s.labels["service"], s.labels["app"], s.labels["workload"], s.labels["deployment"], s.labels["container"], s.labels["job"]} {
			if name != "" && (s.edge == nil || name == s.owner.name) && !slices.Contains(names[name], s.group) {
				names[name] = append(names[name], s.group)
			}
		}
	}
	for i := range found {
		s := &found[i]
		if s.edge == nil {
			continue
		}
		callers := names[s.edge.caller]
		if len(callers) == 0 { // it is called by nobody, and has no series of its own
			callers = []string{"\x00" + s.edge.caller}
		}
		if len(callers) != 1 || callers[0] == s.group {
			continue
		}
		pair := [2]string{callers[0], s.group}
		if c.edges[pair] == nil {
			c.callees[pair[0]] = append(c.callees[pair[0]], pair[1])
			c.callers[pair[1]] = append(c.callers[pair[1]], pair[0])
		}
		c.edges[pair] = append(c.edges[pair], s)
	}
	return c
}

// explain weighs the groups: what calls explain counts for who explains it.
func (c *callGraph) explain() {
	passed := map[string]float64{}
	for _, key := range c.order {
		g := c.groups[key]
		for _, s := range g.series {
			c.explainTraffic(key, s)
		}
		for _, s := range g.series {
			c.explainFollowing(g, s)
		}
	}
	for _, key := range c.order {
		g := c.groups[key]
		for _, s := range g.series {
			c.explainByCallees(key, s)
		}
	}
	for _, key := range c.order {
		g := c.groups[key]
		for _, s := range g.series {
			if s.explainedBy == key || s.explained < .3 || s.Score < changedScore {
				continue
			}
			if by := c.groups[s.explainedBy]; by != nil {
				passed[s.explainedBy] = max(passed[s.explainedBy], s.weight*s.explained)
				if !slices.Contains(by.victims, g.name) && s.confident {
					by.victims = append(by.victims, g.name)
				}
			}
		}
	}
	for _, key := range c.order {
		g := c.groups[key]
		for _, s := range g.series {
			g.weight = max(g.weight, s.unexplained())
		}
		g.weight += passedPart * passed[key]
		c.blame(g)
	}
}

// passedPart is what a change weighs, beside a group's own, that the group explains.
const passedPart = .3

// blame names who explains the group's strongest change.
func (c *callGraph) blame(g *suspectGroup) {
	var most *suspect
	for _, s := range g.series {
		if most == nil || s.weight > most.weight {
			most = s
		}
	}
	if by := c.groups[most.explainedBy]; by != nil && by != g && most.explained >= .5 {
		g.blamed = by.name
	}
}

// unexplained is what of a change's weight calls leave unexplained.
func (s *suspect) unexplained() float64 { return s.weight * (1 - .9*s.explained) }

func (s *suspect) explainBy(key string, share float64) {
	if share > s.explained {
		s.explained, s.explainedBy = share, key
	}
}

// notAfter reports whether a moved before b, or with it as far as the onsets tell: that of a change that is hardly out of
// the noise tells little.
func notAfter(a, b *suspect) bool {
	return a.At <= b.At+a.lagRows+1 || b.Score < a.Score/3
}

// logRatio is the logarithm of after by before; large for what came from or went to nothing.
func (s *suspect) logRatio() float64 {
	r := math.Log(s.fold())
	if !s.Up {
		return -r
	}
	return r
}

// explainTraffic explains traffic by that of callers, and less of it by slowness further down: clients that wait ask less.
func (c *callGraph) explainTraffic(key string, s *suspect) {
	if s.role != roleTraffic {
		return
	}
	ratio := s.logRatio()
	for _, caller := range c.callers[key] {
		from := c.groups[caller]
		if from == nil {
			continue
		}
		for _, t := range from.series {
			if t.role == roleTraffic && t.edge == nil && t.Up == s.Up && t.Score >= changedScore && math.Abs(t.logRatio()) >= .5*math.Abs(ratio) && notAfter(t, s) {
				s.explainBy(caller, .9)
			}
		}
	}
	if s.Up {
		return
	}
	for _, below := range append([]string{key}, c.reach(key)...) {
		for _, t := range c.groups[below].series {
			if t.Up && (t.role == roleLatency || t.role == roleErrors) && t.Score >= max(changedScore, s.Score/3) && notAfter(t, s) {
				s.explainBy(below, .8)
			}
		}
		if c.groups[below].ended > 0 && below != key {
			s.explainBy(below, .8)
		}
	}
}

// explainFollowing explains what follows the group's own traffic: its work grows and shrinks with it.
func (c *callGraph) explainFollowing(g *suspectGroup, s *suspect) {
	if s.role == roleTraffic {
		return
	}
	for _, t := range g.series {
		if t.role != roleTraffic || t.edge != nil || t.Up != s.Up || t.explained == 0 || t.Score < changedScore/2. || !notAfter(t, s) {
			continue
		}
		if s.role == roleLatency && t.logRatio() < .2 {
			continue
		}
		if math.Abs(t.logRatio()) >= .6*math.Abs(s.logRatio()) {
			s.explainBy(t.explainedBy, t.explained)
		}
	}
}

// explainByCallees explains latency, errors and work in progress by those of the services that are called.
func (c *callGraph) explainByCallees(key string, s *suspect) {
	if !s.Up || s.role != roleLatency && s.role != roleErrors && s.role != roleWaiting {
		return
	}
	total, best, by := 0., 0., ""
	for _, callee := range c.reach(key) {
		share := c.shareOf(key, callee, s)
		if share > best {
			best, by = share, callee
		}
		total += share
	}
	if by != "" {
		s.explainBy(by, min(total, 1))
	}
}

// reach returns the services that one calls, and behind those without series of their own the ones that they call.
func (c *callGraph) reach(key string) []string {
	var out []string
	seen := map[string]bool{key: true}
	var walk func(string, int)
	walk = func(from string, depth int) {
		for _, callee := range c.callees[from] {
			if seen[callee] || c.groups[callee] == nil {
				continue
			}
			seen[callee] = true
			out = append(out, callee)
			own := slices.ContainsFunc(c.groups[callee].series, func(s *suspect) bool { return s.role != roleTraffic && s.role != roleResource })
			if !own && depth < 3 {
				walk(callee, depth+1)
			}
		}
	}
	walk(key, 0)
	return out
}

// shareOf returns what part of a caller's change one callee explains.
func (c *callGraph) shareOf(key, callee string, s *suspect) float64 {
	group := c.groups[callee]
	if group.ended > 0 {
		return .9
	}
	best := 0.
	for _, t := range group.series {
		if !t.Up || t.Score < changedScore || !notAfter(t, s) {
			continue
		}
		if t.edge != nil && !c.isEdgeOf(key, callee, t) {
			continue
		}
		switch {
		case s.role == roleErrors && t.role == roleErrors, s.role == roleLatency && t.role == roleLatency:
			best = max(best, heightShare(t, s))
		case s.role == roleWaiting && (t.role == roleLatency || t.role == roleWaiting),
			s.role == roleErrors && t.role == roleLatency:
			best = max(best, .8)
		}
	}
	return best
}

func (c *callGraph) isEdgeOf(key, callee string, t *suspect) bool {
	return slices.Contains(c.edges[[2]string{key, callee}], t)
}

// heightShare compares the heights of two changes of one kind: a callee that slowed down by as much as its caller
// explains it. Where the units are not comparable, their certainty is.
func heightShare(t, s *suspect) float64 {
	of, ok := s.height()
	part, ok2 := t.height()
	if !ok || !ok2 || s.unit.PerSecond != t.unit.PerSecond {
		if t.Score >= s.Score/4 {
			return .8
		}
		return .4
	}
	if part >= .6*of {
		return 1
	}
	return part / of
}

// height returns how far a series moved, in seconds for lengths of time.
func (s *suspect) height() (float64, bool) {
	h := math.Abs(s.After - s.Before)
	name := s.labels["__name__"]
	switch {
	case s.role == roleErrors:
		return h, h > 0
	case s.unit.Base == promql.UnitSeconds:
		return h, h > 0
	case strings.HasSuffix(name, "milliseconds"), strings.HasSuffix(name, "_ms"):
		return h / 1000, h > 0
	}
	return 0, false
}
