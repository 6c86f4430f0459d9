package handler

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestTurns: large bodies wait for each other, small ones and those that are refused anyway do not wait for them.
func TestTurns(t *testing.T) {
	const most = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(most, 100_000) // a body of that many bytes and alerts takes all memory that there is
		take := func(size int64) (func(), error) { return turns.wait(t.Context(), size) }
		first, err := take(most / 8)
		require.NoError(t, err)
		second, err := take(most / 8)
		require.NoError(t, err, "as many as the bytes allow")
		for _, size := range []int64{0, 1, smallBody, most + 1, 1 << 50} {
			done, err := take(size)
			require.NoError(t, err)
			done()
		}
		for _, size := range []int64{-1, most / 4, most} {
			start := time.Now()
			_, err := take(size)
			p := asProblem(err)
			assert.Equal(t, http.StatusServiceUnavailable, p.status)
			assert.Equal(t, "too many large notifications at once; retry (Alertmanager does)", p.reason)
			assert.Equal(t, acceptTimeout, time.Since(start))
		}
		got := make(chan func(), 1)
		go func() {
			done, err := take(-1) // not announced: as much as there may be
			assert.NoError(t, err)
			got <- done
		}()
		synctest.Wait()
		first()
		synctest.Wait()
		assert.Empty(t, got)
		second()
		(<-got)()
		for range smallBodies / smallBody {
			_, err := take(smallBody)
			require.NoError(t, err)
		}
		_, err = take(1)
		require.Error(t, err, "small ones are bounded, too")
	})
}

// TestTurnOfAStallingSender: a body that does not arrive gives its turn to the next.
func TestTurnOfAStallingSender(t *testing.T) {
	e := newEnv(t)
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		server := &http.Server{Handler: e.handler, ReadTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- server.Serve(&oneConn{conn: theirs, closed: make(chan struct{})}) }()
		start := time.Now()
		_, err := io.WriteString(ours, "POST /alert HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{\"alerts\":[")
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.Contains(t, string(text), "the body did not arrive in time; retry")
		assert.Equal(t, acceptTimeout, time.Since(start))
		require.NoError(t, ours.Close())
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		time.Sleep(time.Second) // of the bubble's time: net/http lingers on a connection that it closes
	})
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// TestTurnsEnd: whatever a large notification comes to, the next has its turn at once, and while one waits for its
// analysis, too.
func TestTurnsEnd(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.MaxBodyBytes, o.MaxAlerts = 2_100_000, 1_000_000 }) // one body at a time
	accept := func(_ context.Context, n *incident.Notification) (incident.Receipt, error) {
		if n.Alerts[0].Name() == "Panic" {
			panic("boom")
		}
		return e.store.Store.Accept(t.Context(), n)
	}
	e.store.accept = accept
	fill := func(alertname string) string { return body(alertname, "firing") + strings.Repeat(" ", 2_000_000) }
	for _, tc := range []struct {
		body   string
		status int
	}{
		{fill("Panic"), http.StatusInternalServerError},
		{"{" + fill("A"), http.StatusBadRequest},
		{fill("A") + strings.Repeat(" ", 100_000), http.StatusRequestEntityTooLarge},
		{fill("A"), http.StatusAccepted},
	} {
		start := time.Now()
		readJSON(t, e.do(t, http.MethodPost, "/alert", tc.body), tc.status)
		assert.Less(t, time.Since(start), acceptTimeout)
	}
	waits := make(chan answer, 1)
	go func() { waits <- e.do(t, http.MethodPost, "/alert?wait=2s", fill("A")) }()
	e.waitsFor(t, 1)
	readJSON(t, e.do(t, http.MethodPost, "/alert", fill("A")), http.StatusAccepted)
	assert.Empty(t, waits)
	readJSON(t, <-waits, http.StatusAccepted)
}

// TestAlertRefusedEarly: a body of too many alerts is answered before its sender has sent the rest.
func TestAlertRefusedEarly(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.MaxAlerts = 100 })
	server := httptest.NewServer(e.handler)
	defer server.Close()
	sends, rest := io.Pipe()
	defer rest.Close()
	go func() {
		fmt.Fprint(rest, `{"alerts":[{"labels":{"alertname":"A"}}`+strings.Repeat(`,{"labels":{"alertname":"A"}}`, 200)) // and no more
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/alert", sends)
	require.NoError(t, err)
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := readJSON(t, answer{resp.StatusCode, resp.Header, string(text)}, http.StatusRequestEntityTooLarge)
	assert.Equal(t, "alerts: over 100; set max_alerts on the webhook in Alertmanager, or raise web.max_alerts", got["reason"])
	assert.Contains(t, readBody(t, e.get(t, "/metrics"), http.StatusOK), `alertscribe_notifications_total{outcome="too_large"} 1`+"\n")
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := New(Options{})
	require.EqualError(t, err, "handler.Options: set Store, Report, Directory, Analyzer")
	_, err = New(Options{Store: &faulty{}, Directory: &faultyDir{}, Analyzer: status("ready")})
	require.EqualError(t, err, "handler.Options: set Report")
}

// TestTurnsAtOnce: how many bodies of a size there may be at once.
func TestTurnsAtOnce(t *testing.T) {
	for _, tc := range []struct {
		maxBytes, maxAlerts, size int64
		want                      int
	}{
		{4 << 20, 10_000, 4 << 20, 4},
		{4 << 20, 10_000, -1, 4},
		{4 << 20, 10_000, 1 << 20, 7},
		{4 << 20, 10_000, 100_000, 17},
		{4 << 20, 40_000, 4 << 20, 1},
		{4 << 20, 1_000_000, 4 << 20, 1},
		{1 << 30, 1_000_000, 1 << 30, 1},
		{4 << 20, 10_000, 1 << 10, 4096},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := newTurns(tc.maxBytes, tc.maxAlerts)
				n := 0
				for err := error(nil); err == nil; n++ {
					_, err = turns.wait(t.Context(), tc.size)
				}
				assert.Equal(t, tc.want, n-1)
			})
		})
	}
}
