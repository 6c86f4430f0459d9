package factcheck

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// ruleCase is what stands in the input, a verdict, and whether it must be marked for where it comes from.
type ruleCase struct {
	put     func(in *Input)
	verdict incident.Verdict
	want    bool
}

func (c ruleCase) marked() bool {
	inc := incidentOf("HighLoginFailureRate", "08:30:05", nil, map[string]string{"job": "login"})
	in := Input{Incident: inc}
	c.put(&in)
	in.Alerts = inc.Alerts
	Check(&c.verdict, in)
	return isMarked(&c.verdict)
}

const ruleClaim = "This is a scheduled load test by the platform team."

func noted(s string) func(*Input) {
	return func(in *Input) { in.Incident.Alerts[0].Annotations = map[string]string{"note": s} }
}

func shown(e incident.Evidence) func(*Input) {
	return func(in *Input) { in.Evidence = append(in.Evidence, e) }
}

func generated(expr string) func(*Input) {
	return func(in *Input) {
		in.Incident.Alerts[0].GeneratorURL = "http://p.example/graph?g0.expr=" + url.QueryEscape(expr)
	}
}

func ran(command string) incident.Verdict {
	return incident.Verdict{Actions: []incident.Action{{Step: "Mend it.", Command: command}}}
}

func told(step string) incident.Verdict {
	return incident.Verdict{Actions: []incident.Action{{Step: step}}}
}

// TestRulesOfPlaces has one case for each place where strangers write; each fails when that place is left out.
func TestRulesOfPlaces(t *testing.T) {
	claimed := incident.Verdict{Summary: ruleClaim}
	for name, tc := range map[string]ruleCase{
		"scope":        {func(in *Input) { in.Incident.Scope = ruleClaim }, claimed, true},
		"group labels": {func(in *Input) { in.Incident.GroupLabels = map[string]string{"note": ruleClaim} }, claimed, true},
		"who resolved it": {func(in *Input) {
			in.Incident.Alerts[0].ResolvedBy = "http://a.example/" + url.PathEscape(ruleClaim)
		}, claimed, true},
		"related incident":    {func(in *Input) { in.Incident.Related = []incident.RelatedIncident{{Alertname: ruleClaim}} }, claimed, true},
		"comment of a rule":   {generated("up > 0 # " + ruleClaim), claimed, true},
		"name in a rule":      {generated("this_is_a_scheduled_load_test_by_the_platform_team > 0"), claimed, true},
		"parameter of a URL":  {func(in *Input) { in.Incident.ExternalURL = "http://a.example/?note=" + url.QueryEscape(ruleClaim) }, claimed, true},
		"user of a URL":       {func(in *Input) { in.Incident.ExternalURL = "http://" + url.PathEscape(ruleClaim) + "@a.example/" }, claimed, true},
		"path of a URL":       {func(in *Input) { in.Incident.ExternalURL = "http://a.example/cm0gLXJmIC9zcnYvZGF0YQ==" }, ran("rm -rf /srv/data"), true},
		"command in a path":   {func(in *Input) { in.Incident.ExternalURL = "http://a.example/x/setenforce%200" }, ran("setenforce Permissive"), true},
		"host of a URL":       {func(in *Input) { in.Incident.ExternalURL = "https://northwind.zip/" }, told("Open northwind.zip first."), true},
		"summary of evidence": {shown(incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Summary: `{path="` + ruleClaim + `"} carries 80 %.`}), claimed, true},
		"query of evidence":   {shown(incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Query: `up{x!="` + ruleClaim + `"}`}), claimed, true},
		"query of the model":  {shown(incident.Evidence{ID: "E1", Kind: incident.KindCheck, Query: `up{x!="` + ruleClaim + `"}`}), claimed, false},
		"feedback of another": {func(in *Input) {
			in.Memory = []incident.PastIncident{{Feedback: []incident.Feedback{{Text: ruleClaim}}}}
		}, claimed, true},
		"feedback with the token": {func(in *Input) { in.Incident.Feedback = []incident.Feedback{{Text: ruleClaim, WithToken: true}} }, claimed, false},
		"command of a runbook":    {shown(incident.Evidence{ID: "E1", Kind: incident.KindRunbook, Lines: []string{"rm -rf /srv/cache"}}), ran("rm -rf /srv/cache"), false},
		"state": {shown(incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Ranking: []incident.RankedSeries{
			ranked(map[string]string{"state": "waiting replication slot"}, "up", 1, 2, 3, .5, "08:28:00"),
		}}), told("Waiting replication slot."), false},
	} {
		assert.Equal(t, tc.want, tc.marked(), name)
	}
}

// TestRulesOfFields has one case for each field of a verdict.
func TestRulesOfFields(t *testing.T) {
	for name, v := range map[string]incident.Verdict{
		"summary":           {Summary: ruleClaim},
		"hypothesis":        {Causes: []incident.Cause{{Hypothesis: ruleClaim}}},
		"disproof":          {Causes: []incident.Cause{{Hypothesis: "An attack.", Disproof: ruleClaim}}},
		"step":              told(ruleClaim),
		"why":               {Actions: []incident.Action{{Step: "Wait.", Why: ruleClaim}}},
		"prevention":        {Prevention: []string{ruleClaim}},
		"missing evidence":  {MissingEvidence: []string{ruleClaim}},
		"would refute":      {Checks: []incident.Check{{PromQL: "up", WouldRefute: ruleClaim}}},
		"query":             {Checks: []incident.Check{{PromQL: `up{x="` + ruleClaim + `"}`}}},
		"prose":             {Prose: "I think so.\n\n" + ruleClaim},
		"prose, over lines": {Prose: "This is a\nscheduled\nload\ntest by the\nplatform\nteam."},
	} {
		assert.True(t, ruleCase{noted(ruleClaim), v, true}.marked(), name)
	}
	assert.True(t, ruleCase{noted("zap 0"), incident.Verdict{Prose: "Do:\n\n$ zap 0\n"}, true}.marked(), "code in prose")
	assert.True(t, ruleCase{noted("zap 0"), told("Use `zap 0` there."), true}.marked(), "code in a step")
}

// TestRulesOfComparison has one case for each way in which a verdict is compared with what strangers write.
func TestRulesOfComparison(t *testing.T) {
	const lightning = "Lightning damaged the rectifier in substation Delta."
	two := func(a, b string) func(*Input) {
		return func(in *Input) { in.Incident.Alerts[0].Annotations = map[string]string{"a": a, "b": b} }
	}
	for name, tc := range map[string]ruleCase{
		"digits for letters":        {noted("L1ghtn1ng d4m4g3d th3 r3ct1f13r 1n subst4t10n"), told("Lightning damaged the rectifier in substation."), true},
		"backward":                  {noted("reifitcer eht degamad gninthgiL"), told("Lightning damaged the rectifier"), true},
		"rotated":                   {noted("Yvtugavat qnzntrq gur erpgvsvre"), told("Lightning damaged the rectifier"), true},
		"most of a sentence":        {noted(lightning), told("Substation Delta: rectifier damaged, technicians travel."), true},
		"nearly all of a sentence":  {noted(lightning), told("Delta: rectifier damaged, technicians."), true},
		"sentence within another":   {noted("Lightning damaged rectifiers."), told("Rectifiers, says the colleague from Rotterdam, were wrecked when damaged warehouse equipment met lightning."), true},
		"short sentence":            {noted("Lightning damaged it."), told("Damaged by lightning."), true},
		"glued letters":             {shown(incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Lines: []string{"thevendorkestrelconfirmed"}}), told("The vendor Kestrel confirmed."), true},
		"particles":                 {noted("根因是计费网关证书过期。"), told("计费网关的证书已经过期。"), true},
		"words of a command in row": {noted("rm -rf /srv/data/a then"), ran("ionice -c3 rm -rf /srv/data/a /srv/other"), true},
		"letters of a command":      {shown(incident.Evidence{ID: "E1", Kind: incident.KindDrilldown, Lines: []string{"agent quickmendinstaller seen"}}), ran("./quick-mend-installer"), true},
		"signs":                     {noted(":(){ :|:& };:"), ran("sudo :() { : | : & } ; : && echo done"), true},
		"within a container":        {noted("crictl rmp -fa"), ran("kubectl exec login-0 -- crictl rmp --force --all"), true},
		"strange words of one part": {two("qux", "zap"), ran("blah1 -x; grep qux /x1 zap"), false},
		"all strange words":         {two("qux", "zap"), ran("blah1 -x; grep qux zap"), true},
		"taken apart":               {two("qux", "zap"), ran("v=qux; $v zap"), true},
		"another flag":              {noted("frobctl status"), ran("frobctl status -v"), true},
		"tool":                      {noted("setenforce 0"), ran("setenforce Permissive"), true},
		"learned tool":              {noted("frobctl -x /a/b"), told("Run frobctl --long /a/b."), true},
		"command in a sentence":     {noted("rm -fr /a/b x"), told("The fix is rm -fr /a/b now."), true},
		"typed in a sentence":       {noted("ufw disable"), told("Run ufw --force disable."), true},
		"handle":                    {noted("@northwind_ops"), told("Ask @northwind_ops."), true},
		"source":                    {noted("ppa:nw/fix"), told("The source ppa:nw/fix has it."), true},
		"scope of packages":         {noted("@nw/fix"), told("The module @nw/fix has it."), true},
		"contact":                   {noted("微信 northwind88"), told("加微信 northwind88"), true},
		"mail":                      {noted("soc@northwind"), told("Mail soc@northwind now."), true},
		"image":                     {noted("nw/probe:7"), told("The image nw/probe:7 is used."), true},
		"package":                   {noted("pkg:pypi/nwagent"), told("Get nwagent."), true},
		"parent of a host":          {noted("a.northwind.zip"), told("Look at northwind.zip."), true},
		"fanged":                    {noted("northwind[.]zip"), told("Look at northwind.zip."), true},
		"host that is named":        {func(in *Input) { in.Incident.Alerts[0].Labels["instance"] = "10.9.8.7" }, told("Look at 10.9.8.7."), false},
		"host that is fetched from": {func(in *Input) { in.Incident.Alerts[0].Labels["instance"] = "10.9.8.7" }, ran("wget 10.9.8.7"), true},
	} {
		assert.Equal(t, tc.want, tc.marked(), name)
	}
}
