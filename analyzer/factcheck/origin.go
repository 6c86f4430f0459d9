package factcheck

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// origin is the text of people that nobody has checked, and what a verdict has in common with it.
type origin struct {
	kind         incident.MarkKind
	instructions phrases // sentences that speak to a reader who does as he is told
	echoes       *echoes
	commands     *commandIndex
	addresses    *addressIndex
}

const (
	maxStrange    = 256 << 10 // bytes of strangers' text that are looked at
	leastSentence = 16        // bytes of a name that holds a sentence
	maxText       = 4 << 10   // bytes of one of their texts: more of it is never shown to a model
	runWords      = 3         // words in a row that count as copied, two of them longEnough
	longEnough    = 4         // bytes
	runSigns      = 6         // signs in a row that count as copied
)

// newOrigin indexes texts; of the doubted ones, all that they claim, of the others what they order, and what commands and addresses
// they have.
func newOrigin(kind incident.MarkKind, own *vocabulary, doubted, others []string) *origin {
	o := &origin{kind: kind, addresses: newAddressIndex(own)}
	var claimed, ordered []string
	for _, s := range doubted {
		claimed = append(claimed, readings(s)...)
	}
	for _, s := range others {
		for _, reading := range readings(s) {
			if isInstruction(reading) {
				claimed = append(claimed, reading)
			} else {
				ordered = append(ordered, reading)
			}
		}
	}
	o.echoes = newEchoes(own, claimed)
	o.commands = newCommandIndex(own, o.echoes.letters)
	var orders []string
	for _, s := range slices.Concat(claimed, ordered) {
		o.commands.addWhole(s)
		words := shellWords(s)
		o.commands.add(words)
		o.commands.learn(s, words)
		o.addresses.add(s, words)
		if (strings.ContainsAny(strings.TrimSpace(s), " \n") || hasUnspaced(s)) && isInstruction(s) {
			orders = append(orders, s)
		}
	}
	o.instructions = newPhrases(orders)
	return o
}

func hasUnspaced(s string) bool { return strings.ContainsFunc(s, isUnspaced) }

// gathering gathers texts, each once, and bounded.
type gathering struct {
	texts []string
	seen  map[string]bool
	left  int // bytes
}

func newGathering(size int) *gathering { return &gathering{seen: map[string]bool{}, left: size} }

func (g *gathering) add(texts ...string) {
	for _, s := range texts {
		if s = text.CutBytes(s, maxText); s == "" || g.seen[s] || len(s) > g.left {
			continue
		}
		g.seen[s] = true
		g.left -= len(s)
		g.texts = append(g.texts, s)
	}
}

// addNames adds names that say more than a name does: those of many words.
func (g *gathering) addNames(names ...string) {
	for _, name := range names {
		if !strings.ContainsAny(name, " \n") && len(name) > leastSentence && !g.seen[name] {
			if words := nameWords(name); len(words) > maxNameParts {
				g.add(strings.Join(words, " "))
			}
		}
		g.add(name)
	}
}

func (g *gathering) addMap(texts map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		g.addNames(key, texts[key])
	}
}

// addURL adds what a URL says: its parts, and of an expression within it the strings.
func (g *gathering) addURL(link string) {
	if link == "" || g.seen[link] {
		return
	}
	g.seen[link] = true
	u, err := url.Parse(text.CutBytes(link, maxURLBytes))
	if err != nil {
		g.add(link)
		return
	}
	g.add(u.Scheme+"://"+u.Host, u.Path, u.Fragment)
	if blank := strings.IndexAny(u.Path, " \n"); blank > 0 { // a command or a sentence, behind what is a path
		g.add(u.Path[strings.LastIndexByte(u.Path[:blank], '/')+1:])
	}
	if u.User != nil {
		g.add(u.User.Username())
	}
	query := u.Query()
	for _, key := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[key] {
			if strings.HasSuffix(key, "expr") || strings.HasSuffix(key, "query") {
				g.addExpression(value)
			} else {
				g.addNames(key, value)
			}
		}
	}
}

// addExpression adds what whoever writes an expression says in it: its strings, and names that are sentences.
func (g *gathering) addExpression(expr string) {
	for _, literal := range quotedForm.FindAllString(expr, maxTried) {
		said, err := strconv.Unquote(literal)
		if err != nil { // between single quotes, which hold more than one character only in PromQL
			said = lineEscapes.Replace(literal[1 : len(literal)-1])
		}
		g.addNames(said)
	}
	for _, name := range identifierForm.FindAllString(expr, maxTried) {
		if words := nameWords(name); len(words) > maxNameParts {
			g.add(strings.Join(words, " "))
		}
	}
	for line := range strings.SplitSeq(expr, "\n") {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			g.add(comment)
		}
	}
}

var lineEscapes = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\'`, "'", `\\`, `\`)

func (g *gathering) addIncident(inc *incident.Incident, alerts []incident.Alert) {
	g.addNames(inc.Alertname, inc.Severity, inc.Receiver, inc.GroupKey, inc.Scope)
	g.addURL(inc.ExternalURL)
	g.addMap(inc.GroupLabels)
	for _, related := range inc.Related {
		g.addNames(related.Alertname, related.Severity)
	}
	for _, a := range alerts {
		g.addMap(a.Labels)
		g.addMap(a.Annotations)
		g.addURL(a.GeneratorURL)
		g.addURL(a.ResolvedBy)
	}
}

// labelText is how series are told: up{job="api", instance="a"}. All but the values is ours.
var labelText = regexp.MustCompile(`^[\w:]*\{?(?:\w+="(?:[^"\\]|\\.)*"(?:,\s*)?)+\}?$`)

var labelPair = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// addLabelText adds the values of what tells a series, but for states, and anything else whole.
func (g *gathering) addLabelText(s string) {
	if !labelText.MatchString(s) {
		g.addNames(withoutStates(s))
		return
	}
	for _, pair := range labelPair.FindAllStringSubmatch(s, maxTried) {
		if !isState(pair[1], pair[2]) {
			g.addNames(pair[2])
		}
	}
}

// withoutStates leaves out the labels of a sentence of ours whose values are states.
func withoutStates(s string) string {
	return labelPair.ReplaceAllStringFunc(s, func(pair string) string {
		if parts := labelPair.FindStringSubmatch(pair); isState(parts[1], parts[2]) {
			return ""
		}
		return pair
	})
}

// notStates returns the labels of a series whose values are no states.
func notStates(labels map[string]string) map[string]string {
	rest := maps.Clone(labels)
	maps.DeleteFunc(rest, isState)
	return rest
}

// isState reports whether a label has a state for a value, which is a few words and nothing that a shell or a browser would take.
func isState(name, value string) bool {
	return stateLabels[name] && len(nameWords(value)) <= maxValueParts && !strings.ContainsAny(value, "./;|&$`(){}<>@:")
}

// addEvidence adds the labels and the lines within an item. Runbooks are not strangers' text, since they come from places that the
// operator allows.
func (g *gathering) addEvidence(e *incident.Evidence) {
	if e.Kind == incident.KindRunbook {
		return
	}
	for _, r := range e.Ranking[:min(len(e.Ranking), maxEntries)] {
		g.addMap(notStates(r.Labels))
	}
	if e.Chart != nil {
		for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxEntries)] {
			g.addLabelText(s.Name)
		}
	}
	if e.Table != nil && e.Kind != incident.KindSignal { // a signal's is the rule
		for _, row := range e.Table.Rows[:min(len(e.Table.Rows), maxEntries)] {
			for _, cell := range row {
				g.addLabelText(cell)
			}
		}
	}
	g.add(e.Lines[:min(len(e.Lines), maxEntries)]...)
	for _, quoted := range quotedForm.FindAllString(withoutStates(text.CutBytes(e.Summary+"\n"+e.Title, maxFieldBytes)), maxTried) {
		g.addNames(quoted[1 : len(quoted)-1])
	}
	if e.Kind != incident.KindCheck { // whose query is the model's own
		g.addExpression(text.CutBytes(e.Query, maxFieldBytes))
	}
}
