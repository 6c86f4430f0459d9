package handler

import "github.com/alertscribe/alertscribe/incident"

// words is the fixed text of the pages in one language. A test asserts that every language fills every field, with the
// same verbs.
type words struct {
	Code incident.Language

	Reports, Health, Metrics                                       string
	All, Remove, NoMatch, NoneYet, FirstPage, NextPage             string
	Status, Severity, Alert, Alerts, Started, Lasted, Analysis     string
	Counts                                                         string // firing, all
	SeverityOurs, NoSeverity                                       string // as the alerts say, as it is handled
	Refreshes, Writing, Collecting, Verifying                      string
	SameName, Predecessor, Unnamed                                 string
	NoReport, Unreadable, Fault, NotFound, BadRequest, Unavailable string
	Day, Hour, Minute, Second                                      string

	Statuses map[incident.Status]string
	States   map[incident.State]string
	Reasons  map[incident.Reason]string
}

// catalogue returns the words of a language; English where there are none.
func catalogue(language incident.Language) *words {
	if language == incident.Chinese {
		return &chinese
	}
	return &english
}

var english = words{
	Code:    "en",
	Reports: "Reports", Health: "Health", Metrics: "Metrics",
	All: "all", Remove: "Show all alerts", FirstPage: "← First page", NextPage: "Next page →",
	NoMatch: "No incident matches.",
	NoneYet: "No incidents yet. Point a webhook_configs url at /alert on this server.",
	Status:  "Status", Severity: "Severity", Alert: "Alert", Alerts: "Alerts", Started: "Started (%s)", Lasted: "Lasted", Analysis: "Analysis",
	Counts: "%d of %d firing", SeverityOurs: "%s (as %s)", NoSeverity: "none (as %s)",
	Refreshes: "reloads every %ds", SameName: "Same alert", Predecessor: "Previous", Unnamed: "(unnamed alert)",
	Writing:    "Waiting for the model. Its answer will appear here.",
	Collecting: "Collecting evidence. It will appear here.",
	Verifying:  "Checking the draft against counter-evidence. The result will appear here.",
	NotFound:   "Not found", NoReport: "No such report.",
	BadRequest: "Bad request", Unavailable: "Unavailable", Unreadable: "Can't read the database now; see the alertscribe log.",
	Fault: "Internal error; see the alertscribe log.",
	Day:   "d", Hour: "h", Minute: "m", Second: "s",
	Statuses: map[incident.Status]string{incident.Firing: "firing", incident.Resolved: "resolved", incident.Stale: "stale"},
	States: map[incident.State]string{
		incident.Pending: "pending", incident.Complete: "complete", incident.EvidenceOnly: "evidence only",
	},
	Reasons: map[incident.Reason]string{
		incident.NoKey: "no API key", incident.Authentication: "key rejected", incident.Forbidden: "access denied", incident.Balance: "no balance",
		incident.Budget: "call budget", incident.Skipped: "skipped", incident.GaveUp: "gave up", incident.OverAtOnce: "over at once",
	},
}

var chinese = words{
	Code:    "zh",
	Reports: "报告", Health: "健康状态", Metrics: "指标",
	All: "全部", Remove: "显示所有告警", FirstPage: "← 首页", NextPage: "下一页 →",
	NoMatch: "没有符合条件的事件。",
	NoneYet: "还没有事件。请将 Alertmanager 的 webhook_configs url 设为本服务的 /alert。",
	Status:  "状态", Severity: "级别", Alert: "告警", Alerts: "数量", Started: "开始（%s）", Lasted: "持续", Analysis: "分析",
	Counts: "%d / %d 条告警触发中", SeverityOurs: "%s（按 %s）", NoSeverity: "无（按 %s）",
	Refreshes: "每 %d 秒刷新", SameName: "同名告警", Predecessor: "上一次事件", Unnamed: "（未命名的告警）",
	Writing:    "模型正在分析，有了答复会显示在本页。",
	Collecting: "正在收集证据，收集到后会显示在本页。",
	Verifying:  "草稿已有，正在用可能推翻它的证据检验，结果会显示在本页。",
	NotFound:   "未找到", NoReport: "没有这份报告。",
	BadRequest: "无法理解的请求", Unavailable: "暂不可用", Unreadable: "目前无法读取数据库，原因见 alertscribe 的日志。",
	Fault: "alertscribe 出现故障，详情见其日志。",
	Day:   "天", Hour: "小时", Minute: "分", Second: "秒",
	Statuses: map[incident.Status]string{incident.Firing: "触发中", incident.Resolved: "已恢复", incident.Stale: "失去消息"},
	States: map[incident.State]string{
		incident.Pending: "进行中", incident.Complete: "已完成", incident.EvidenceOnly: "仅有证据",
	},
	Reasons: map[incident.Reason]string{
		incident.NoKey: "未设密钥", incident.Authentication: "密钥被拒", incident.Forbidden: "访问被拒", incident.Balance: "余额不足",
		incident.Budget: "预算用完", incident.Skipped: "按设置跳过", incident.GaveUp: "已放弃", incident.OverAtOnce: "很快恢复",
	},
}
