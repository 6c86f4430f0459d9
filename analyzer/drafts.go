package analyzer

import (
	"sync"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/analyzer/factcheck"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// prompted is what the model was told of an incident.
type prompted struct {
	session  *redact.Session
	messages []openai.ChatCompletionMessage
	shown    factcheck.Input
}

const (
	maxDrafts      = 32  // that are remembered: more than are asked for at once
	maxDraftAlerts = 500 // of an incident whose draft is remembered: a large one would be held in memory for it
)

// drafts remembers what drafts were made from. The second call begins with the first to the byte, whatever happens to the incident
// in between, so that the provider's cache is hit. A draft of another process is not known: the prompt is made anew.
type drafts struct {
	mu   sync.Mutex
	kept []keptDraft // the oldest first
}

type keptDraft struct {
	id   string
	at   time.Time // the verdict's
	from prompted
}

func (d *drafts) keep(inc *incident.Incident, at time.Time, from prompted) {
	if len(inc.Alerts) > maxDraftAlerts {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, keptDraft{inc.ID, at, from})
	if len(d.kept) > maxDrafts {
		d.kept[0] = keptDraft{} // not held by the array
		d.kept = d.kept[1:]
	}
}

// of returns what a draft was made from, where that is known.
func (d *drafts) of(id string, at time.Time) (from prompted, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.kept {
		if k.id == id && k.at.Equal(at) {
			return k.from, true
		}
	}
	return prompted{}, false
}
