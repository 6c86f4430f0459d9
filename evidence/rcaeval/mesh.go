package rcaeval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Noise is how the values of a synthetic system wander when nothing is wrong.
type Noise string

// The noises that Mesh knows.
const (
	White     Noise = "white"      // independent, normal
	Heavy     Noise = "heavy"      // independent, with a heavy tail
	Wandering Noise = "wandering"  // keeps nine tenths of its deviation from row to row
	HeavyWalk Noise = "heavy walk" // wandering, with a heavy tail
	Bursts    Noise = "bursts"     // quiet, with a burst of some rows now and then
)

// Noises lists all noises.
func Noises() []Noise { return []Noise{White, Heavy, Wandering, HeavyWalk, Bursts} }

// MeshFaults lists the kinds of fault that Mesh knows, besides "" for none.
func MeshFaults() []string {
	return []string{"cpu", "crash", "errors", "latency", "leak", "network", "pool", "surge"}
}

// MeshShape says what a synthetic mesh is like and how it is watched.
type MeshShape struct {
	Shape
	Noise Noise
	Graph bool // the metrics tell who calls whom
}

// Mesh simulates services that call each other, with one fault ("" for none) in one of them. It is another simulation
// than System: calls are made some times for each request, one after the other or side by side; callers feel a fault
// some rows later, retry, and hold what they cannot finish; noise is of the kind that is asked for. With Graph there are
// series of the calls, labeled client and server, as tracing makes them.
func Mesh(seed uint64, fault string, shape MeshShape) *Case {
	rng := rand.New(rand.NewPCG(seed, hash(fault+string(shape.Noise))+uint64(shape.Step)))
	m := &mesh{rng: rng, fault: fault, shape: shape, load: 20 * math.Exp(rng.NormFloat64()), strength: rng.Float64(), series: map[string]*Series{}}
	n := 6 + rng.IntN(15)
	for i := range n {
		m.nodes = append(m.nodes, m.newNode(i))
	}
	for i := 1; i < n; i++ {
		for range 1 + rng.IntN(2) {
			m.nodes[rng.IntN(i)].call(rng, i)
		}
	}
	m.cause = 1 + rng.IntN(n-1)
	if fault == "surge" {
		m.cause = 0
	}
	for row := range shape.Before + shape.After {
		m.step(row)
	}
	c := &Case{Name: fmt.Sprintf("mesh/%s/%s/%d", fault, shape.Noise, seed), Service: m.nodes[m.cause].name, Fault: fault, Step: shape.Step, Onset: shape.Before}
	if fault == "" {
		c.Service = ""
	}
	for _, key := range m.order {
		c.Series = append(c.Series, *m.series[key])
	}
	return c
}

// mesh is the state of a simulation.
type mesh struct {
	rng      *rand.Rand
	fault    string
	cause    int
	shape    MeshShape
	load     float64 // requests/s that enter
	strength float64 // of the fault, 0 to 1
	calm     float64 // latency of the first service on a normal day
	nodes    []*meshNode
	series   map[string]*Series
	order    []string
}

// meshNode is a service, or what it does in the row at hand.
type meshNode struct {
	name                      string
	self, cpu, memory, failed float64 // seconds and core seconds per request, bytes, share of requests
	noise                     float64
	parallel                  bool // calls are made side by side
	calls                     []*meshCall
	wander                    map[string]*wander

	// what the fault does to it
	selfBy, cpuAdd, memoryBy, failAdd, linkAdd float64
	gone                                       bool

	requests, latency, errors float64
}

// meshCall is what one service calls of another.
type meshCall struct {
	callee  int
	times   float64 // per request
	passed  float64 // share of the callee's errors that fail the caller too
	late    int     // rows until the caller feels what the callee does
	history [][2]float64
	rate    float64
	latency float64
}

// wander is the state of one kind of noise.
type wander struct {
	x    float64
	left int
}

func (m *mesh) newNode(i int) *meshNode {
	around := func(median, spread float64) float64 { return median * math.Exp(spread*m.rng.NormFloat64()) }
	return &meshNode{
		name: fmt.Sprintf("%c%c-%d", 'a'+rune(m.rng.IntN(26)), 'a'+rune(m.rng.IntN(26)), i), self: around(.008, .9), cpu: around(.003, .8),
		memory: around(3e8, .8), failed: max(0, m.rng.Float64()-.5) * .004, noise: around(.07, .5), parallel: m.rng.IntN(3) == 0, wander: map[string]*wander{},
	}
}

func (n *meshNode) call(rng *rand.Rand, callee int) {
	if slices.ContainsFunc(n.calls, func(c *meshCall) bool { return c.callee == callee }) {
		return
	}
	n.calls = append(n.calls, &meshCall{callee: callee, times: .4 + 1.8*rng.Float64(), passed: .3 + .7*rng.Float64(), late: rng.IntN(3)})
}

// factor returns the noise of one kind of values: by what they are off.
func (m *mesh) factor(n *meshNode, kind string, by float64) float64 {
	w := n.wander[kind]
	if w == nil {
		w = &wander{}
		n.wander[kind] = w
	}
	normal := m.rng.NormFloat64
	student := func() float64 { // with 3 degrees of freedom
		sum := 0.
		for range 3 {
			x := normal()
			sum += x * x
		}
		return normal() / math.Sqrt(sum/3)
	}
	switch m.shape.Noise {
	case Heavy:
		w.x = student() * .7
	case Wandering:
		w.x = .9*w.x + .44*normal()
	case HeavyWalk:
		w.x = .9*w.x + .35*student()
	case Bursts:
		if w.left--; w.left < -80-m.rng.IntN(200) {
			w.left = 1 + m.rng.IntN(4)
		}
		w.x = .5 * normal()
		if w.left > 0 {
			w.x += 6
		}
	default:
		w.x = normal()
	}
	return math.Exp(by * w.x)
}

func (m *mesh) step(row int) {
	since := row - m.shape.Before
	for i, n := range m.nodes {
		n.selfBy, n.cpuAdd, n.memoryBy, n.failAdd, n.linkAdd, n.gone = 1, 0, 1, 0, 0, false
		if i == m.cause && since >= 0 {
			m.strike(n, since)
		}
	}
	for _, n := range slices.Backward(m.nodes) {
		m.answer(n)
	}
	entry := m.nodes[0].latency
	if m.calm == 0 {
		m.calm = entry
	}
	day := (time.Duration(row) * m.shape.Step).Hours() / 24
	load := m.load * (1 + .3*math.Sin(2*math.Pi*day+m.strength)) * m.factor(m.nodes[0], "load", .03)
	if m.fault == "surge" && since >= 0 {
		load *= 2 + 4*m.strength
	} else {
		load /= 1 + .3*max(0, entry/m.calm-1) // clients wait, and ask less
	}
	m.flow(load)
	for _, n := range m.nodes {
		m.record(row, n)
	}
}

// strike sets what the fault does to its service, so many rows after it began.
func (m *mesh) strike(n *meshNode, since int) {
	far := min(1, float64(since+1)/float64(max(m.shape.After, 1)))
	switch m.fault {
	case "cpu":
		n.cpuAdd, n.selfBy = .5+2*m.strength, 2+5*m.strength
	case "latency":
		n.selfBy = 6 + 30*m.strength
	case "errors":
		n.failAdd = .1 + .6*m.strength
	case "network":
		n.linkAdd = .1 + .5*m.strength
	case "pool":
		n.selfBy = 4 + 15*m.strength
		n.failAdd = .05 * m.strength
	case "leak":
		n.memoryBy = 1 + (1+3*m.strength)*far
		n.selfBy = 1 + 2*far*far
	case "crash":
		n.gone, n.failAdd = true, 1
	}
}

// answer reckons how long a service takes and how often it fails, by what it calls.
func (m *mesh) answer(n *meshNode) {
	n.latency = n.self * n.selfBy * m.factor(n, "latency", n.noise)
	n.errors = min(1, n.failed+n.failAdd)
	below, longest := 0., 0.
	for _, c := range n.calls {
		callee := m.nodes[c.callee]
		c.history = append(c.history, [2]float64{callee.latency + callee.linkAdd, callee.errors})
		seen := c.history[max(0, len(c.history)-1-c.late)]
		if callee.gone {
			seen[0] = .001 // refused at once
		}
		c.latency = seen[0]
		below += c.times * seen[0]
		longest = max(longest, c.times*seen[0])
		n.errors += (1 - n.errors) * min(1, c.times) * c.passed * seen[1]
	}
	if n.parallel {
		below = longest
	}
	n.latency += below
}

// flow lets requests run down the calls.
func (m *mesh) flow(load float64) {
	for _, n := range m.nodes {
		n.requests = 0
	}
	m.nodes[0].requests = load
	for _, n := range m.nodes {
		for _, c := range n.calls {
			c.rate = n.requests * c.times
			if n.gone {
				c.rate = 0
			}
			m.nodes[c.callee].requests += c.rate
		}
	}
}

func (m *mesh) record(row int, n *meshNode) {
	seconds := 4 * m.shape.Step.Seconds() // a rate averages over a few scrapes
	count := func(rate float64) float64 {
		mean := rate * seconds
		return max(0, math.Round(mean+math.Sqrt(mean)*m.rng.NormFloat64())) / seconds
	}
	off := func(v float64) float64 { // nothing is scraped from what is gone
		if n.gone {
			return math.NaN()
		}
		return v
	}
	rate, inFlight := count(n.requests), n.requests*n.latency
	service := func(metric string, kind Kind, value float64) { m.add(n.name, "", metric, kind, row, value) }
	service("cpu_seconds_total", Counter, off((.02+n.cpu*n.requests+n.cpuAdd)*m.factor(n, "cpu", n.noise)))
	service("resident_bytes", Gauge, off((n.memory*n.memoryBy+1e5*inFlight)*m.factor(n, "memory", n.noise/4)))
	service("http_requests_total", Counter, off(rate))
	service("http_errors_total", Counter, off(count(n.requests*n.errors)))
	service("http_request_duration_seconds", Gauge, off(n.latency*m.factor(n, "seen", n.noise/2)))
	service("in_flight_requests", Gauge, off(math.Round(inFlight*m.factor(n, "in flight", n.noise))))
	service("gc_seconds_total", Counter, off((.001+.02*n.cpu*n.requests)*m.factor(n, "gc", 3*n.noise)))
	service("written_bytes_total", Counter, off((1e4+500*n.requests)*m.factor(n, "disk", 2*n.noise)))
	if !m.shape.Graph || n.gone {
		return
	}
	for _, c := range n.calls {
		callee := m.nodes[c.callee]
		call := func(metric string, kind Kind, value float64) {
			m.add(n.name, callee.name, "traces_service_graph_request_"+metric, kind, row, value)
		}
		seen := count(c.rate)
		call("total", Counter, seen)
		call("failed_total", Counter, count(c.rate*c.history[len(c.history)-1][1]))
		call("client_seconds_sum", Counter, seen*c.latency*m.factor(n, "client "+callee.name, n.noise/2))
		call("client_seconds_count", Counter, seen)
		if !callee.gone {
			call("server_seconds_sum", Counter, seen*callee.latency*m.factor(callee, "server "+n.name, callee.noise/2))
			call("server_seconds_count", Counter, seen)
		}
	}
}

func (m *mesh) add(service, callee, metric string, kind Kind, row int, value float64) {
	key := service + "/" + callee + "/" + metric
	series := m.series[key]
	if series == nil {
		series = &Series{Service: service, Metric: metric, Kind: kind, Callee: callee, Values: make([]float64, m.shape.Before+m.shape.After)}
		for i := range series.Values {
			series.Values[i] = math.NaN()
		}
		m.series[key] = series
		m.order = append(m.order, key)
	}
	series.Values[row] = value
}
