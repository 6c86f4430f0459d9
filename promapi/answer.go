package promapi

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/text"
)

// The bounds of what is kept of warnings.
const (
	maxReasons    = 5   // of a Querier; others are dropped
	maxReasonText = 200 // runes of each
)

// envelope is what stands beside the data of an answer. infos are notes on PromQL, which never mean that data are missing.
type envelope struct {
	Warnings  []string `json:"warnings"`
	IsPartial bool     `json:"isPartial"` // of VictoriaMetrics' cluster
}

// saidPartial is the reason where a server says that its answer is partial, and not why.
const saidPartial = "isPartial: a storage node did not answer"

// noStores is what Thanos has said of times and labels that no store of it has.
const noStores = "No StoreAPIs matched for this query"

// annotation matches notes on PromQL among the warnings: "might not be a counter" and the like, of data that are complete. The numbers
// of those left out are of notes too: Prometheus counts nothing else where ten are shown.
var annotation = regexp.MustCompile(`^(PromQL (info|warning)\b|\d+ more (warning|info) annotations omitted$)`)

// reasons returns why an answer may lack data, in one line each; none for an answer that is whole.
func (e envelope) reasons() []string {
	var out []string
	for _, w := range e.Warnings {
		if w = reasonText(w); w != "" && !annotation.MatchString(w) && len(out) < maxReasons && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	if e.IsPartial && len(out) == 0 {
		out = []string{saidPartial}
	}
	return out
}

// reasonText cuts before it cleans: a warning may be as long as an answer.
func reasonText(s string) string {
	return text.Cut(text.OneLine(text.CutBytes(s, 16*maxReasonText)), maxReasonText)
}

// answer is a context's place for what its question brings.
type answer struct {
	matrix  *model.Matrix // where it is wanted: of the usual form
	reasons []string      // why it may lack data
}

// answerKey is the key of that place.
type answerKey struct{}

func answerOf(ctx context.Context) *answer {
	a, ok := ctx.Value(answerKey{}).(*answer)
	if !ok {
		return new(answer)
	}
	return a
}

// note keeps what an answer says beside its data. One that says nothing is not decoded for it.
func (a *answer) note(body []byte) {
	if !bytes.Contains(body, []byte(`"warnings"`)) && !bytes.Contains(body, []byte(`"isPartial"`)) {
		return
	}
	var e envelope
	if json.Unmarshal(body, &e) == nil { // else who reads the data says what is wrong
		a.reasons = e.reasons()
	}
}

// notes are why answers may lack data, each reason once.
type notes struct {
	mu      sync.Mutex
	reasons []string
}

func (n *notes) add(reasons []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range reasons {
		if len(n.reasons) < maxReasons && !slices.Contains(n.reasons, r) {
			n.reasons = append(n.reasons, r)
		}
	}
}

func (n *notes) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.reasons)
}

// partialError is the error of an answer that may lack data.
type partialError struct{ reasons []string }

func (e *partialError) Error() string {
	return ErrPartial.Error() + ": " + strings.Join(e.reasons, "; ")
}

// Is makes it ErrPartial, and ErrNoStores where nothing else was said.
func (e *partialError) Is(target error) bool {
	return target == ErrPartial || target == ErrNoStores && slices.Equal(e.reasons, []string{noStores})
}
