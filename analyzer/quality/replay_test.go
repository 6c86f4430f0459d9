package quality

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// endpoint is whom the analyzer asks.
type endpoint struct{ url, model, key string }

// liveEndpoint returns the endpoint that the environment names, as for the service.
func liveEndpoint() (endpoint, error) {
	e := endpoint{url: os.Getenv("LLM_BASE_URL"), model: os.Getenv("LLM_MODEL"), key: os.Getenv("DEEPSEEK_API_KEY")}
	if e.key == "" {
		return e, errors.New("-live asks the live model and needs its key: set DEEPSEEK_API_KEY (and LLM_BASE_URL, LLM_MODEL for another one than DeepSeek's)")
	}
	if e.model == "" {
		e.model = "deepseek-flash"
	}
	return e, nil
}

// call is one request to the model and its answer.
type call struct {
	Messages []analyzer.Message `json:"messages"`
	content  string
	took     time.Duration
}

// tap listens to what is said between analyzer and model.
type tap struct{ calls []call }

// RoundTrip implements http.RoundTripper.
func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(asked))
	var c call
	if err := json.Unmarshal(asked, &c); err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	c.took = time.Since(began)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Choices []struct {
			Message analyzer.Message `json:"message"`
		} `json:"choices"`
	}
	if json.Unmarshal(body, &answer) == nil && len(answer.Choices) > 0 { // what is no answer is the analyzer's to tell
		c.content = answer.Choices[0].Message.Content
	}
	p.calls = append(p.calls, c)
	return resp, err
}

// played is one run of a scenario.
type played struct {
	draft, final    *incident.Verdict
	evidence        []incident.Evidence // all that the final answer may cite
	counterEvidence counterEvidence
	calls           []call
	took            time.Duration
}

// play takes a scenario through draft and verification.
func (s *scenario) play(ctx context.Context, t *testing.T, e endpoint, r refuter) (*played, error) {
	t.Helper()
	listener, memo := &tap{}, &remembering{refuter: r}
	a, err := analyzer.New(analyzer.Options{
		BaseURL: e.url, Model: e.model, Key: redact.Secret(e.key), Language: s.Language,
		Ledger: analyzer.NewMemoryLedger(time.Now), Verify: r != nil, Refuter: memo, Transport: listener,
	})
	require.NoError(t, err)
	inc, f := s.incident(t), s.findings()
	began := time.Now()
	p := &played{evidence: f.Evidence}
	if p.draft, err = a.Draft(ctx, inc, f); err != nil {
		return nil, fmt.Errorf("drafting: %w", err)
	}
	p.final = p.draft
	if p.draft.Verification == nil {
		f.Verdict = p.draft
		final, looked, err := a.Verify(ctx, inc, f)
		if err != nil {
			return nil, fmt.Errorf("verifying: %w", err)
		}
		p.final, p.evidence = final, slices.Concat(f.Evidence, looked)
	}
	p.calls, p.counterEvidence, p.took = listener.calls, memo.counterEvidence, time.Since(began)
	return p, nil
}

// replay plays a scenario with the recorded answers.
func (s *scenario) replay(t *testing.T) *played {
	t.Helper()
	require.NotNil(t, s.recorded, "%s has no answers.json: write one, or record it with -live -record", s.name)
	srv, err := modeltest.New()
	require.NoError(t, err)
	defer srv.Close()
	for _, answer := range s.recorded.Answers {
		srv.Next(modeltest.Content(answer))
	}
	srv.Always(modeltest.Status(http.StatusBadRequest, "no answer is recorded for this call"))
	p, err := s.play(t.Context(), t, endpoint{srv.URL, s.recorded.Model, "sk-replay"}, replayed{t, s})
	require.NoError(t, err)
	if *promptsTo != "" {
		for i, c := range p.calls {
			s.writePrompt(t, i+1, c.Messages)
		}
	}
	if p.final.Verification != nil {
		require.Empty(t, p.final.Verification.Reason, p.final.Verification.Detail)
	}
	require.Len(t, srv.Requests(), len(s.recorded.Answers), "not all recorded answers were asked for")
	return p
}
