package testbedtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Relay forwards connections to an address, which may change, as a name or a virtual address does that moves to another machine.
type Relay struct {
	l       net.Listener
	mu      sync.Mutex
	to      string
	pairs   map[*pair]bool
	ended   bool
	copying sync.WaitGroup
}

// pair is a connection and where it is forwarded.
type pair struct {
	in, out net.Conn
	silent  bool // what it leads to is gone, and nobody has said so
}

// StartRelay forwards to an address until the end of the test.
func StartRelay(tb testing.TB, to string) *Relay {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &Relay{l: l, to: to, pairs: map[*pair]bool{}}
	r.copying.Go(r.accept)
	tb.Cleanup(func() {
		_ = l.Close() // ends accept
		r.mu.Lock()
		r.ended = true
		for p := range r.pairs {
			_, _ = p.in.Close(), p.out.Close()
		}
		r.mu.Unlock()
		r.copying.Wait()
	})
	return r
}

// Address is where the relay listens.
func (r *Relay) Address() string { return r.l.Addr().String() }

// Move forwards new connections to another address. Those that are open lead nowhere from now on: they stay open, and nothing comes
// of them, as with a machine that has lost its power.
func (r *Relay) Move(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
	for p := range r.pairs {
		p.silent = true
		_ = p.out.Close()
	}
}

func (r *Relay) accept() {
	for {
		in, err := r.l.Accept()
		if err != nil {
			return // closed
		}
		r.mu.Lock()
		to := r.to
		r.mu.Unlock()
		out, err := net.Dial("tcp", to) //nolint:noctx // it ends with the relay
		if err != nil {
			_ = in.Close()
			continue
		}
		r.forward(&pair{in: in, out: out})
	}
}

func (r *Relay) forward(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		_, _ = p.in.Close(), p.out.Close()
		return
	}
	r.pairs[p] = true
	for _, way := range [][2]net.Conn{{p.in, p.out}, {p.out, p.in}} {
		r.copying.Go(func() {
			_, _ = io.Copy(way[1], way[0]) // until one of them is closed
			r.mu.Lock()
			defer r.mu.Unlock()
			if !p.silent {
				_, _ = p.in.Close(), p.out.Close()
				delete(r.pairs, p)
			}
		})
	}
}
