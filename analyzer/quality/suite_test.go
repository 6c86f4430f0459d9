package quality

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

var (
	askLive        = flag.Bool("live", false, "ask the live model: DEEPSEEK_API_KEY, LLM_BASE_URL, LLM_MODEL")
	runs           = flag.Int("runs", 1, "how often each scenario is asked of the live model")
	recordAnswers  = flag.Bool("record", false, "with -live: write down what the model answers in the first run, and what refuted its draft")
	recordEvidence = flag.Bool("record.evidence", false, "collect the evidence anew from a real Prometheus, and what refutes the recorded draft")
	promptsTo      = flag.String("prompts", "", "a folder to write to what the model is asked: NAME-1.txt, NAME-2.txt")
)

// TestSuite replays all scenarios, or asks them of the live model, and prints how it went.
func TestSuite(t *testing.T) {
	if *askLive {
		e, err := liveEndpoint()
		require.NoError(t, err)
		fmt.Print("\n", runLive(t, e, names(t), *runs, liveRefuter, recordTo(*recordAnswers)))
		return
	}
	require.False(t, *recordAnswers, "-record writes what the live model says: it needs -live")
	var results []*result
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			s := load(t, name)
			if *recordEvidence {
				s.record(t)
			}
			if *promptsTo != "" {
				s.writePrompt(t, 1, s.firstPrompt(t))
			}
			require.NotEmpty(t, s.evidence, "%s has no evidence.json: record it with -record.evidence", name)
			r := s.result(s.replay(t))
			results = append(results, r)
			for _, problem := range r.problems {
				t.Error(problem)
			}
		})
	}
	fmt.Print("\n", table(results), "\n")
}

// record collects the scenario's evidence anew, and what refutes its recorded draft.
func (s *scenario) record(t *testing.T) {
	c := s.serve(t)
	s.recordEvidence(t, c)
	if s.recorded != nil {
		s.recordCounterEvidence(t, c, s.draftChecks(t))
	}
}

// draftChecks returns the checks that the recorded draft proposes.
func (s *scenario) draftChecks(t *testing.T) []incident.Check {
	t.Helper()
	srv, err := modeltest.New()
	require.NoError(t, err)
	defer srv.Close()
	srv.Always(modeltest.Content(s.recorded.Answers[0]))
	p, err := s.play(t.Context(), t, endpoint{srv.URL, s.recorded.Model, "sk-replay"}, nil)
	require.NoError(t, err)
	return p.draft.Checks
}

// firstPrompt returns what the model is asked first; the scenario needs no recorded answers for that.
func (s *scenario) firstPrompt(t *testing.T) []analyzer.Message {
	t.Helper()
	a, err := analyzer.New(analyzer.Options{Language: s.Language, Ledger: analyzer.NewMemoryLedger(nil)})
	require.NoError(t, err)
	return a.Prompt(s.incident(t), s.findings())
}

func (s *scenario) writePrompt(t *testing.T, n int, messages []analyzer.Message) {
	t.Helper()
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "--- %s\n%s\n", m.Role, m.Content)
	}
	require.NoError(t, os.WriteFile(filepath.Join(*promptsTo, fmt.Sprintf("%s-%d.txt", s.name, n)), []byte(b.String()), 0o644))
}

// recordTo returns the folder in which a scenario's answers are written; "" for none.
func recordTo(wanted bool) func(s *scenario) string {
	return func(s *scenario) string {
		if !wanted {
			return ""
		}
		return s.dir
	}
}
