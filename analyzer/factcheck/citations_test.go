package factcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

func TestCitationsAreMarked(t *testing.T) {
	unknown := func(id string) incident.Mark { return incident.Mark{Kind: incident.MarkUnknownEvidence, Text: id} }
	missing := func(id string) incident.Mark { return incident.Mark{Kind: incident.MarkEvidenceMissing, Text: id} }
	for name, tc := range map[string]struct {
		cited []string
		text  string
		want  []incident.Mark
	}{
		"all exist":                {[]string{"E2", "E3"}, "An attack.", nil},
		"nothing":                  {nil, "An attack.", []incident.Mark{{Kind: incident.MarkUncited}}},
		"an unknown one":           {[]string{"E2", "E77"}, "An attack.", []incident.Mark{unknown("E77")}},
		"prose":                    {[]string{"the logs of the pod"}, "An attack.", []incident.Mark{unknown("the logs of the pod")}},
		"unknown within the text":  {[]string{"E2"}, "An attack, see E078/E3.", []incident.Mark{unknown("E78")}},
		"a failed lookup":          {[]string{"E6"}, "An attack.", []incident.Mark{missing("E6")}},
		"one that was not shown":   {[]string{"E9"}, "An attack.", []incident.Mark{missing("E9")}},
		"unknown ones come first":  {[]string{"E6", "E77"}, "An attack.", []incident.Mark{unknown("E77"), missing("E6")}},
		"each is marked only once": {[]string{"E77"}, "An attack (E77).", []incident.Mark{unknown("E77")}},
	} {
		t.Run(name, func(t *testing.T) {
			v := &incident.Verdict{Summary: "It fails.", Causes: []incident.Cause{{Hypothesis: tc.text, Evidence: tc.cited}}}
			Check(v, loginScene().input())
			assert.Equal(t, tc.want, v.Causes[0].Marks)
		})
	}
}
