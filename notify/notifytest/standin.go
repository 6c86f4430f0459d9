package notifytest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Accepted is a message that a service took.
type Accepted struct {
	ID     string // the service's own, or the one that came with the message
	Edits  string // the ID of the message that it replaces; "" for a new one
	Text   string // as a reader sees it, about
	Body   []byte
	Header http.Header
	At     time.Time
}

// Fault is an answer that a stand-in is told to give.
type Fault struct {
	Status   int
	Header   map[string]string
	Body     string
	Deliver  bool // the message is taken all the same
	HangUp   bool // there is no answer
	BreakOff bool // in the body, behind what there is of it
}

// Standin is a fake service on loopback.
type Standin struct {
	// URL is what the channel is configured with: a webhook's whole URL, or the root of an API.
	URL string

	server     *httptest.Server
	handle     func(s *Standin, r *http.Request, body []byte) answer
	mu         sync.Mutex
	accepted   []Accepted
	violations []string
	faults     []Fault
	hits       []time.Time
	requests   int
	limit      int // hits within window; 0 for no limit
	window     time.Duration
	counter    int
	down       bool

	connMu sync.Mutex
	conns  map[string]bool // by the client's address
}

// answer is what a service says.
type answer struct {
	status   int
	header   map[string]string
	body     string
	accepted *Accepted // nil: it took nothing
}

func ok(body string, a *Accepted) answer {
	return answer{status: http.StatusOK, body: body, accepted: a}
}

func refuse(status int, body string) answer { return answer{status: status, body: body} }

func start(path string, handle func(s *Standin, r *http.Request, body []byte) answer) *Standin {
	s := &Standin{handle: handle, conns: map[string]bool{}}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.server.Config.ConnState = s.track
	s.server.Start()
	s.URL = s.server.URL + path
	return s
}

// Close ends the service.
func (s *Standin) Close() { s.server.Close() }

// Disconnect ends all connections, and returns when what came on them is in Accepted or never will be.
func (s *Standin) Disconnect() {
	last, err := net.Dial("tcp", s.server.Listener.Addr().String()) //nolint:noctx // to ourselves; what is accepted after others
	if err != nil {
		return // closed
	}
	defer last.Close()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for begun := time.Now(); !s.knows(last.LocalAddr()) && time.Since(begun) < time.Minute; {
		<-poll.C
	}
	s.server.CloseClientConnections()
	for begun := time.Now(); s.connected() > 0 && time.Since(begun) < time.Minute; {
		<-poll.C
	}
}

// track notes which connections there are: one has ended when its last request has.
func (s *Standin) track(c net.Conn, state http.ConnState) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c.RemoteAddr().String()] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c.RemoteAddr().String())
	case http.StateActive, http.StateIdle:
	}
}

func (s *Standin) knows(client net.Addr) bool {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	return s.conns[client.String()]
}

func (s *Standin) connected() int {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	return len(s.conns)
}

// Root returns the root of the service's addresses.
func (s *Standin) Root() string { return s.server.URL }

// Fail gives the next requests these answers.
func (s *Standin) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// SetDown makes the service answer nothing but 503, or lets it work again.
func (s *Standin) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Limit replaces the rate limit; 0 for none.
func (s *Standin) Limit(n int, window time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.window = n, window
}

// Accepted returns what the service took.
func (s *Standin) Accepted() []Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// Violations returns what the client should not have done.
func (s *Standin) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// Requests returns how many came.
func (s *Standin) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *Standin) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var fault *Fault
	if len(s.faults) > 0 {
		fault, s.faults = &s.faults[0], s.faults[1:]
	}
	if fault == nil || fault.Deliver {
		a := s.handle(s, r, body)
		if a.accepted != nil {
			a.accepted.Body, a.accepted.Header, a.accepted.At = body, r.Header, time.Now()
			s.accepted = append(s.accepted, *a.accepted)
		}
		if fault == nil {
			write(w, a.status, a.header, a.body)
			return
		}
	}
	if fault.HangUp {
		panic(http.ErrAbortHandler)
	}
	if fault.BreakOff {
		const more = 100
		w.Header().Set("Content-Length", strconv.Itoa(len(fault.Body)+more))
		write(w, fault.Status, fault.Header, fault.Body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	write(w, fault.Status, fault.Header, fault.Body)
}

func write(w http.ResponseWriter, status int, header map[string]string, body string) {
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// tooFast counts a hit and reports whether there were too many. The lock is held.
func (s *Standin) tooFast() bool {
	if s.limit == 0 {
		return false
	}
	now := time.Now()
	s.hits = slices.DeleteFunc(s.hits, func(at time.Time) bool { return now.Sub(at) >= s.window })
	if len(s.hits) >= s.limit {
		return true
	}
	s.hits = append(s.hits, now)
	return false
}

func (s *Standin) next() string {
	s.counter++
	return fmt.Sprint(s.counter)
}

func (s *Standin) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// find returns an accepted message. The lock is held.
func (s *Standin) find(id string) bool {
	return slices.ContainsFunc(s.accepted, func(a Accepted) bool { return a.ID == id && a.Edits == "" })
}
