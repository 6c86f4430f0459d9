package evidence

import (
	"context"
	"errors"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/text"
)

// Failures.
var (
	msgFailed       = message{"%s.", "%s。"}
	msgOurFault     = message{"internal error, see alertscribe's log", "alertscribe 内部错误，详见日志"}
	msgNoBudget     = message{"the incident's query budget is used up", "本事件的查询次数已用完"}
	msgTimeout      = message{"timed out", "查询超时"}
	msgTooExpensive = message{"too slow or too large (%s)", "查询过慢或结果过大（%s）"}
	msgBadQuery     = message{"query rejected (%s)", "查询被拒绝（%s）"}
	msgUnavailable  = message{"server unavailable (%s)", "无法访问服务器（%s）"}
	msgNoPrometheus = message{
		"Prometheus was not queried: PROMETHEUS_URL is not set.",
		"未设置 PROMETHEUS_URL。",
	}
	msgNoServerFits = message{
		"Prometheus was not queried: none of the servers in the settings (%s) fits the labels of this alert; see prometheus[].match.",
		"未查询 Prometheus：配置中的服务器（%s）均与本告警的标签不符，请检查 prometheus[].match。",
	}
	msgElsewhere = message{
		" Only Prometheus %s was queried; %d of these alerts belong to another one.",
		"仅查询了 Prometheus %s，其中 %d 条告警属于其他 Prometheus。",
	}
)

// msgDetails are the words of our own errors; what a server says stays as it said it.
var msgDetails = []message{
	{"no answer in time", "未在时限内返回"},
	{", check the credentials in http_config", "，请检查 http_config 中的凭据"},
	{", check the path of the URL", "，请检查 URL 的路径"},
	{"HTTP status", "HTTP 状态码"},
	{"response is not from Prometheus", "响应不是来自 Prometheus"},
	{"response is not from Alertmanager", "响应不是来自 Alertmanager"},
	{"fetching the runbook: ", "获取处理手册失败："},
	{"it redirects too often", "重定向次数过多"},
	{"not in analysis.runbooks.allow", "不在 analysis.runbooks.allow 列表中"},
	{"private address, not in analysis.runbooks.networks", "内网地址，不在 analysis.runbooks.networks 中"},
	{"it is not text but", "内容不是文本，而是"},
	{"asking Alertmanager: ", ""},
	{"reading past incidents: ", "读取历史事件失败："},
	{"reading related series: ", ""},
	{"counting related series: ", ""},
	{"looking for calls between services: ", ""},
	{"querying threshold: ", ""},
}

// explain says in the report's language why something could not be looked up, with what a server said as it said it.
func (inv *investigation) explain(err error) string {
	detail := err.Error()
	for _, kind := range []error{promapi.ErrUnavailable, promapi.ErrTooExpensive, promapi.ErrBadQuery, promapi.ErrPartial} {
		detail = strings.ReplaceAll(detail, kind.Error()+": ", "") // said by the phrase
	}
	if inv.language == incident.Chinese {
		for _, known := range msgDetails {
			detail = strings.ReplaceAll(detail, known.en, known.zh)
		}
	}
	detail = text.Cut(text.OneLine(detail), 300) // of a server, or of several errors
	switch {
	case errors.Is(err, promapi.ErrNoBudget):
		return inv.say(msgNoBudget)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return inv.say(msgTimeout)
	case errors.Is(err, promapi.ErrTooExpensive):
		return inv.say(msgTooExpensive, detail)
	case errors.Is(err, promapi.ErrBadQuery):
		return inv.say(msgBadQuery, detail)
	case errors.Is(err, promapi.ErrPartial):
		return inv.say(msgPartialAnswer, detail)
	case errors.Is(err, promapi.ErrUnavailable):
		return inv.say(msgUnavailable, detail)
	}
	return detail
}
