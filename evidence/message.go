package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// message is a phrase in both languages, with the verbs of package fmt; they are numbered where the order differs.
type message struct{ en, zh string }

// in returns the phrase in a language, with its verbs filled.
func (t message) in(language incident.Language, args ...any) string {
	phrase := t.en
	if language == incident.Chinese {
		phrase = t.zh
	}
	if len(args) == 0 {
		return phrase
	}
	return fmt.Sprintf(phrase, args...)
}

// What stands between sentences and between times, and the units of durations in words.
var (
	msgBlank        = message{" ", ""}
	msgBetweenSpans = message{" and ", "、"}
	msgUnits        = []struct {
		length time.Duration
		name   message
	}{
		{24 * time.Hour, message{"d", " 天"}}, {time.Hour, message{"h", " 小时"}}, {time.Minute, message{"m", " 分钟"}}, {time.Second, message{"s", " 秒"}},
	}
)

// duration writes a duration as the language does within a sentence: 1m30s, 1 分钟 30 秒.
func (inv *investigation) duration(d time.Duration) string {
	if inv.language != incident.Chinese || d%time.Second != 0 {
		return promql.FormatDuration(d)
	}
	var parts []string
	if d == 0 {
		parts = append(parts, "0"+inv.say(msgUnits[len(msgUnits)-1].name))
	}
	for _, u := range msgUnits {
		if n := d / u.length; n > 0 {
			parts = append(parts, strconv.Itoa(int(n))+inv.say(u.name))
			d -= n * u.length
		}
	}
	return strings.Join(parts, " ")
}

// joined makes one sentence of several where the language would: Chinese has commas where English has stops.
func (inv *investigation) joined(sentences ...string) string {
	if inv.language != incident.Chinese {
		return strings.Join(sentences, "")
	}
	sentences = slices.DeleteFunc(sentences, func(s string) bool { return s == "" })
	for i := range max(len(sentences)-1, 0) {
		sentences[i] = strings.TrimSuffix(sentences[i], "。")
	}
	return strings.Join(sentences, "，")
}

// Titles.
var (
	msgTitleAlert     = message{"Incident alerts", "本事件的告警"}
	msgTitleSignal    = message{"Alert signal", "告警指标"}
	msgTitleBand      = message{"What was expected", "预期与实际"}
	msgTitleDrilldown = message{"Change by label", "变化来源"}
	msgTitleSuspects  = message{"What else changed", "同时变化的指标"}
	msgTitleNeighbors = message{"Targets, restarts and changes", "采集目标、重启和变更"}
	msgTitleOthers    = message{"Other alerts", "同期其他告警"}
	msgTitleHistory   = message{"Past incidents", "历史事件"}
	msgTitleRunbook   = message{"Runbook", "处理手册"}
	msgTitleBefore    = message{"Was it like this before?", "历史同期对比"}
	msgTitlePeers     = message{"Are the peers healthy?", "同类序列对比"}
	msgTitleFiring    = message{"Also firing now", "当前其他告警"}
	msgTitleCheck     = message{"Check %d", "验证查询 %d"}
)
