package report

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// spelled returns messages that are their own names, with the verbs of the English ones: so one sees in a report where each went.
func spelled() *messages {
	w := messages{Code: "en"}
	from, to := reflect.ValueOf(english), reflect.ValueOf(&w).Elem()
	for i := range from.NumField() {
		field := from.Type().Field(i).Name
		switch from.Field(i).Kind() {
		case reflect.String:
			if field != "Code" {
				to.Field(i).SetString(spell(field, from.Field(i).String()))
			}
		default:
			m := reflect.MakeMap(from.Field(i).Type())
			for _, key := range from.Field(i).MapKeys() {
				text := spell(field+"/"+key.String(), from.Field(i).MapIndex(key).String())
				m.SetMapIndex(key, reflect.ValueOf(text))
			}
			to.Field(i).Set(m)
		}
	}
	return &w
}

func spell(name, text string) string {
	return "⟦" + name + "⟧" + strings.Join(verb.FindAllString(text, -1), "·")
}

// more are reports beside those of the golden files, for what these have no case of.
var more = map[string]func() (*incident.Incident, incident.Findings){
	"one alert": func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Alerts = inc.Alerts[:1]
		inc.Alerts[0].Annotations = nil
		inc.Alertname = ""
		inc.Analysis.Evidence = 1
		return inc, incident.Findings{}
	},
	"all is said": func() (*incident.Incident, incident.Findings) {
		inc, f := verified()
		f.Evidence[0].Partial = []string{"x"}
		for _, kind := range incident.MarkKinds() {
			f.Verdict.Causes[0].Marks = append(f.Verdict.Causes[0].Marks, incident.Mark{Kind: kind, Text: "x"})
		}
		f.Verdict.Causes[0].Marks = append(f.Verdict.Causes[0].Marks, incident.Mark{Kind: "new", Text: "x"})
		f.Evidence = append(f.Evidence, incident.Evidence{ID: "E20", Kind: incident.KindAlerts, Title: "t", Summary: "s", Nothing: true}, incident.Evidence{
			ID: "E21", Kind: incident.KindSuspects, Title: "t", Summary: "s",
			Ranking: []incident.RankedSeries{{Labels: map[string]string{"a": "b"}, Score: 9, Direction: "up", Onset: opened}},
		})
		f.Verdict.Causes = append(f.Verdict.Causes, incident.Cause{Hypothesis: "x"})
		f.Evidence[2].Ranking[0].Direction = "down"
		f.Verdict.Actions[0].Marks = []incident.Mark{{Kind: incident.MarkNameNotFound, Text: "x"}}
		f.Verdict.Actions[1].Marks = []incident.Mark{{Kind: incident.MarkFromAlertText, Text: "x"}}
		f.Verdict.Actions = append(f.Verdict.Actions, incident.Action{Step: "x", Command: "y", Marks: []incident.Mark{{Kind: incident.MarkFromFeedback, Text: "x"}}})
		f.Verdict.Marks = append(f.Verdict.Marks, incident.Mark{Kind: incident.MarkUnreadField, Text: "x"}, incident.Mark{Kind: incident.MarkPromptCut, Text: "x"})
		inc.Predecessor, inc.LatePeers, inc.Flaps = predecessor, 1, 1
		inc.StartedAt = inc.StartedAt.Add(-25 * time.Hour)
		return inc, f
	},
	"nothing is said": func() (*incident.Incident, incident.Findings) {
		inc, f := complete()
		f.Evidence = nil
		f.Verdict = &incident.Verdict{Summary: "x", Model: "m", At: opened, Generation: 1}
		return inc, f
	},
	"hours": func() (*incident.Incident, incident.Findings) {
		inc, f := evidenceOnly(incident.GaveUp, "x")()
		inc.StartedAt = inc.StartedAt.Add(-2 * time.Hour)
		inc.Alerts[0].Annotations["runbook_url"], inc.Alerts[1].Annotations["runbook_url"], inc.Alerts[2].Annotations["runbook_url"] = "", "", ""
		return inc, f
	},
	"many texts": func() (*incident.Incident, incident.Findings) {
		inc := manyAlerts(60)
		for i := range inc.Alerts {
			inc.Alerts[i].Annotations = map[string]string{"summary": fmt.Sprint("alert ", i)}
		}
		return inc, incident.Findings{}
	},
	"forbidden": evidenceOnly(incident.Forbidden, "x"),
	"left": func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Alerts[1].Left = true
		inc.Timeline = append(inc.Timeline, incident.Event{At: opened, Kind: incident.EventUpdated, Left: 1, Joined: 1, Ended: 1, Count: 2, Until: opened.Add(time.Minute)})
		return inc, incident.Findings{}
	},
	"over": func() (*incident.Incident, incident.Findings) {
		inc := facts()
		for i := range inc.Alerts {
			inc.Alerts[i] = alert(i+1, incident.Resolved)
		}
		inc.Status, inc.ResolvedAt = incident.Resolved, opened.Add(time.Minute)
		return inc, incident.Findings{}
	},
	"on and off": func() (*incident.Incident, incident.Findings) {
		inc, f := verified()
		return inc, incident.Findings{Evidence: []incident.Evidence{withFigures(f.Evidence, func(f *incident.Figures) { f.Broken = true })}}
	},
	"Grafana": func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Alerts = inc.Alerts[:1]
		inc.Alerts[0].Annotations = map[string]string{"silenceURL": "https://g.example/s", "dashboardURL": "https://g.example/d", "panelURL": "https://g.example/p"}
		inc.Alerts[0].Labels["severity"] = "P1"
		return inc, incident.Findings{}
	},
	"another source": func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Alerts = inc.Alerts[:1]
		inc.Alerts[0].GeneratorURL = "http://vmalert.example/vmalert/alert?group_id=1"
		inc.Alerts[0].Annotations = map[string]string{"runbook": "Restart it."}
		delete(inc.Alerts[0].Labels, "severity")
		return inc, incident.Findings{}
	},
	"much is remembered": func() (*incident.Incident, incident.Findings) {
		inc, f := remembered()
		f.Memory = append(f.Memory, f.Memory...)
		return inc, f
	},
	"one more": storm(1),
	"some":     storm(3),
}

// TestEveryMessageIsUsed writes reports of all sorts, and finds every message in one of them: a message that no report shows is
// dead, and one that a closed set lacks would be shown as its key.
func TestEveryMessageIsUsed(t *testing.T) {
	w := newWriter(t, "en")
	w.messages = spelled()
	seen := map[string]bool{}
	look := func(text string) {
		for _, m := range regexp.MustCompile(`⟦([^⟧]+)⟧`).FindAllStringSubmatch(text, -1) {
			seen[strings.ToLower(strings.ReplaceAll(m[1], `\`, ""))] = true // the status stands in capitals
		}
		assert.NotContains(t, text, "%!", "a message gets what it has verbs for")
	}
	cases := maps.Clone(more)
	for _, r := range reports {
		cases[r.name+"_"+string(r.language)] = r.make
	}
	maps.Copy(cases, closedSets())
	for _, make := range cases {
		inc, f := make()
		look(string(w.Markdown(inc, f, "x")))
	}
	w.zone = time.FixedZone("", 8*3600)
	inc, f := verified()
	look(string(w.Markdown(inc, f, "x")))
	for _, c := range charts {
		svg, ok := w.Chart(incident.Findings{Evidence: []incident.Evidence{c.make()}}, "E2.svg")
		require.True(t, ok)
		look(string(svg))
	}
	names := reflect.ValueOf(*w.messages)
	for i := range names.NumField() {
		field := names.Type().Field(i).Name
		switch {
		case field == "Code":
		case names.Field(i).Kind() == reflect.String:
			assert.True(t, seen[strings.ToLower(field)], "no report shows the message %s", field)
		default:
			for _, key := range names.Field(i).MapKeys() {
				assert.True(t, seen[strings.ToLower(field+"/"+key.String())], "no report shows %s of %s", key, field)
			}
		}
	}
}

// closedSets are reports with each value of the closed sets of verdicts, incidents and events.
func closedSets() map[string]func() (*incident.Incident, incident.Findings) {
	out := map[string]func() (*incident.Incident, incident.Findings){}
	add := func(name string, set func(inc *incident.Incident, f *incident.Findings)) {
		out[name] = func() (*incident.Incident, incident.Findings) {
			inc, f := verified()
			set(inc, &f)
			return inc, f
		}
	}
	for _, c := range incident.Categories() {
		add("category "+c, func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Category = c })
	}
	for _, s := range incident.Severities() {
		add("severity "+s, func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Severity = s })
	}
	for _, l := range append(incident.Likelihoods(), incident.Unknown) {
		add("likelihood "+l, func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Causes[0].Likelihood = l })
	}
	for _, r := range append(incident.Risks(), incident.Unknown) {
		add("risk "+r, func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Actions[0].Risk = r })
	}
	for _, r := range incident.UnverifiedReasons() {
		add("unverified "+string(r), func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Verification.Reason = r })
	}
	for kind := range english.Events {
		add("event "+string(kind), func(inc *incident.Incident, _ *incident.Findings) {
			inc.Timeline = append(inc.Timeline, incident.Event{At: opened, Kind: kind})
		})
	}
	for direction := range english.Directions {
		add("direction "+direction, func(_ *incident.Incident, f *incident.Findings) {
			f.Evidence = append(f.Evidence, incident.Evidence{ID: "E99", Ranking: []incident.RankedSeries{{Direction: direction}}})
		})
	}
	for reason := range english.Reasons {
		add("reason "+string(reason), func(inc *incident.Incident, f *incident.Findings) {
			inc.Analysis.State, inc.Analysis.Reason, f.Verdict = incident.EvidenceOnly, reason, nil
		})
	}
	for status := range english.Statuses {
		add("status "+string(status), func(inc *incident.Incident, _ *incident.Findings) { inc.Status = status })
	}
	add("unknown category", func(_ *incident.Incident, f *incident.Findings) { f.Verdict.Category = incident.Unknown })
	return out
}

// TestChineseReportsHoldNoEnglishOfOurs: what is fixed text in an English report stands in no Chinese one.
func TestChineseReportsHoldNoEnglishOfOurs(t *testing.T) {
	w := newWriter(t, "zh")
	same := map[string]bool{} // names, and what both languages write alike
	en, zh := reflect.ValueOf(english), reflect.ValueOf(chinese)
	for i := range en.NumField() {
		if en.Field(i).Kind() == reflect.String && en.Field(i).String() == zh.Field(i).String() {
			same[en.Field(i).String()] = true
		}
	}
	words := regexp.MustCompile(`[A-Za-z]{3,} [a-z]{3,}( [a-z]{3,})+`)
	for _, r := range reports {
		if r.name == "hostile" {
			continue
		}
		inc, f := r.make()
		md := string(w.Markdown(inc, f, "x"))
		for i := range en.NumField() {
			if en.Field(i).Kind() != reflect.String || same[en.Field(i).String()] {
				continue
			}
			for _, run := range words.FindAllString(en.Field(i).String(), -1) {
				assert.NotContains(t, md, run, "%s in the report %s", en.Type().Field(i).Name, r.name)
			}
		}
	}
}

// TestAmericanEnglish: the fixed text has one spelling, and one name for each thing.
func TestAmericanEnglish(t *testing.T) {
	avoid := regexp.MustCompile(`(?i)analys(e|ed|ing)\b|labelled|colour|neighbour|behaviour|normali[s]|refuse|heard of|stand-in|held against|any more`)
	en := reflect.ValueOf(english)
	check := func(name, text string) { assert.NotRegexp(t, avoid, text, name) }
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() == reflect.String {
			check(name, en.Field(i).String())
			continue
		}
		for _, key := range en.Field(i).MapKeys() {
			check(name, en.Field(i).MapIndex(key).String())
		}
	}
}
