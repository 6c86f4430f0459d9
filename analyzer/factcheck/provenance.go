package factcheck

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// provenance knows the text that anybody may have written: labels and annotations of the alerts, label values and lines of
// text within the evidence, hypotheses about past incidents. A model that was taken in by it repeats it: what a verdict has in
// common with it, where nothing else has it, is marked. Runbooks are not among it, since they come from places that the
// operator allows, nor is feedback.
type provenance struct {
	sentences    phrases         // texts of several words
	instructions phrases         // those of them that speak to a reader who does as he is told
	values       map[string]bool // whole label values: names of things, which commands need
	hosts        map[string]bool // of links that we made or followed, and of what is monitored
	all          string          // their text as a whole, in lower case
}

const (
	maxStrange  = 256 << 10 // bytes of strangers' text that are looked at
	longWord    = 16        // bytes from which one word counts as copied
	runWords    = 3         // words in a row that count as copied, two of them longEnough
	longEnough  = 4         // bytes
	runSigns    = 6         // Han characters in a row that count as copied
	maxPerField = 200       // words of one text of the model that are looked up
)

// newProvenance gathers the text of strangers.
func newProvenance(in Input) *provenance {
	p := &provenance{values: map[string]bool{}, hosts: map[string]bool{}}
	g := &strangersText{known: p}
	g.addLabels(in.Incident.GroupLabels)
	for _, a := range in.Alerts {
		g.addLabels(a.Labels)
		for _, key := range slices.Sorted(maps.Keys(a.Annotations)) {
			g.add(a.Annotations[key])
		}
	}
	for i := range in.Evidence {
		g.addEvidence(&in.Evidence[i])
	}
	for _, r := range in.Memory {
		g.add(r.Hypothesis)
	}
	slices.Sort(g.sentences)
	sentences := slices.Compact(g.sentences)
	p.sentences = newPhrases(sentences)
	p.instructions = newPhrases(slices.DeleteFunc(slices.Clone(sentences), func(s string) bool { return !instructionForm.MatchString(uniform(text.Clean(s))) }))
	p.all = text.CutBytes(strings.ToLower(uniform(text.Clean(strings.Join(g.all, "\n")))), maxStrange)
	return p
}

// strangersText gathers the texts of a provenance.
type strangersText struct {
	known     *provenance // gets the label values and hosts
	all       []string
	sentences []string // those of several words
}

func (g *strangersText) add(s string) {
	s = text.CutBytes(s, maxFieldBytes)
	g.all = append(g.all, s)
	if len(wordsOf(s)) > 1 {
		g.sentences = append(g.sentences, s)
	}
}

// identityLabels are labels that whoever configures the monitoring sets, and no request: what is probed stands in them.
var identityLabels = wordSet(`instance target host hostname node address server backend upstream ingress`)

func (g *strangersText) addLabels(labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		g.add(labels[key])
		g.known.values[strings.ToLower(labels[key])] = true
		if identityLabels[key] && linkForm.MatchString(labels[key]) {
			g.known.hosts[hostOf(labels[key])] = true
		}
	}
}

// addEvidence adds the label values and the lines within an item; the links of ours are to be trusted.
func (g *strangersText) addEvidence(e *incident.Evidence) {
	for _, link := range append(linkForm.FindAllString(text.CutBytes(e.Summary, maxFieldBytes), -1), e.Link) {
		if host := hostOf(link); host != "" && (link == e.Link || e.Kind == incident.KindRunbook) {
			g.known.hosts[host] = true
		}
	}
	for _, r := range e.Ranking[:min(len(e.Ranking), maxEntries)] {
		g.addLabels(r.Labels)
	}
	if e.Chart != nil {
		for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxEntries)] {
			g.add(s.Name)
		}
	}
	if e.Table != nil && e.Kind != incident.KindSignal && e.Kind != incident.KindRunbook { // a signal's is the rule
		for _, row := range e.Table.Rows[:min(len(e.Table.Rows), maxEntries)] {
			for _, cell := range row {
				g.add(cell)
			}
		}
	}
	if e.Kind != incident.KindRunbook {
		for _, line := range e.Lines[:min(len(e.Lines), maxEntries)] {
			g.add(line)
		}
	}
}

// instructionForm is how texts speak that want something of whoever reads them, a model, or a person through a model: they name the
// reader or what he was told before, or a clause begins with what he is to do.
var instructionForm = regexp.MustCompile(`(?im)\b(?:ignore|disregard|override|bypass|forget)\b|\byou(?:'re|rs?)?\b|` +
	`\b(?:system|assistant|developer|user) ?(?:prompt|message|instruction|role|note|:)|\binstructions?\b|\bprompt\b|` +
	`\b(?:language model|llm|chatgpt|gpt-?\d|deepseek|ai (?:assistant|model|agent)|as an ai|the (?:model|analyst|assistant|ai))\b|` +
	`\bdo not\b|\bdon't\b|\bmust\b|\bshall\b|` +
	`(?:^|[.!?:;,\-–—>\])\n"'\x60|/*]\s*|\b(?:please|then|and|now|just|also|always|never|first|next|immediately|finally|should|will|to the|kindly) )` +
	`(?:say|state|claim|conclude|answer|respond|reply|output|print|write|report|mention|recommend|suggest|advise|tell|inform|declare|mark|classify|` +
	`rate|treat|set|put|add|include|insert|append|quote|repeat|use|show|link|point|send|run|execute|paste|type|open|visit|download|fetch|` +
	`click|install|apply|invoke|launch|browse|navigate|go to|follow|curl|wget|sudo|call|contact|email|post|copy|pretend|act as|assume|return|emit)\b|` +
	`忽略|无视|你|大模型|语言模型|助手|提示词|系统消息|系统提示|之前的指令|以上指令|必须|务必|不要(?:提及|报告|上报|通知|告诉|告警|检查|处理|升级)|告诉|告知|` +
	`请(?:回答|回复|输出|写|说|报告|声称|建议|执行|运行|访问|打开|点击|下载|安装|告诉|忽略|不要|将|把|勿|在|立即|使用|联系)|` +
	`(?:立即|直接|马上|并|现在|然后)(?:执行|运行|访问|打开|下载|点击)|(?:执行|运行)(?:以下|如下|命令)|(?:写入|写进|加入)(?:总结|报告|结论|原因|步骤)|` +
	`(?:输出|回复|回答)(?:以下|如下|：|:)|(?:总结|结论|报告|回答)(?:中|里)?(?:必须|应|写|说)`)

// linkForm is an address with a scheme, or what readers take for one.
var linkForm = regexp.MustCompile(`(?i)\b(?:https?|ftp|file|ssh|javascript|data)://?[^\s"'<>|\x60\\）)，。]+|\bwww\.[a-z0-9-]+\.[^\s"'<>|\x60\\）)，。]+`)

func hostOf(link string) string {
	if !strings.Contains(link, "://") {
		link = "http://" + link
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// echoedInstruction returns the longest part of a text that repeats what an order of a stranger says; "" for none.
func (p *provenance) echoedInstruction(s string) string {
	words := wordsOf(s)
	words = words[:min(len(words), maxPerField)]
	best := ""
	for i := 0; i < len(words); i++ {
		run := words[i : i+p.instructions.longest(words[i:])]
		if !longEnoughRun(run) {
			continue
		}
		if joined := strings.Join(run, " "); len(joined) > len(best) {
			best = joined
		}
		i += len(run) - 1 // each word is looked up a bounded number of times
	}
	return best
}

var shellSeparators = regexp.MustCompile(`\|\|?|&&?|;|\n|\$\(|<\(`)

// commandFromAlertText returns the part of a command that a stranger's text holds: all of it, one of the simple commands that it
// consists of, some words in a row, or one long word that is the name of nothing; "" for none.
func (p *provenance) commandFromAlertText(command string) string {
	all := wordsOf(command)
	if len(all) == 0 {
		return ""
	}
	all = all[:min(len(all), maxPerField)]
	if p.sentences.have(all) {
		return strings.Join(all, " ")
	}
	for _, part := range shellSeparators.Split(command, -1) {
		if words := wordsOf(part); len(words) > 1 && p.sentences.have(words[:min(len(words), maxPerField)]) {
			return strings.Join(words, " ")
		}
	}
	for i, word := range all {
		if n := p.sentences.longest(all[i:]); n >= runWords {
			run := strings.Join(all[i:i+n], " ")
			if compared := i > 0 && strings.HasSuffix(all[i-1], "=") && p.values[run]; !compared { // state = 'idle in transaction'
				return run
			}
		}
		if len(word) >= longWord && !p.values[word] && p.sentences.have(all[i:i+1]) && !p.composedOfLabelValues(word) {
			return word
		}
	}
	return ""
}

// composedOfLabelValues reports whether a word is made of whole label values, as deploy/checkout-api and job=login are; what is
// short between them is the command's own.
func (p *provenance) composedOfLabelValues(word string) bool {
	known := false
	for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return strings.ContainsRune("/=,:@{}\"'", r) }) {
		switch {
		case p.values[part]:
			known = true
		case len(part) >= longWord/2:
			return false
		}
	}
	return known
}

// links returns the addresses in a text that only strangers have named, and those that nobody has. The host of a
// machine that has no dot in its name, and our own machine, are no addresses that lead anywhere.
func (p *provenance) links(s string) (strange, unknown []string) {
	for _, link := range linkForm.FindAllString(text.CutBytes(uniform(s), maxFieldBytes), maxTried) {
		link = strings.TrimRight(link, ".,;:!?*")
		host := hostOf(link)
		switch {
		case p.hosts[host], host != "" && !strings.Contains(host, ".") && !strings.Contains(p.all, strings.ToLower(link)), isLoopback(host):
		case strings.Contains(p.all, host):
			strange = append(strange, link)
		default:
			unknown = append(unknown, link)
		}
	}
	return strange, unknown
}
