// Package modeltest is a fake OpenAI-compatible model server that speaks DeepSeek's documented protocol, faults included. It
// listens on a port of its own on the loopback interface:
//
//	srv, err := modeltest.New()
//	defer srv.Close()
//	srv.Next(modeltest.RateLimit("2"), modeltest.Status(503, "")) // the next two requests, then plausible verdicts
//	srv.Always(modeltest.Hang())                                  // or the same fault until told otherwise
//
// Untroubled, it answers with a verdict that cites the evidence ids of the prompt. It needs no *testing.T, so that a
// program can use it too.
package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is a fake model server. All methods are safe for concurrent use.
type Server struct {
	URL string // http://127.0.0.1:PORT; answers with any path behind it, as providers have many

	mu       sync.Mutex
	server   *http.Server
	stop     context.CancelFunc
	served   chan struct{}
	next     []Reply
	always   Reply
	models   []string
	requests []Request
	prompts  []string // of earlier requests, the newest last: what the provider's cache would hold
}

// Message is one message of a chat.
type Message struct {
	Role    string  `json:"role"`
	Content *string `json:"content"` // nil when the request left it out
}

// Request is a request as the server received it.
type Request struct {
	Method, Path string
	Query        string // of the URL
	Header       http.Header
	Body         []byte

	Model    string
	Messages []Message
	Cached   int // tokens of the prompt that an earlier request had as its prefix
}

// User returns the first message of the user: the incident's data.
func (r Request) User() string {
	for _, m := range r.Messages {
		if m.Role == "user" && m.Content != nil {
			return *m.Content
		}
	}
	return ""
}

// Prompt returns all messages as one text, in the order in which a provider caches them.
func (r Request) Prompt() string {
	var b strings.Builder
	for _, m := range r.Messages {
		b.WriteString("<" + m.Role + ">\n")
		if m.Content != nil {
			b.WriteString(*m.Content)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Reply answers one chat request. It may block until r's context ends: the client has gone or the server closes.
type Reply func(w http.ResponseWriter, r *http.Request, asked Request)

// New starts a server that answers with plausible verdicts and judgments.
func New() (*Server, error) {
	s := &Server{models: []string{"deepseek-flash", "deepseek-v4-pro"}, always: Plausible()}
	if err := s.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) listen(address string) error {
	ctx, stop := context.WithCancel(context.Background())
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		stop()
		return fmt.Errorf("listening as a model: %w", err)
	}
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ln) // ends with http.ErrServerClosed, always
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.URL, s.server, s.stop, s.served = "http://"+ln.Addr().String(), server, stop, served
	return nil
}

// Down stops listening and breaks all connections: from now on they are refused.
func (s *Server) Down() {
	s.mu.Lock()
	server, stop, served := s.server, s.stop, s.served
	s.mu.Unlock()
	stop()
	_ = server.Close()
	<-served
}

// Up listens again, on the same address, after Down.
func (s *Server) Up() error { return s.listen(strings.TrimPrefix(s.URL, "http://")) }

// Close ends the server and all answers under way.
func (s *Server) Close() { s.Down() }

// Next queues answers for the next requests, one for each. After them what Always said counts again.
func (s *Server) Next(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, replies...)
}

// Always sets the answer to all requests that have none queued.
func (s *Server) Always(reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = reply
}

// SetModels sets what GET /models lists.
func (s *Server) SetModels(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = names
}

// Requests returns the chat requests received so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/models"):
		s.serveModels(w, r)
	case strings.HasSuffix(path, "/chat/completions"):
		asked, err := s.record(r)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		s.reply()(w, r, asked)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serveModels(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		fail(w, http.StatusUnauthorized, "Authentication Fails")
		return
	}
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		OwnedBy string `json:"owned_by"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	models := []model{}
	for _, name := range s.models {
		models = append(models, model{name, "model", "deepseek"})
	}
	send(w, http.StatusOK, map[string]any{"object": "list", "data": models})
}

// record keeps the request, and refuses what DeepSeek refuses: JSON mode without the word json in the prompt.
func (s *Server) record(r *http.Request) (Request, error) {
	asked := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone()}
	var err error
	if asked.Body, err = io.ReadAll(r.Body); err != nil {
		return asked, fmt.Errorf("reading the request: %w", err)
	}
	var chat struct {
		Model          string    `json:"model"`
		Messages       []Message `json:"messages"`
		ResponseFormat struct {
			Type string `json:"type"`
		} `json:"response_format"`
	}
	invalid := json.Unmarshal(asked.Body, &chat)
	asked.Model, asked.Messages = chat.Model, chat.Messages
	s.mu.Lock()
	defer s.mu.Unlock()
	prompt := asked.Prompt()
	asked.Cached = s.cached(prompt)
	s.prompts = append(s.prompts, prompt)
	if len(s.prompts) > maxPrompts {
		s.prompts = s.prompts[1:]
	}
	s.requests = append(s.requests, asked)
	if invalid != nil {
		return asked, fmt.Errorf("reading the request: %w", invalid)
	}
	if chat.ResponseFormat.Type == "json_object" && !strings.Contains(strings.ToLower(prompt), "json") {
		return asked, errors.New("Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.") //nolint:revive,staticcheck // as the provider says it
	}
	return asked, nil
}

const (
	maxPrompts = 64  // that the cache remembers
	cacheUnit  = 256 // bytes: DeepSeek caches by units of 64 tokens
)

// cached returns how many tokens of a prompt an earlier one had in common with it from the first byte on, in whole units.
func (s *Server) cached(prompt string) int {
	longest := 0
	for _, earlier := range s.prompts {
		n := 0
		for n < min(len(earlier), len(prompt)) && earlier[n] == prompt[n] {
			n++
		}
		longest = max(longest, n)
	}
	return longest / cacheUnit * cacheUnit / bytesPerToken
}

func (s *Server) reply() Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.next) == 0 {
		return s.always
	}
	reply := s.next[0]
	s.next = s.next[1:]
	return reply
}

// tokens estimates the number of tokens as the providers' rule of thumb does.
func tokens(text string) int { return len(text)/bytesPerToken + 1 }

const bytesPerToken = 4

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if status != http.StatusOK { // which may have been sent already, before blank lines
		w.WriteHeader(status)
	}
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func fail(w http.ResponseWriter, status int, message string) {
	send(w, status, map[string]any{"error": map[string]any{
		"message": message, "type": "invalid_request_error", "param": nil, "code": "invalid_request_error",
	}})
}
