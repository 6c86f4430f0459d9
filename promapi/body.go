package promapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// The bounds of what answers may take in memory, all incidents together.
const (
	maxBody   = 16 << 20 // bytes of an answer, decompressed
	largeBody = 1 << 20  // bytes beyond which an answer is large
	maxLarge  = 2        // large answers that are read at a time; others wait
)

// boundedTransport ends an answer that grows beyond maxBody with an error, and lets few large ones in at a time.
type boundedTransport struct {
	next  http.RoundTripper
	large chan struct{}
}

func (b boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, done: req.Context().Done(), large: b.large}
	}
	return resp, err
}

// CloseIdleConnections lets http.Client reach the transport's.
func (b boundedTransport) CloseIdleConnections() { closeIdle(b.next) }

type boundedBody struct {
	io.ReadCloser
	done  <-chan struct{} // of the request
	large chan struct{}
	read  int
	holds bool // a place among the large ones
	mu    sync.Mutex
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.read > maxBody {
		return 0, fmt.Errorf("%w: the answer has more than %d MiB", ErrTooExpensive, maxBody>>20)
	}
	if b.read > largeBody && !b.enter() {
		return 0, context.DeadlineExceeded
	}
	if room := maxBody + 1 - b.read; len(p) > room {
		p = p[:room]
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	if err != nil {
		b.leave()
	}
	return n, err
}

// Close may be called while a Read waits: that is how a request is given up.
func (b *boundedBody) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}

// enter waits for a place among the large answers; false when the request was given up.
func (b *boundedBody) enter() bool {
	b.mu.Lock()
	holds := b.holds
	b.mu.Unlock()
	if holds {
		return true
	}
	select {
	case b.large <- struct{}{}:
	case <-b.done:
		return false
	}
	b.mu.Lock()
	b.holds = true
	b.mu.Unlock()
	select {
	case <-b.done: // Close may have come before
		b.leave()
		return false
	default:
		return true
	}
}

func (b *boundedBody) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds {
		<-b.large
		b.holds = false
	}
}
