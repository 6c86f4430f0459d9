package quality

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
)

// liveRefuter answers the checks that a live model proposes out of a real Prometheus with the scenario's world.
func liveRefuter(t *testing.T, s *scenario) refuter { return s.serve(t) }

// tally counts how one scenario went with the live model.
type tally struct {
	name                             string
	asked, failed, passed, confident int
	misled                           int // as drafts
	prompt, cached, completion       int
	cost                             float64
	took                             []time.Duration
	problems                         []string
}

// runLive asks all scenarios of a model, n times each, and returns the table.
func runLive(t *testing.T, e endpoint, scenarios []string, n int, lookUp func(*testing.T, *scenario) refuter, dir func(*scenario) string) string {
	var all []*tally
	for _, name := range scenarios {
		t.Run(name, func(t *testing.T) {
			s, one := load(t, name), &tally{name: name}
			all = append(all, one)
			r := lookUp(t, s)
			for run := range n {
				p, err := s.play(t.Context(), t, e, r)
				if one.add(s, p, err); err != nil {
					t.Logf("run %d: %v", run+1, err)
					continue
				}
				if to := dir(s); to != "" && run == 0 {
					p.record(t, to)
				}
			}
			for _, problem := range one.problems {
				t.Log(problem) // the table is the result: a model that is wrong now and then is no broken build
			}
		})
	}
	return liveTable(e, all)
}

// record writes down what a live model has answered, and the counter-evidence to its draft.
func (p *played) record(t *testing.T, dir string) {
	t.Helper()
	r := recording{Model: p.final.Model, By: byModel, At: time.Now().UTC().Truncate(time.Second)}
	for _, c := range p.calls {
		r.Answers = append(r.Answers, c.content)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	writeJSON(t, filepath.Join(dir, "answers.json"), text)
	p.counterEvidence.save(t, dir)
}

func (n *tally) add(s *scenario, p *played, err error) {
	n.asked++
	if err != nil {
		n.failed++
		return
	}
	j := s.Expect.judge(p.final, p.evidence)
	n.passed += number(len(j.problems) == 0)
	n.confident += number(j.confidentlyWrong())
	n.misled += number(s.Expect.judge(p.draft, p.evidence).confidentlyWrong())
	for _, problem := range j.problems {
		n.problems = append(n.problems, fmt.Sprintf("run %d: %s", n.asked, problem))
	}
	spend := p.final.Spend
	n.prompt, n.cached, n.completion = n.prompt+spend.Prompt, n.cached+spend.Cached, n.completion+spend.Completion
	n.cost += spend.Cost
	n.took = append(n.took, p.took)
}

func liveTable(e endpoint, all []*tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Model %s, %s\n\n| scenario | runs | failed calls | pass | confidently wrong as a draft | as verified | prompt tokens | from the cache | completion tokens | USD | p50 | p95 |\n"+
		"|---|---|---|---|---|---|---|---|---|---|---|---|\n", e.model, time.Now().UTC().Format(time.DateOnly))
	sum := &tally{name: "**all**"}
	for _, n := range all {
		n.row(&b)
		sum.asked, sum.failed, sum.passed, sum.confident = sum.asked+n.asked, sum.failed+n.failed, sum.passed+n.passed, sum.confident+n.confident
		sum.prompt, sum.cached, sum.completion = sum.prompt+n.prompt, sum.cached+n.cached, sum.completion+n.completion
		sum.cost, sum.misled = sum.cost+n.cost, sum.misled+n.misled
		sum.took = append(sum.took, n.took...)
	}
	sum.row(&b)
	return b.String()
}

// row writes means for each run that was answered.
func (n *tally) row(b *strings.Builder) {
	answered := max(n.asked-n.failed, 1)
	fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %s | %d | %s | %d | %.5f | %s | %s |\n", n.name, n.asked, n.failed,
		percent(float64(n.passed)/float64(answered)), percent(float64(n.misled)/float64(answered)), percent(float64(n.confident)/float64(answered)), n.prompt/answered,
		percent(float64(n.cached)/float64(max(n.prompt, 1))), n.completion/answered, n.cost/float64(answered), n.latency(.5), n.latency(.95))
}

// latency returns a quantile by nearest rank.
func (n *tally) latency(q float64) time.Duration {
	if len(n.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(n.took))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(10 * time.Millisecond)
}

// TestLive takes the way of -live, with a fake model.
func TestLive(t *testing.T) {
	const name = "login-attack"
	s := load(t, name)
	srv, err := modeltest.New()
	require.NoError(t, err)
	defer srv.Close()
	t.Setenv("DEEPSEEK_API_KEY", "sk-fake")
	t.Setenv("LLM_BASE_URL", srv.URL)
	t.Setenv("LLM_MODEL", "deepseek-v4-pro")
	e, err := liveEndpoint()
	require.NoError(t, err)
	for range 2 {
		for _, answer := range s.recorded.Answers {
			srv.Next(modeltest.Content(answer))
		}
	}
	srv.Always(modeltest.Status(http.StatusUnauthorized, "no more")) // a third run fails
	dir := t.TempDir()
	shown := runLive(t, e, []string{name}, 3, func(t *testing.T, s *scenario) refuter { return replayed{t, s} },
		func(*scenario) string { return dir })
	assert.Contains(t, shown, "Model deepseek-v4-pro")
	assert.Regexp(t, `\| \*\*all\*\* \| 3 \| 1 \| 100 % \| 0 % \| 0 % \| \d{4,} \| [1-9]\d % \| \d{3,} \| 0\.0\d+ \| \d+(ms|s)`, shown)
	assert.Equal(t, "Bearer sk-fake", srv.Requests()[0].Header.Get("Authorization"))

	var again *recording
	read(t, filepath.Join(dir, "answers.json"), &again)
	require.NotNil(t, again)
	assert.Equal(t, s.recorded.Answers, again.Answers)
	assert.Equal(t, []any{byModel, "deepseek-v4-pro", false}, []any{again.By, again.Model, again.At.IsZero()})
	var refuted counterEvidence
	read(t, filepath.Join(dir, "counter_evidence.json"), &refuted)
	assert.Equal(t, s.counterEvidence, refuted)
}

// TestLiveNeedsAKey: who asks for the live model is told what is missing, and nothing is skipped.
func TestLiveNeedsAKey(t *testing.T) {
	t.Setenv("DEEPSEEK_API_KEY", "")
	_, err := liveEndpoint()
	require.ErrorContains(t, err, "set DEEPSEEK_API_KEY")
}
