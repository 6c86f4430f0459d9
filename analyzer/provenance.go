package analyzer

import (
	"index/suffixarray"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/alertscribe/alertscribe/incident"
)

// provenance knows the text that anybody may have written: labels and annotations of the alerts, label values within
// the evidence, and what is remembered of earlier incidents. A model that was taken in by it repeats it: what a verdict
// has in common with it, where nothing else has it, is marked. Runbooks are not among it, since they come from places that
// the operator allows, nor is what people have said.
type provenance struct {
	sentences phrases         // texts of several words
	orders    phrases         // those of them that speak to a reader who does as he is told
	values    map[string]bool // whole label values: names of things, which commands need
	hosts     map[string]bool // of links that we made or followed, and of what is monitored
	all       string          // their text as a whole, in lower case
}

const (
	maxStrange  = 256 << 10 // bytes of strangers' text that are looked at
	longWord    = 16        // bytes from which one word is no accident
	runWords    = 3         // words in a row that are no accident, two of them of some length
	longEnough  = 4         // bytes of such a word
	runSigns    = 6         // Chinese characters in a row that are none
	maxPerField = 200       // words of one text of the model that are looked up
)

// phrases finds runs of words.
type phrases struct{ index *suffixarray.Index }

func newPhrases(texts []string) phrases {
	var b strings.Builder
	for _, s := range texts {
		if b.Len()+len(s) > maxStrange {
			continue
		}
		b.WriteString("\n " + strings.Join(wordsOf(s), " ") + " ")
	}
	return phrases{suffixarray.New([]byte(b.String()))}
}

func (p phrases) have(words []string) bool {
	return len(words) > 0 && len(p.index.Lookup([]byte(" "+strings.Join(words, " ")+" "), 1)) > 0
}

// wordsOf divides a text into words: what stands between spaces, without quotes and punctuation around it, in lower case,
// and each Chinese character.
func wordsOf(s string) []string {
	var out []string
	for field := range strings.FieldsSeq(strings.ToLower(uniform(clean(s)))) {
		start := 0
		add := func(part string) {
			if part = strings.Trim(part, "\"'`()[]{}<>,;:.!?*。，、；：？！"); part != "" {
				out = append(out, part)
			}
		}
		for i, r := range field {
			if unicode.Is(unicode.Han, r) {
				add(field[start:i])
				out = append(out, string(r))
				start = i + len(string(r))
			}
		}
		add(field[start:])
	}
	return out
}

// newProvenance gathers the text of strangers.
func newProvenance(m material) *provenance {
	p := &provenance{values: map[string]bool{}, hosts: map[string]bool{}}
	var texts, all []string
	add := func(s string) {
		s = cutBytes(s, maxRead)
		all = append(all, s)
		if len(wordsOf(s)) > 1 {
			texts = append(texts, s)
		}
	}
	label := func(labels map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			add(labels[name])
			p.values[strings.ToLower(labels[name])] = true
			if identity[name] && linkForm.MatchString(labels[name]) {
				p.hosts[hostOf(labels[name])] = true
			}
		}
	}
	label(m.inc.GroupLabels)
	for _, a := range m.alerts[:min(len(m.alerts), maxAlerts)] {
		label(a.Labels)
		for _, name := range slices.Sorted(maps.Keys(a.Annotations)) {
			add(a.Annotations[name])
		}
	}
	for i := range m.evidence {
		p.evidence(&m.evidence[i], add, label)
	}
	for _, r := range m.memory {
		add(r.Hypothesis)
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	p.sentences = newPhrases(texts)
	p.orders = newPhrases(slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return !order.MatchString(uniform(clean(s))) }))
	p.all = cutBytes(strings.ToLower(uniform(clean(strings.Join(all, "\n")))), maxStrange)
	return p
}

// identity are labels that whoever configures the monitoring sets, and no request: what is probed stands in them.
var identity = words(`instance target host hostname node address server backend upstream ingress`)

// evidence adds the label values within an item; the links of ours are to be trusted.
func (p *provenance) evidence(e *incident.Evidence, text func(string), label func(map[string]string)) {
	for _, link := range append(linkForm.FindAllString(cutBytes(e.Summary, maxRead), -1), e.Link) {
		if host := hostOf(link); host != "" && (link == e.Link || e.Kind == incident.KindRunbook) {
			p.hosts[host] = true
		}
	}
	for _, r := range e.Ranking[:min(len(e.Ranking), maxEntries)] {
		label(r.Labels)
	}
	if e.Chart != nil {
		for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxEntries)] {
			text(s.Name)
		}
	}
	if e.Table != nil && e.Kind != incident.KindSignal && e.Kind != incident.KindRunbook { // a signal's is the rule
		for _, row := range e.Table.Rows[:min(len(e.Table.Rows), maxEntries)] {
			for _, cell := range row {
				text(cell)
			}
		}
	}
}

// order is how texts speak that want something of whoever reads them, a model, or a person through a model: they name the
// reader or what he was told before, or a clause begins with what he is to do.
var order = regexp.MustCompile(`(?im)\b(?:ignore|disregard|override|bypass|forget)\b|\byou(?:'re|rs?)?\b|` +
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

// obeyed returns the longest part of a text that repeats what an order of a stranger says; "" for none.
func (p *provenance) obeyed(s string) string {
	words := wordsOf(s)
	words = words[:min(len(words), maxPerField)]
	best := ""
	for i := 0; i < len(words); i++ {
		run := words[i : i+p.orders.longest(words[i:])]
		if !worth(run) {
			continue
		}
		if text := strings.Join(run, " "); len(text) > len(best) {
			best = text
		}
		i += len(run) - 1 // each word is looked up a bounded number of times
	}
	return best
}

// longest returns how many of the words, from the first on, stand in a row in one text.
func (p phrases) longest(words []string) int {
	n := 0
	for n < len(words) && p.have(words[:n+1]) {
		n++
	}
	return n
}

// worth reports whether a run of words is too long to be an accident.
func worth(run []string) bool {
	signs := 0
	for _, w := range run {
		if r := []rune(w); len(r) == 1 && unicode.Is(unicode.Han, r[0]) {
			signs++
		}
	}
	long := 0 // words that are more than articles and prepositions
	for _, w := range run {
		if len(w) >= longEnough {
			long++
		}
	}
	return len(run)-signs >= runWords && long >= 2 || signs >= runSigns || signs >= 2 && len(run)-signs+signs/2 >= runWords
}

var shellSeparators = regexp.MustCompile(`\|\|?|&&?|;|\n|\$\(|<\(`)

// dictated returns the part of a command that a stranger's text holds: all of it, one of the simple commands that it
// consists of, some words in a row, or one long word that is the name of nothing; "" for none.
func (p *provenance) dictated(command string) string {
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
		if len(word) >= longWord && !p.values[word] && p.sentences.have(all[i:i+1]) && !p.madeOfValues(word) {
			return word
		}
	}
	return ""
}

// madeOfValues reports whether a word is made of whole label values, as deploy/checkout-api and job=login are; what is
// short between them is the command's own.
func (p *provenance) madeOfValues(word string) bool {
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
	for _, link := range linkForm.FindAllString(cutBytes(uniform(s), maxRead), maxTried) {
		link = strings.TrimRight(link, ".,;:!?*")
		host := hostOf(link)
		switch {
		case p.hosts[host], host != "" && !strings.Contains(host, ".") && !strings.Contains(p.all, strings.ToLower(link)), loopback(host):
		case strings.Contains(p.all, host):
			strange = append(strange, link)
		default:
			unknown = append(unknown, link)
		}
	}
	return strange, unknown
}
