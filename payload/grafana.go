package payload

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// grafanaFields are what Grafana's own alerting adds to an alert. They become annotations under their names, so that
// reports and prompts show them as they show what the rule's author wrote.
type grafanaFields struct {
	Values       loose `json:"values"`
	ValueString  loose `json:"valueString"`
	DashboardURL loose `json:"dashboardURL"`
	PanelURL     loose `json:"panelURL"`
	ImageURL     loose `json:"imageURL"`
	SilenceURL   loose `json:"silenceURL"`
	RuleUID      loose `json:"ruleUID"`
	OrgID        loose `json:"orgId"`
}

// named returns the fields by their names, in the order in which a report shows them.
func (g *grafanaFields) named() []target {
	return []target{
		{"values", &g.Values, ""},
		{"valueString", &g.ValueString, ""},
		{"dashboardURL", &g.DashboardURL, ""},
		{"panelURL", &g.PanelURL, ""},
		{"imageURL", &g.ImageURL, ""},
		{"silenceURL", &g.SilenceURL, ""},
		{"ruleUID", &g.RuleUID, ""},
		{"orgId", &g.OrgID, ""},
	}
}

// loose is a value of any type as text: a string as it is, numbers by their names as "B=97.25, C=1", anything else as JSON.
// Bodies that are no Grafana's may have anything under these names.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(b []byte) error {
	var s string
	var named map[string]json.RawMessage
	switch {
	case string(b) == "null":
	case json.Unmarshal(b, &s) == nil:
		*l = loose(s)
	case json.Unmarshal(b, &named) == nil:
		pairs := make([]string, 0, len(named))
		for _, name := range slices.Sorted(maps.Keys(named)) {
			pairs = append(pairs, name+"="+strings.Trim(string(named[name]), `"`))
		}
		*l = loose(strings.Join(pairs, ", "))
	default:
		*l = loose(b)
	}
	return nil
}

// addTo adds the fields that are set to annotations, which win, and returns the names that were added.
func (g *grafanaFields) addTo(annotations map[string]string) (added []string) {
	for _, f := range g.named() {
		value := string(*f.into.(*loose))
		if _, taken := annotations[f.name]; taken || strings.TrimSpace(value) == "" {
			continue
		}
		annotations[f.name] = value
		added = append(added, f.name)
	}
	return added
}
