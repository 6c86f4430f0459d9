package evidence

import (
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
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

// msgBlank stands between two sentences.
var msgBlank = message{" ", ""}

// Titles.
var (
	msgTitleAlert     = message{"Incident alerts", "本次事件的告警"}
	msgTitleSignal    = message{"Alert signal", "告警信号"}
	msgTitleBand      = message{"What was expected", "预期与实际"}
	msgTitleDrilldown = message{"Change by label", "变化来自哪里"}
	msgTitleSuspects  = message{"What else changed", "同时变化的指标"}
	msgTitleNeighbors = message{"Targets, restarts and changes", "目标状态、重启与变更"}
	msgTitleOthers    = message{"Other alerts", "其他告警"}
	msgTitleHistory   = message{"Past incidents", "历史事件"}
	msgTitleRunbook   = message{"Runbook", "操作手册"}
	msgTitleBefore    = message{"Was it like this before?", "以前是否也这样"}
	msgTitlePeers     = message{"Are the peers healthy?", "同类对象是否正常"}
	msgTitleFiring    = message{"Also firing now", "当前还有哪些告警"}
	msgTitleCheck     = message{"Check %d", "检查 %d"}
)

// Failures.
var (
	msgFailed       = message{"Lookup failed: %s", "未能查询：%s"}
	msgOurFault     = message{"internal error, see alertscribe's log", "alertscribe 内部出错，请查看其日志"}
	msgNoBudget     = message{"the incident's query budget is used up", "本次事件的查询次数已用完"}
	msgTimeout      = message{"timed out", "查询超过了规定的时间"}
	msgTooExpensive = message{"too slow or too large (%s)", "查询耗时过长或结果过大（%s）"}
	msgBadQuery     = message{"query rejected (%s)", "服务器拒绝了查询（%s）"}
	msgUnavailable  = message{"server unavailable (%s)", "无法访问服务器（%s）"}
	msgNoPrometheus = message{
		"Prometheus was not queried: PROMETHEUS_URL is not set.",
		"未查询 Prometheus：未设置 PROMETHEUS_URL。",
	}
)
