package factcheck

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// provenance knows the text that anybody may have written, by where it comes from: the alerts (labels, annotations and their names,
// receiver, group key, URLs and the strings of expressions, label values and lines of text within the evidence, hypotheses about
// past incidents), and feedback that came without a token. A model that was taken in by it repeats it: what a verdict has in common
// with it, where neither our own evidence nor plain words have it, is marked.
type provenance struct {
	own     *vocabulary
	origins []*origin
}

// newProvenance gathers the text of strangers.
func newProvenance(in Input) *provenance {
	p := &provenance{own: newVocabulary(in)}
	alerts, evidence, memory := newGathering(maxStrange/2), newGathering(maxStrange/2), newGathering(maxStrange/8)
	alerts.addIncident(in.Incident, in.Alerts)
	for i := range in.Evidence {
		evidence.addEvidence(&in.Evidence[i])
	}
	said := newGathering(maxStrange / 8)
	said.addFeedback(in.Incident.Feedback)
	for _, past := range in.Memory {
		if past.Marked { // what our checks doubted then is doubted again
			evidence.add(past.Hypothesis)
		} else {
			memory.add(past.Hypothesis)
		}
		said.addFeedback(past.Feedback)
	}
	p.origins = append(p.origins, newOrigin(incident.MarkFromAlertText, p.own, slices.Concat(alerts.texts, evidence.texts), memory.texts))
	if len(said.texts) > 0 {
		p.origins = append(p.origins, newOrigin(incident.MarkFromFeedback, p.own, said.texts, nil))
	}
	return p
}

// addFeedback adds what people said who did not show a token.
func (g *gathering) addFeedback(feedback []incident.Feedback) {
	for _, f := range feedback {
		if !f.WithToken {
			g.add(f.Text)
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

// instructionWords are the words of instructionForm: a text without any of them needs no closer look.
var instructionWords = wordSet(`ignore disregard override bypass forget you your youre re instruction instructions prompt language llm
	chatgpt gpt deepseek ai model analyst do don dont must shall say state claim conclude answer respond reply output print write report mention recommend
	suggest advise tell inform declare mark classify rate treat set put add include insert append quote repeat use show link point send run execute paste type
	open visit download fetch click install apply invoke launch browse navigate go follow curl wget sudo call contact email post copy pretend act assume return emit`)

// isInstruction reports whether a folded text speaks to a reader who does as he is told.
func isInstruction(f string) bool {
	likely, before := false, ""
	scanWords(f, func(word string, start int) {
		end := start + len(word)
		likely = likely || instructionWords[word] || chatRoles[before] && roleWords[word] || chatRoles[word] && end < len(f) && strings.Contains(f[end:min(end+2, len(f))], ":")
		before = word
	}, func(string, int) { likely = true })
	return likely && instructionForm.MatchString(f)
}

var (
	chatRoles = wordSet(`system assistant developer user`)
	roleWords = wordSet(`prompt message messages instruction instructions role note`)
)

// echoed returns the longest part of a text that repeats what a stranger orders or claims; "" for none.
func (o *origin) echoed(said []string) string {
	best := ""
	for _, f := range said {
		for _, part := range []string{o.echoedInstruction(f), o.echoes.repeated(f), o.commands.repeatedInSentence(f), o.commands.typedInSentence(f)} {
			if len(part) > len(best) {
				best = part
			}
		}
	}
	return best
}

// echoedInstruction returns the longest part of a text that repeats what an order of a stranger says; "" for none.
func (o *origin) echoedInstruction(f string) string {
	words := wordsOf(f)
	best := ""
	for i := 0; i < len(words); i++ {
		run := words[i : i+o.instructions.longest(words[i:])]
		if !longEnoughRun(run) {
			continue
		}
		if part := strings.Join(run, " "); len(part) > len(best) {
			best = part
		}
		i += len(run) - 1 // each word is looked up a bounded number of times
	}
	return best
}

// command returns the part of a command that a stranger has written; "" for none.
func (o *origin) command(said []string) string {
	for _, f := range said {
		if part := o.commands.repeated(f); part != "" {
			return part
		}
	}
	return ""
}

// strangeAddresses returns the addresses of a text that only these people name; command says that the text is one.
func (o *origin) strangeAddresses(said []string, command bool) []string {
	var out []string
	for _, f := range said {
		out = append(out, o.addresses.strange(f, command)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// links returns the addresses with a scheme in a text that strangers have named, and those that nobody has. The host of a machine
// that has no dot in its name, and our own machine, are no addresses that lead anywhere.
func (p *provenance) links(s string) (strange map[incident.MarkKind][]string, unknown []string) {
	s = text.CutBytes(uniform(s), maxFieldBytes)
	if !strings.Contains(s, ":/") && !strings.Contains(strings.ToLower(s), "www.") {
		return nil, nil
	}
	strange = map[incident.MarkKind][]string{}
	for _, link := range linkForm.FindAllString(s, maxTried) {
		link = strings.TrimRight(link, ".,;:!?*")
		host := normalIP(hostOf(link))
		if p.own.hosts[host] || isLoopback(host) {
			continue
		}
		kind := p.namedBy(host)
		switch {
		case host != "" && !strings.Contains(host, ".") && kind == "":
		case kind != "":
			strange[kind] = append(strange[kind], link)
		default:
			unknown = append(unknown, link)
		}
	}
	return strange, unknown
}

// namedBy returns whose text names a host; "" for nobody's.
func (p *provenance) namedBy(host string) incident.MarkKind {
	for _, o := range p.origins {
		if o.addresses.names(host) || o.addresses.names(folded(host)) {
			return o.kind
		}
	}
	return ""
}
