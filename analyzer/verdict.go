package analyzer

import (
	"errors"

	"github.com/alertscribe/alertscribe/incident"
)

var errEmptySummary = errors.New(`the key "summary" is empty`)

// reading is an answer that was read.
type reading struct {
	verdict *incident.Verdict
	fields  *fieldReader // what could not be read of it
	mended  bool         // it was not valid JSON
}

// readVerdict reads the model's answer: one JSON object, with whatever models put around it and get wrong in it. The error is
// errNoJSON, errCutOff, errUnclear, or says what is wrong with the shape.
func readVerdict(got reply) (reading, error) {
	written, err := findVerdict(got.content, got.cut, got.whole)
	if err != nil {
		return reading{}, err
	}
	r := reading{fields: &fieldReader{}, mended: written.Loose}
	r.verdict, err = r.fields.verdict(written)
	return r, err
}

func idsOf(evidence []incident.Evidence) []string {
	var ids []string
	for _, e := range evidence {
		ids = append(ids, e.ID)
	}
	return ids
}

// proseVerdict keeps an answer that is not JSON as what it is: without the thoughts of the model.
func proseVerdict(content string) *incident.Verdict {
	return &incident.Verdict{
		Category: incident.Unknown, Severity: "none", Prose: boundedBlock(spoken(content), maxProse),
		Causes: []incident.Cause{}, Actions: []incident.Action{}, Checks: []incident.Check{},
		Prevention: []string{}, MissingEvidence: []string{},
	}
}
