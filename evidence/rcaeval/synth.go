package rcaeval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Faults lists the kinds of fault that System knows, besides "" for none.
func Faults() []string {
	return []string{"cpu", "crash", "drop", "errors", "latency", "leak", "mem", "restart"}
}

// Shape says how long a synthetic system is watched, and how often.
type Shape struct {
	Step          time.Duration
	Before, After int // rows
}

// Systems returns n synthetic systems of each kind of fault, all different, the same for the same seed.
func Systems(seed uint64, n int, shape Shape) []*Case {
	var cases []*Case
	for _, fault := range Faults() {
		for i := range n {
			cases = append(cases, System(seed+uint64(i), fault, shape))
		}
	}
	return cases
}

// service is one node of a synthetic system: a call graph in which a service calls only those after it.
type service struct {
	name                          string
	cpu, mem, latency, failing    float64 // per request, bytes, seconds of its own, share of requests
	noise, drift, sawtooth, spike float64
	cronEvery, cronAt, cronFor    int
	calls                         []int

	// what the fault does to it in the row at hand, as factors and additions
	cpuAdd, memBy, latencyBy, failAdd, routed float64
	gone                                      bool
	// the row at hand
	requests, total, errs float64
	level                 float64 // of memory: a slow random walk
}

// system is the state of a simulation.
type system struct {
	rng      *rand.Rand
	fault    string
	cause    int
	shape    Shape
	services []*service
	load     float64 // requests/s that enter
	wobble   float64
	phase    float64
	calm     float64 // the latency of the first service on a normal day
	strength float64 // of the fault, 0 to 1
	series   map[string]*Series
	order    []string
}

// System simulates services that call each other under a load with daily seasonality, and one fault ("" for none) in
// one of them, with what follows for its callers (latency, errors), its callees (traffic) and its clients (less load).
func System(seed uint64, fault string, shape Shape) *Case {
	rng := rand.New(rand.NewPCG(seed, uint64(len(fault))*7919+hash(fault)))
	s := &system{
		rng: rng, fault: fault, shape: shape, load: math.Exp(rng.NormFloat64()) * 100, phase: rng.Float64() * 2 * math.Pi,
		strength: rng.Float64(), series: map[string]*Series{},
	}
	n := 5 + rng.IntN(16)
	for i := range n {
		s.services = append(s.services, newService(rng, i))
	}
	for i := 1; i < n; i++ {
		for range 1 + rng.IntN(2) {
			if caller := s.services[rng.IntN(i)]; !slices.Contains(caller.calls, i) {
				caller.calls = append(caller.calls, i)
			}
		}
	}
	s.cause = rng.IntN(n)
	for row := range shape.Before + shape.After {
		s.step(row)
	}
	c := &Case{
		Name: fmt.Sprintf("synthetic/%s/%d", fault, seed), Service: s.services[s.cause].name, Fault: fault,
		Step: shape.Step, Onset: shape.Before,
	}
	if fault == "" {
		c.Service = ""
	}
	for _, key := range s.order {
		c.Series = append(c.Series, *s.series[key])
	}
	return c
}

func hash(s string) (h uint64) {
	for _, r := range s {
		h = h*31 + uint64(r)
	}
	return h
}

func newService(rng *rand.Rand, i int) *service {
	lognormal := func(median, spread float64) float64 { return median * math.Exp(spread*rng.NormFloat64()) }
	svc := &service{
		name: fmt.Sprintf("svc-%c%d", 'a'+rune(rng.IntN(26)), i), cpu: lognormal(.002, 1), mem: lognormal(2e8, 1),
		latency: lognormal(.01, 1), noise: lognormal(.08, .5), drift: lognormal(.0005, .7), level: 1, cronEvery: 60 + rng.IntN(500),
	}
	svc.cronAt, svc.cronFor = rng.IntN(svc.cronEvery), 1+rng.IntN(10)
	if rng.IntN(3) == 0 {
		svc.failing = lognormal(.0005, 1)
	}
	if rng.IntN(3) == 0 {
		svc.sawtooth = .1 + .4*rng.Float64()
	}
	if rng.IntN(3) == 0 {
		svc.spike = lognormal(.3, 1)
	}
	return svc
}

func (s *system) step(row int) {
	since := row - s.shape.Before
	for i, svc := range s.services {
		svc.cpuAdd, svc.memBy, svc.latencyBy, svc.failAdd, svc.routed, svc.gone = 0, 1, 1, 0, 1, false
		if i == s.cause && since >= 0 {
			s.strike(svc, since)
		}
	}
	day := time.Duration(row) * s.shape.Step
	s.wobble = .9*s.wobble + .02*s.rng.NormFloat64()
	load := s.load * (1 + .4*math.Sin(s.phase+2*math.Pi*day.Hours()/24) + s.wobble)
	for _, svc := range slices.Backward(s.services) {
		svc.total = svc.latency * svc.latencyBy * math.Exp(svc.noise*s.rng.NormFloat64())
		for _, callee := range svc.calls {
			svc.total += .7 * s.services[callee].total
		}
	}
	entry := s.services[0].total
	if s.calm == 0 {
		s.calm = entry
	}
	load /= 1 + .3*max(0, entry/s.calm-1) // clients wait, and ask less
	s.flow(load)
	for i, svc := range s.services {
		s.record(row, i, svc)
	}
}

// strike sets what the fault does to its service, so many rows after it began.
func (s *system) strike(svc *service, since int) {
	far := float64(since+1) / float64(s.shape.After)
	switch s.fault {
	case "cpu":
		svc.cpuAdd, svc.latencyBy = .5+2*s.strength, 1.3+4*s.strength
	case "mem":
		svc.memBy, svc.cpuAdd = 1.5+4*s.strength*min(1, far*5), .05
	case "leak":
		svc.memBy = 1 + (.4+2*s.strength)*far
	case "latency":
		svc.latencyBy = 4 + 20*s.strength
	case "errors":
		svc.failAdd = .05 + .5*s.strength
	case "drop":
		svc.routed = .05 + .4*s.strength
	case "crash":
		svc.gone, svc.failAdd = true, 1
	case "restart":
		svc.gone = since < 4
		if svc.gone {
			svc.failAdd = 1
			return
		}
		warm := math.Exp(-6 * far)
		svc.memBy, svc.latencyBy, svc.cpuAdd = .5+.3*far, 1+3*warm, .5*warm
	}
}

// flow lets requests run down the graph and errors up.
func (s *system) flow(load float64) {
	for _, svc := range s.services {
		svc.requests = 0
	}
	s.services[0].requests = load
	for _, svc := range s.services {
		svc.requests *= svc.routed
		for _, callee := range svc.calls {
			s.services[callee].requests += svc.requests / float64(1+len(svc.calls)/2)
		}
		if svc.gone {
			svc.requests = 0
		}
	}
	for _, svc := range slices.Backward(s.services) {
		svc.errs = svc.failing + svc.failAdd
		for _, callee := range svc.calls {
			svc.errs += .8 * s.services[callee].errs / float64(1+len(svc.calls)/2)
		}
		svc.errs = min(svc.errs, 1)
	}
}

func (s *system) record(row, i int, svc *service) {
	noise := func(by float64) float64 { return math.Exp(by * s.rng.NormFloat64()) }
	seconds := s.shape.Step.Seconds()
	// A rate over a counter sees whole requests only, and averages over a few scrapes.
	count := func(rate float64) float64 { return s.poisson(rate*4*seconds) / (4 * seconds) }
	cpu := (.01 + svc.cpu*svc.requests + svc.cpuAdd) * noise(svc.noise)
	svc.level *= math.Exp(svc.drift * s.rng.NormFloat64())
	saw := 1 + svc.sawtooth*float64((row+i*37)%60)/60
	mem := math.Floor(svc.mem*svc.level*saw*svc.memBy/4096) * 4096
	requests, errs := count(svc.requests), count(svc.requests*svc.errs)
	burst := 0.
	if svc.spike > 0 && s.rng.IntN(50) == 0 {
		burst = svc.spike * 10 * noise(.5)
	}
	cron := 0.
	if (row+svc.cronAt)%svc.cronEvery < svc.cronFor {
		cron = 1e6 * noise(.1)
	}
	total := svc.total
	if svc.gone { // nothing is scraped from it; its callers are, and the platform that counts requests for it
		cpu, mem, total, cron, burst = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	if svc.requests == 0 {
		total = math.NaN()
	}
	s.add(svc, "cpu_seconds_total", Counter, row, cpu)
	s.add(svc, "memory_bytes", Gauge, row, mem)
	s.add(svc, "requests_total", Counter, row, requests)
	s.add(svc, "errors_total", Counter, row, errs)
	s.add(svc, "latency_seconds", Gauge, row, total)
	s.add(svc, "latency_p90_seconds", Gauge, row, total*1.8*noise(.15))
	s.add(svc, "in_flight", Gauge, row, math.Round(svc.requests*total*noise(.1)))
	s.add(svc, "gc_pause_seconds_total", Counter, row, (.001+.1*cpu)*noise(.4)+burst)
	s.add(svc, "disk_written_bytes_total", Counter, row, cron+1e4*noise(.3))
	s.add(svc, "replicas", Gauge, row, 3)
}

func (s *system) add(svc *service, metric string, kind Kind, row int, value float64) {
	key := svc.name + "/" + metric
	series := s.series[key]
	if series == nil {
		series = &Series{Service: svc.name, Metric: metric, Kind: kind, Values: make([]float64, s.shape.Before+s.shape.After)}
		s.series[key] = series
		s.order = append(s.order, key)
	}
	series.Values[row] = value
}

func (s *system) poisson(mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*s.rng.NormFloat64()))
	}
	limit, n := math.Exp(-mean), 0.
	for p := s.rng.Float64(); p > limit; p *= s.rng.Float64() {
		n++
	}
	return n
}
