package handler

import "github.com/alertscribe/alertscribe/incident"

// words is the fixed text of the pages in one language. A test asserts that every language fills every field, with the
// same verbs.
type words struct {
	Code incident.Language
	Lang string // of the HTML: browsers choose fonts and break lines by it

	Reports, Health, Metrics                                       string
	All, Remove, NoMatch, FirstPage, NextPage                      string
	Status, Severity, Alert, Alerts, Started, Lasted, Analysis     string
	Counts                                                         string // firing, all
	InBrackets                                                     string // behind a name
	SeverityOurs, NoSeverity                                       string // as the alerts say, as it is handled
	Writing, Collecting, Verifying                                 string
	SameName, Predecessor, Unnamed                                 string
	NoReport, Unreadable, Fault, NotFound, BadRequest, Unavailable string
	Day, Hour, Minute, Second                                      string

	SkipLink, Live, Lost, NoScript                   string // of every page
	Copy, Copied, Failed                             string
	LinkTo, ChartKeys                                string // with a name
	StepsTitle, StepReceived, StepEvidence           string
	StepDraft, StepVerify, StepRetry                 string
	StepDone, StepWaiting, StepFailed                string
	ActTitle, ActRight, ActWrong, ActAgain           string
	ActSilence, ActSignIn, ActSend, ActSilenceIn     string
	FieldCause, FieldName, FieldToken, FieldTokenTip string
	FieldMatchers, FieldDuration, FieldComment       string
	SilenceMade                                      string

	Search, SearchTip, Clear, Found, PerDay, SkippedApart, Marked string // Found and SkippedApart with a count
	SetupTitle, SetupPaste, SetupTry, SetupThen                   string

	Statuses map[incident.Status]string
	States   map[incident.State]string
	Reasons  map[incident.Reason]string
	Notices  map[string]string // by what was done
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
	Lang:    "en",
	Reports: "Reports", Health: "Health", Metrics: "Metrics",
	All: "all", Remove: "Remove this filter", FirstPage: "← First page", NextPage: "Next page →",
	NoMatch: "No incident matches.",
	Status:  "Status", Severity: "Severity", Alert: "Alert", Alerts: "Alerts", Started: "Started", Lasted: "Lasted", Analysis: "Analysis",
	InBrackets: " (%s)",
	Counts:     "%d of %d firing", SeverityOurs: "%s (as %s)", NoSeverity: "none (as %s)",
	SameName: "Same alert", Predecessor: "Previous", Unnamed: "(unnamed alert)",
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
	Search: "Search", SearchTip: "names, labels, summaries, causes", Clear: "Clear all", Found: "%d incidents", PerDay: "Incidents per day, the last 30 days",
	SkippedApart: "%d skipped by the settings", Marked: "marked by the fact check",
	SetupTitle: "No incidents yet", SetupPaste: "Add this to alertmanager.yml, and name the receiver in a route:",
	SetupTry: "Or send an alert by hand:", SetupThen: "The report appears on this page.",
	SkipLink: "Skip to content", Live: "live", Lost: "connection lost, retrying", NoScript: "Reload the page to see what is new.",
	Copy: "Copy", Copied: "Copied", Failed: "Failed; see the alertscribe log",
	LinkTo: "Link to %s", ChartKeys: "Chart %s; arrow keys show values",
	StepsTitle: "Progress", StepReceived: "Received", StepEvidence: "Evidence", StepDraft: "Draft by the model",
	StepVerify: "Counter-evidence", StepRetry: "failed, next try at",
	StepDone: "done", StepWaiting: "waiting", StepFailed: "failed",
	ActTitle: "Actions", ActRight: "Analysis is right", ActWrong: "Analysis is wrong", ActAgain: "Analyze again",
	ActSilence: "Silence", ActSignIn: "Sign in to act", ActSend: "Send", ActSilenceIn: "Silence in Alertmanager",
	FieldCause: "What was the cause?", FieldName: "Your name", FieldToken: "Token",
	FieldTokenTip: "The value of ALERTSCRIBE_WEBHOOK_TOKEN; remembered for 12 hours.",
	FieldMatchers: "Matchers, one on a line", FieldDuration: "Duration", FieldComment: "Comment", SilenceMade: "Open the silence",
	Notices: map[string]string{
		actFeedback: "Thank you. The next analysis of this alert receives it.", actAnalyze: "Analyzing again.",
		actSilence: "Silenced.", actSignIn: "Signed in.",
	},
}

var chinese = words{
	Code:    "zh",
	Lang:    "zh-CN",
	Reports: "报告", Health: "健康状态", Metrics: "指标",
	All: "全部", Remove: "去掉此条件", FirstPage: "← 第一页", NextPage: "下一页 →",
	NoMatch: "没有符合条件的事件。",
	Status:  "状态", Severity: "严重级别", Alert: "告警", Alerts: "告警数", Started: "开始时间", Lasted: "持续时间", Analysis: "分析",
	InBrackets: "（%s）",
	Counts:     "%d/%d 条告警触发中", SeverityOurs: "%s（按 %s 处理）", NoSeverity: "未设级别（按 %s 处理）",
	SameName: "同名告警的事件", Predecessor: "上一起事件", Unnamed: "未命名告警",
	Writing:    "模型正在分析，完成后显示在本页。",
	Collecting: "正在收集证据，完成后显示在本页。",
	Verifying:  "已有初步结论，正在交叉验证，完成后更新本页。",
	NotFound:   "未找到", NoReport: "报告不存在。",
	BadRequest: "请求无效", Unavailable: "暂不可用", Unreadable: "暂时无法读取数据库，原因见 alertscribe 日志。",
	Fault: "alertscribe 内部错误，详见日志。",
	Day:   " 天", Hour: " 小时", Minute: " 分钟", Second: " 秒",
	Statuses: map[incident.Status]string{incident.Firing: "触发中", incident.Resolved: "已恢复", incident.Stale: "通知中断"},
	States: map[incident.State]string{
		incident.Pending: "分析中", incident.Complete: "已完成", incident.EvidenceOnly: "仅有证据",
	},
	Reasons: map[incident.Reason]string{
		incident.NoKey: "未设置密钥", incident.Authentication: "密钥无效", incident.Forbidden: "访问被拒绝", incident.Balance: "余额不足",
		incident.Budget: "预算已用完", incident.Skipped: "已跳过", incident.GaveUp: "重试失败", incident.OverAtOnce: "分析前已恢复",
	},
	Search: "搜索", SearchTip: "名称、标签、摘要、原因", Clear: "清除全部", Found: "共 %d 起事件", PerDay: "最近 30 天每天的事件数",
	SkippedApart: "另有 %d 起事件按设置跳过", Marked: "有未通过核对的内容",
	SetupTitle: "暂无事件", SetupPaste: "在 alertmanager.yml 中加入以下内容，并在 route 中引用该 receiver：",
	SetupTry: "也可以手动发送一条告警：", SetupThen: "报告会显示在本页。",
	SkipLink: "跳到正文", Live: "实时更新", Lost: "连接中断，正在重连", NoScript: "刷新页面查看最新内容。",
	Copy: "复制", Copied: "已复制", Failed: "失败，原因见 alertscribe 日志",
	LinkTo: "“%s”的链接", ChartKeys: "图表 %s，按方向键查看数值",
	StepsTitle: "进度", StepReceived: "已收到", StepEvidence: "收集证据", StepDraft: "初步结论",
	StepVerify: "交叉验证", StepRetry: "失败，下次重试",
	StepDone: "完成", StepWaiting: "等待", StepFailed: "失败",
	ActTitle: "操作", ActRight: "分析正确", ActWrong: "分析有误", ActAgain: "重新分析",
	ActSilence: "静默", ActSignIn: "登录后操作", ActSend: "提交", ActSilenceIn: "到 Alertmanager 静默",
	FieldCause: "实际原因是什么？", FieldName: "姓名", FieldToken: "令牌",
	FieldTokenTip: "即 ALERTSCRIBE_WEBHOOK_TOKEN 的值，12 小时内有效。",
	FieldMatchers: "匹配条件，每行一个", FieldDuration: "时长", FieldComment: "备注", SilenceMade: "查看静默",
	Notices: map[string]string{
		actFeedback: "谢谢，下次分析同类告警时会参考。", actAnalyze: "正在重新分析。",
		actSilence: "已静默。", actSignIn: "已登录。",
	},
}
