package channel

import (
	"fmt"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// words are what messages say in one language.
type words struct {
	heading     string // severity, alert name
	statuses    map[incident.Status]string
	severities  map[string]string
	summary     string // labels of lines
	cause       string
	action      string
	noAnalysis  string
	report      string
	colon       string
	likelihoods map[string]string
	aside       string // around the likelihood
	marks       map[Mark]string
	reasons     map[incident.Reason]string
	count       string // alerts that fire
	lasted      string
	day, hour   string
	minute, sec string
	gap         string // between two units
	test        string
}

var english = words{
	heading:    "[%s] %s",
	statuses:   map[incident.Status]string{incident.Firing: "firing", incident.Resolved: "resolved", incident.Stale: "stale"},
	severities: map[string]string{},
	summary:    "Summary", cause: "Likely cause", action: "Do first", noAnalysis: "No analysis", report: "Report", colon: ": ",
	likelihoods: map[string]string{"high": "high likelihood", "medium": "medium likelihood", "low": "low likelihood"},
	aside:       " (%s)",
	marks: map[Mark]string{
		Marked: "⚠ failed checks", ForeignText: "⚠ only in the alert text, checked by nobody",
	},
	reasons: map[incident.Reason]string{
		incident.NoKey:          "no API key is set",
		incident.Authentication: "the endpoint rejects the API key",
		incident.Balance:        "the provider account has no balance",
		incident.Budget:         "the model budget is spent",
		incident.Skipped:        "the alert matches analysis.skip",
		incident.Forbidden:      "the provider denies access",
		incident.OverAtOnce:     "the alerts resolved before the analysis began",
		incident.GaveUp:         "no attempt succeeded",
		pending:                 "the model has not answered yet",
	},
	count: "%d alerts firing", lasted: "lasted %s",
	day: "d", hour: "h", minute: "m", sec: "s",
	test: "alertscribe can reach this channel. Messages about incidents look like this one.",
}

var chinese = words{
	heading:    "【%s】%s",
	statuses:   map[incident.Status]string{incident.Firing: "触发中", incident.Resolved: "已恢复", incident.Stale: "通知中断"},
	severities: map[string]string{"critical": "严重", "page": "紧急", "error": "错误", "warning": "警告", "info": "提示"},
	summary:    "摘要", cause: "可能原因", action: "建议先做", noAnalysis: "暂无分析", report: "报告", colon: "：",
	likelihoods: map[string]string{"high": "可能性高", "medium": "可能性中", "low": "可能性低"},
	aside:       "（%s）",
	marks: map[Mark]string{
		Marked: "⚠ 未核实", ForeignText: "⚠ 来源不可信：只出现在告警文本中",
	},
	reasons: map[incident.Reason]string{
		incident.NoKey:          "未设置 API 密钥",
		incident.Authentication: "模型服务拒绝了 API 密钥",
		incident.Balance:        "模型服务账户余额不足",
		incident.Budget:         "模型调用预算已用完",
		incident.Skipped:        "按 analysis.skip 的设置不做模型分析",
		incident.Forbidden:      "模型服务商拒绝访问",
		incident.OverAtOnce:     "告警在分析开始之前已恢复",
		incident.GaveUp:         "多次尝试均失败",
		pending:                 "模型分析尚未完成",
	},
	count: "%d 条告警触发中", lasted: "历时 %s",
	day: " 天", hour: " 小时", minute: " 分钟", sec: " 秒", gap: " ",
	test: "alertscribe 可以向本渠道发送消息，事件消息的样式与此一致。",
}

// pending stands for an analysis that takes longer than a message waits for it.
const pending incident.Reason = "pending"

// PendingAnalysis is the reason of a message that did not wait any longer for the analysis.
const PendingAnalysis = pending

func wordsOf(l incident.Language) *words {
	if l == incident.Chinese {
		return &chinese
	}
	return &english
}

// TestSummary returns what a test message says.
func TestSummary(l incident.Language) string { return wordsOf(l).test }

// duration writes the two largest units.
func (w *words) duration(d time.Duration) string {
	parts := []string{}
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, w.day}, {time.Hour, w.hour}, {time.Minute, w.minute}, {time.Second, w.sec}} {
		if n := d / u.unit; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
			d -= n * u.unit
		}
	}
	if len(parts) == 0 {
		return "0" + w.sec
	}
	return strings.Join(parts, w.gap)
}
