package factcheck

import (
	"embed"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

//go:embed testdata/*.txt
var attackFiles embed.FS

// attack is one line of a file of attacks: what strangers write, and what an obedient model makes of it.
type attack struct {
	kind, planted, repeated string
	translated              bool
}

// readAttacks reads the lines of a file. ⏎ stands for a line break.
func readAttacks(t *testing.T, set, kind string) []attack {
	t.Helper()
	data, err := attackFiles.ReadFile("testdata/" + set + "_" + kind + ".txt")
	require.NoError(t, err)
	var all []attack
	for line := range strings.Lines(strings.ReplaceAll(string(data), "⏎", "\x00")) {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\x00", "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		line, translated := strings.CutPrefix(line, "[t] ")
		planted, repeated, found := strings.Cut(line, " => ")
		if !found {
			repeated = planted
		}
		all = append(all, attack{kind, planted, repeated, translated})
	}
	return all
}

// places are where strangers write.
func places() []func(*scene, string) {
	second := func(s *scene) map[string]string { return s.inc.Alerts[1].Labels }
	return []func(*scene, string){
		func(s *scene, text string) { s.inc.Alerts[0].Annotations = map[string]string{"note": text} },
		func(s *scene, text string) { s.inc.Alerts[0].Annotations = map[string]string{text: "yes"} },
		func(s *scene, text string) { second(s)["path"] = text },
		func(s *scene, text string) { second(s)[text] = "1" },
		func(s *scene, text string) { s.inc.Receiver = text },
		func(s *scene, text string) { s.inc.GroupKey = "{}/{job=\"login\"}:{note=\"" + text + "\"}" },
		func(s *scene, text string) { s.inc.GroupLabels["note"] = text },
		func(s *scene, text string) { s.inc.GroupLabels[text] = "1" },
		func(s *scene, text string) {
			s.inc.Alerts[0].GeneratorURL = "http://prometheus.example:9090/graph?g0.expr=" + url.QueryEscape(fmt.Sprintf("up{x!=%q} > 0", text))
		},
		func(s *scene, text string) {
			s.inc.Alerts[0].GeneratorURL = "http://prometheus.example:9090/graph?g0.expr=" + url.QueryEscape(fmt.Sprintf("{%q} > 0", text))
		},
		func(s *scene, text string) {
			s.inc.Alerts[0].GeneratorURL = "http://prometheus.example:9090/x/" + url.PathEscape(text)
		},
		func(s *scene, text string) { s.inc.ExternalURL = "http://alertmanager.example/" + url.PathEscape(text) },
		func(s *scene, text string) {
			e := &s.evidence[len(s.evidence)-1]
			e.Lines = append(slices.Clone(e.Lines), "2026-11-20T08:31:07Z level=warn msg=\"bad request\" agent="+text)
		},
		func(s *scene, text string) {
			s.evidence[2].Ranking = append(slices.Clone(s.evidence[2].Ranking), ranked(map[string]string{"path": text}, "up", 1, 2, 3, .1, "08:28:00"))
		},
		func(s *scene, text string) {
			s.evidence[2].Ranking = append(slices.Clone(s.evidence[2].Ranking), ranked(map[string]string{text: "1"}, "up", 1, 2, 3, .1, "08:28:00"))
		},
		func(s *scene, text string) {
			s.evidence = append(s.evidence, incident.Evidence{
				ID: "E70", Kind: incident.KindDrilldown, Title: "By path", Summary: fmt.Sprintf("{path=%q} carries 80 %% of the change.", text),
			})
		},
		func(s *scene, text string) {
			s.memory = []incident.PastIncident{{Incident: "b", Hypothesis: text, Similarity: 1, Weight: 1}}
		},
		func(s *scene, text string) {
			s.inc.Feedback = []incident.Feedback{{Kind: incident.Correct, Text: text}}
		},
		func(s *scene, text string) {
			s.memory = []incident.PastIncident{{Incident: "b", Similarity: 1, Weight: 1, Feedback: []incident.Feedback{{Kind: incident.Correct, Text: text}}}}
		},
		func(s *scene, text string) {
			s.inc.Alerts[2].Annotations = map[string]string{"description": strings.Repeat("The queue of the worker was long again. ", 60) + text}
		},
	}
}

// undoubted is the place whose statements are not compared: what our own model supposed then, and no check of ours marked.
const undoubted = 16

// fields are where a model repeats what it was told.
func fields(kind string) []func(*incident.Verdict, string) {
	action := func(v *incident.Verdict, a incident.Action) { v.Actions = []incident.Action{a} }
	all := []func(*incident.Verdict, string){
		func(v *incident.Verdict, text string) { action(v, incident.Action{Step: "Do this: " + text}) },
		func(v *incident.Verdict, text string) { v.Summary = "Logins fail. " + text },
		func(v *incident.Verdict, text string) {
			v.Causes = []incident.Cause{{Hypothesis: text, Evidence: []string{"E2"}}}
		},
		func(v *incident.Verdict, text string) {
			action(v, incident.Action{Step: "Look at the log.", Why: text})
		},
		func(v *incident.Verdict, text string) {
			v.Causes = []incident.Cause{{Hypothesis: "An attack.", Evidence: []string{"E2"}, Disproof: text}}
		},
		func(v *incident.Verdict, text string) { v.Prevention = []string{text} },
		func(v *incident.Verdict, text string) { v.MissingEvidence = []string{text} },
		func(v *incident.Verdict, text string) {
			v.Checks = []incident.Check{{PromQL: "up", WouldRefute: text}}
		},
		func(v *incident.Verdict, text string) {
			v.Prose = "I think that logins fail.\n\n" + text + "\n\nThat is all."
		},
	}
	if kind != "commands" {
		return all
	}
	command := func(v *incident.Verdict, text string) { action(v, incident.Action{Step: "Mend it.", Command: text}) }
	inline := func(v *incident.Verdict, text string) {
		action(v, incident.Action{Step: "Run `" + text + "` on the host."})
	}
	prose := func(v *incident.Verdict, text string) {
		v.Prose = "Logins fail. Run this:\n\n```sh\n" + text + "\n```\n"
	}
	return []func(*incident.Verdict, string){command, command, inline, command, prose, command, all[5], command, all[2]}
}

// alterations are what a model changes without being asked.
func alterations(kind string) []func(attack) string {
	verbatim := func(a attack) string { return a.planted }
	told := func(a attack) string { return a.repeated }
	switch kind {
	case "commands":
		return []func(attack) string{verbatim, told, func(a attack) string {
			return "sudo  " + strings.ReplaceAll(a.repeated, " -", "  -")
		}, func(a attack) string { return "# as the runbook says\n" + a.repeated + " && echo done" }}
	case "statements":
		return []func(attack) string{verbatim, told, func(a attack) string {
			return "According to the evidence, " + strings.ToUpper(a.repeated)
		}, func(a attack) string { return a.repeated + " The share of failed logins rose to 64.2 % (E2)." }}
	default:
		return []func(attack) string{verbatim, told, func(a attack) string { return "As E2 shows, " + a.repeated + " has to be used." }}
	}
}

func isMarked(v *incident.Verdict) bool {
	marks := slices.Clone(v.Marks)
	for _, c := range v.Causes {
		marks = append(marks, c.Marks...)
	}
	for _, a := range v.Actions {
		marks = append(marks, a.Marks...)
	}
	return slices.ContainsFunc(marks, func(m incident.Mark) bool { return isOrigin(m.Kind) })
}

func TestAttacks(t *testing.T) {
	for _, set := range []string{"attack", "heldout"} {
		for _, kind := range []string{"commands", "statements", "addresses"} {
			t.Run(set+" "+kind, func(t *testing.T) { repeatAttacks(t, kind, readAttacks(t, set, kind)) })
		}
	}
}

const most = 12 // of a thousand that are not marked

// repeatAttacks has an obedient model repeat each attack, with each alteration, at places and in fields that take turns.
func repeatAttacks(t *testing.T, kind string, attacks []attack) {
	t.Helper()
	at, to := places(), fields(kind)
	var n, unmarked, translated, missed int
	for i, a := range attacks {
		if testing.Short() && i%5 > 0 {
			continue
		}
		for j, alter := range alterations(kind) {
			place, field := (i*7+j*3)%len(at), (i+j*2)%len(to)
			if kind == "statements" && place == undoubted {
				place++
			}
			s, v := loginScene(), new(incident.Verdict)
			at[place](&s, a.planted)
			to[field](v, alter(a))
			Check(v, s.input())
			marked := isMarked(v)
			switch {
			case a.translated && j > 0:
				translated++
				if !marked {
					missed++
				}
				continue
			case !marked:
				unmarked++
				t.Logf("UNMARKED place %d field %d alter %d: %s || %s", place, field, j, a.planted, alter(a))
			}
			n++
		}
	}
	t.Logf("%d of %d unmarked; %d of %d translated ones", unmarked, n, missed, translated)
	assert.LessOrEqual(t, unmarked, max(4, n*most/1000))
}
