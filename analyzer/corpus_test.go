package analyzer

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

var (
	corpusSize = flag.Int("corpus.size", 2000, "answers in the corpus of odd answers")
	corpusSeed = flag.Uint64("corpus.seed", 20261125, "seed of the corpus of odd answers")
)

// TestOddAnswers reads a corpus of odd answers: none may be read wrong, and nearly all that hold a whole verdict are read.
func TestOddAnswers(t *testing.T) {
	m := &made{Rand: rand.New(rand.NewPCG(*corpusSeed, 1))}
	var right, lost, none, wrong int
	why := map[string]int{}
	for i := range *corpusSize {
		odd := m.odd()
		got, err := readBodyOf(odd.body)
		switch {
		case err != nil && odd.truth == nil:
			none++
		case err != nil:
			lost++
			why[odd.about+": "+err.Error()]++
			t.Logf("%d lost: %s: %s\n%s", i, odd.about, err, odd.body)
		case odd.truth == nil:
			wrong++
			t.Errorf("%d has no whole verdict, and one was read: %s\n%s\n%s", i, odd.about, got.Summary, odd.body)
		default:
			if differs := difference(odd.truth, got); differs != "" {
				wrong++
				t.Errorf("%d was read wrong: %s: %s\n%s", i, odd.about, differs, odd.body)
				continue
			}
			right++
		}
	}
	t.Logf("of %d answers: %d read right, %d that hold no whole verdict not read, %d lost, %d read wrong", *corpusSize, right, none, lost, wrong)
	assert.Zero(t, wrong)
	assert.GreaterOrEqual(t, float64(right)/float64(right+lost), .97)
	assert.Greater(t, none, *corpusSize/20)
}

// readBodyOf reads the body of a response as the client does.
func readBodyOf(body string) (*incident.Verdict, error) {
	said := readCompletion([]byte(body))
	if !said.found || spoken(said.content) == "" {
		return nil, errNoJSON
	}
	r, err := readVerdict(reply{content: said.content, cut: said.is(cutReasons), whole: said.is(wholeReasons)})
	return r.verdict, err
}

// difference says where a verdict as it was read differs from the one that was written, beyond white space.
func difference(want *answer, got *incident.Verdict) string {
	same := func(what, a, b string) string {
		if strings.Join(strings.Fields(a), " ") != strings.Join(strings.Fields(b), " ") {
			return fmt.Sprintf("%s %q, not %q", what, b, a)
		}
		return ""
	}
	out := same("summary", want.Summary, got.Summary) + same("severity", want.Severity, got.Severity)
	if len(got.Causes) != len(want.Causes) || len(got.Actions) != len(want.Actions) || len(got.Checks) != len(want.Checks) {
		return out + fmt.Sprintf("%d causes, %d actions, %d checks", len(got.Causes), len(got.Actions), len(got.Checks))
	}
	for i, c := range want.Causes {
		out += same("hypothesis", c.Hypothesis, got.Causes[i].Hypothesis) + same("disproof", c.Disproof, got.Causes[i].Disproof) +
			same("likelihood", c.Likelihood, got.Causes[i].Likelihood) + same("evidence", strings.Join(c.Evidence, " "), strings.Join(got.Causes[i].Evidence, " "))
	}
	for i, x := range want.Actions {
		out += same("step", x.Step, got.Actions[i].Step) + same("why", x.Why, got.Actions[i].Why) + same("command", x.Command, got.Actions[i].Command)
	}
	for i, c := range want.Checks {
		out += same("promql", c.PromQL, got.Checks[i].PromQL)
	}
	return out + same("prevention", strings.Join(want.Prevention, " "), strings.Join(got.Prevention, " "))
}
