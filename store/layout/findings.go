package layout

import (
	"encoding/json"
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
)

// Findings are findings as they are stored; all are empty when there are none.
type Findings struct{ Evidence, Verdict, Memory, Looks []byte }

// keptLooks is what the column looks holds.
type keptLooks struct {
	First    []incident.Evidence `json:"first,omitempty"`
	Analyzed []incident.Evidence `json:"analyzed,omitempty"`
}

// Decode makes the findings.
func (r Findings) Decode() (incident.Findings, error) {
	var f incident.Findings
	var looks keptLooks
	for _, part := range []struct {
		what string
		raw  []byte
		into any
	}{{"evidence", r.Evidence, &f.Evidence}, {"a verdict", r.Verdict, &f.Verdict}, {"memory", r.Memory, &f.Memory}, {"looks", r.Looks, &looks}} {
		if len(part.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return f, fmt.Errorf("reading the JSON of %s: %w", part.what, err)
		}
	}
	f.First, f.Analyzed = looks.First, looks.Analyzed
	return f, nil
}

// EncodeFindings returns findings as they are stored.
func EncodeFindings(f incident.Findings) (r Findings, err error) {
	if r.Evidence, err = json.Marshal(f.Evidence); err != nil {
		return r, fmt.Errorf("writing evidence as JSON: %w", err)
	}
	if r.Verdict, err = json.Marshal(f.Verdict); err != nil {
		return r, fmt.Errorf("writing a verdict as JSON: %w", err)
	}
	if r.Looks, err = json.Marshal(keptLooks{f.First, f.Analyzed}); err != nil {
		return r, fmt.Errorf("writing looks as JSON: %w", err)
	}
	if len(f.Memory) == 0 {
		return r, nil
	}
	if r.Memory, err = json.Marshal(f.Memory); err != nil {
		return r, fmt.Errorf("writing memory as JSON: %w", err)
	}
	return r, nil
}
