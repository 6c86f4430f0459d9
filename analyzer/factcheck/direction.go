package factcheck

import (
	"regexp"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

var (
	riseWords = regexp.MustCompile(`(?i)\b(?:ris(?:es?|ing|en)|rose|increas(?:es?|ed|ing)|grow(?:s|n|ing)?|grew|surg(?:es?|ed|ing)|spik(?:es?|ed|ing)|` +
		`jump(?:s|ed|ing)?|climb(?:s|ed|ing)?|soar(?:s|ed|ing)?|(?:goes|went|going) up|higher)\b|上升|升高|飙升|激增|增加|增长|上涨|暴增|猛增|走高|攀升|升至|突增|陡增|翻倍`)
	fallWords = regexp.MustCompile(`(?i)\b(?:f[ae]ll(?:s|en|ing)?|drop(?:s|ped|ping)?|decreas(?:es?|ed|ing)|declin(?:es?|ed|ing)|plummet(?:s|ed|ing)?|` +
		`plung(?:es?|ed|ing)|shr[aiu]nk(?:s|ing)?|(?:goes|went|going) down|lower)\b|下降|降低|骤降|减少|下跌|跌至|暴跌|锐减|回落|降至|下滑`)
	denialWords = regexp.MustCompile(`(?i)\b(?:no|not|never|without|nor|neither|cannot|if|would|should|than|unless|rather)\b|n't\b|未|没有|无|并非|不|若|如果|应`)
	idiomWords  = regexp.MustCompile(`(?i)\b(?:f[ae]lls? (?:into|under|back|within|outside|behind|on)|lower(?:-| )?(?:case|bound|ranks?)|drop-?in|higher-?level|dropped packets|packet drops?|increas(?:e|ing) the)\b`)
	clauseEnd   = regexp.MustCompile(`[,;.!?，；。！？、:：()（）\n] ?|(?i)\b(?:while|but|whereas|although|and|because|since|as|so|when|which|after|before)\b|而|但|同时|因为|由于|导致|使得`)
	goodWords   = regexp.MustCompile(`(?i)succe|healthy|availab|free|idle|remaining|hit|成功|可用|空闲|正常|剩余|命中`)
	badWords    = regexp.MustCompile(`(?i)fail|error|timeout|reject|denied|refus|unavail|used|usage|miss|失败|错误|超时|拒绝|不可用|占用|使用率|未命中`)
)

// directions compares what a text says of single entries of the rankings cited with how these moved. It returns how
// many clauses agree, and the names of those that do not. A clause counts only where it says one direction, denies
// nothing, and names entries that all moved the same way: code cannot tell what else it is about.
func directions(text string, cited []*incident.Evidence) (agree int, wrong []string) {
	for _, part := range clauses(uniform(text)) {
		said := directionOf(part)
		if said == "" {
			continue
		}
		moved, label := movementOf(part, cited)
		switch moved {
		case "":
		case said:
			agree++
		default:
			wrong = append(wrong, label+": "+moved)
		}
	}
	return agree, wrong
}

// clauses divides a text, but not within a number or a name: a sign ends a clause only before a space or its like.
func clauses(s string) []string {
	var parts []string
	from := 0
	for _, at := range clauseEnd.FindAllStringIndex(s, -1) {
		sign := s[at[0]:at[1]]
		if len(sign) == 1 && strings.ContainsAny(sign, ".:,") && at[1] < len(s) && s[at[1]] < 0x80 {
			continue
		}
		parts = append(parts, s[from:at[0]])
		from = at[1]
	}
	return append(parts, s[from:])
}

func directionOf(part string) string {
	part = idiomWords.ReplaceAllString(part, " ")
	up, down := riseWords.MatchString(part), fallWords.MatchString(part)
	switch {
	case up == down, denialWords.MatchString(part):
		return ""
	case up:
		return "up"
	}
	return "down"
}

// movementOf returns the direction of all entries that a clause names, "" when it names none or they differ.
func movementOf(part string, cited []*incident.Evidence) (moved, label string) {
	lower := strings.ToLower(part)
	for _, e := range cited {
		if quality := polarity(part); quality != 0 && polarity(e.Query+" "+e.Title)*quality < 0 {
			return "", "" // successes fall while failures rise
		}
		for _, r := range e.Ranking {
			found := nameIn(lower, r.Labels, e.Ranking)
			if found == "" || r.Direction != "up" && r.Direction != "down" {
				continue
			}
			if moved != "" && moved != r.Direction {
				return "", ""
			}
			moved, label = r.Direction, found
		}
	}
	return moved, label
}

func polarity(s string) int {
	isGood, isBad := goodWords.MatchString(s), badWords.MatchString(s)
	switch {
	case isGood && !isBad:
		return 1
	case isBad && !isGood:
		return -1
	}
	return 0
}

const metricName = "__name__"

// nameIn returns by what a clause in lower case names an entry: by its metric, where it has one, and else by a label
// value that not all entries share.
func nameIn(lower string, labels map[string]string, ranking []incident.RankedSeries) string {
	if metric := labels[metricName]; metric != "" {
		if containsWord(lower, strings.ToLower(metric)) {
			return metric
		}
		return ""
	}
	best := ""
	for key, value := range labels {
		if len(value) > len(best) && len(value) >= 2 && !isNumeral(value) && containsWord(lower, strings.ToLower(value)) &&
			(len(ranking) == 1 || !sharedByAll(key, value, ranking)) {
			best = value
		}
	}
	return best
}

func sharedByAll(key, value string, ranking []incident.RankedSeries) bool {
	for _, r := range ranking {
		if r.Labels[key] != value {
			return false
		}
	}
	return true
}

// containsWord reports whether s stands in text by itself.
func containsWord(text, s string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], s)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(s)
		if (at == 0 || !nameByte(text[at-1])) && (end == len(text) || !nameByte(text[end])) {
			return true
		}
		from = end
	}
}

func nameByte(b byte) bool { return isWordByte(b) || b == '-' }
