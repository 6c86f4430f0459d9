package report

import "github.com/alertscribe/alertscribe/incident"

var english = words{
	Code:  "en",
	Alert: "Alert", Evidence: "Evidence", Causes: "Likely causes", Actions: "What to do now", Prevention: "Prevention",
	Gaps: "Gaps", Timeline: "Timeline",

	Since:            "since %s (%s as of %s)",
	Ended:            "from %s to %s (%s)",
	LastHeard:        "since %s, not heard of since %s",
	OneAlert:         "1 alert fires",
	ManyAlerts:       "%d alerts fire",
	StaleAlerts:      "When last heard of, %d alerts were firing",
	EndedAlerts:      "No alert fires any more, of %d",
	FiringCount:      "%d firing",
	ResolvedCount:    "%d ended",
	HiddenCount:      "%d hidden by Alertmanager",
	MostTelling:      "Most telling",
	LikelyCause:      "Likely cause",
	DoFirst:          "Do first",
	ProseBelow:       "The model answered in free text, quoted below.",
	UnknownAlertname: "Alert without a name",
	RunbookFirst:     "Open the runbook",
	LookFirst:        "Look at the evidence below, the largest deviation first.",
	NoAnalysis:       "No analysis",
	OldAnalysis:      "This analysis is not of the latest state",
	PendingFirst:     "The analysis is pending: it follows here as soon as the model has answered.",
	PendingAgain:     "The analysis is pending and retried by itself; failed attempts so far: %d.",
	NextAttempt:      "Next attempt at %s.",
	LastError:        "Last error",
	Reasons: map[incident.Reason]string{
		incident.NoKey: "no API key is set. Set `DEEPSEEK_API_KEY` and restart alertscribe; incidents that still fire are then analysed.",
		incident.Authentication: "the model's endpoint refuses the API key. Check `DEEPSEEK_API_KEY` and `LLM_BASE_URL`; " +
			"once a call succeeds, incidents that still fire are analysed.",
		incident.Balance: "the account at the model's provider has no balance left. Top it up; " +
			"once a call succeeds, incidents that still fire are analysed.",
		incident.Budget: "the budget for model calls is spent. It is tried again when the budget renews, if the alert still fires; " +
			"raise `budget.calls_per_hour` to allow more.",
		incident.Skipped: "the setting `analysis.skip` says that alerts like this one are not worth a model call.",
		incident.GaveUp:  "no attempt has succeeded, and none is scheduled any more.",
	},

	Statuses: map[incident.Status]string{
		incident.Firing: "firing", incident.Resolved: "resolved", incident.Stale: "stale",
	},
	StatusCol: "Status", NameCol: "Alert", SeverityCol: "Severity", LabelsCol: "Labels", StartCol: "Started",
	DurationCol: "Duration", LinksCol: "Links",
	LeftGroup: "left the group", CommonLabels: "All share", GroupLinks: "Links",
	Graph: "Prometheus", Alertmanager: "Alertmanager", Silence: "Silence", Runbook: "Runbook",
	Summary: "Summary", Description: "Description",
	MoreAlerts: "… and %d more, %d of them firing.", MoreTexts: "… and %d more texts of alerts.",
	Hidden: "Alertmanager hid %d more alerts of this group from this report (max_alerts): its own page lists them.",

	NoEvidence:         "No evidence was collected.",
	CollectingEvidence: "The evidence is being collected: it follows here within seconds.",
	RefreshingEvidence: "More alerts have joined since this evidence was collected: it is being collected again.",
	EarlierEvidence:    "As it was at the time of an earlier analysis, which cites it.",
	FailedEvidence:     "Could not be looked up",
	OpenQuery:          "Open in Prometheus", Chart: "chart", MoreRows: "… and %d more.",
	RankCol: "#", DirectionCol: "Direction", ScoreCol: "Deviation", ShareCol: "Share of the change",
	BeforeCol: "Before", AfterCol: "After", OnsetCol: "Since",
	Directions: map[string]string{"up": "↑ up", "down": "↓ down"},

	Judged:       "Kind: %s · Severity as the model sees it: %s.",
	CausesFrom:   "Written by AI at %s (model %s), from the evidence above.",
	ChangedSince: "The incident has changed since, see the timeline.",
	Citations:    "Evidence", NoCitations: "none", Disproof: "It would be disproved by",
	MarkUnknown: "**Unverified**: it cites %s, which is no evidence of this report.",
	MarkUncited: "**Unverified**: it cites no evidence.",
	MarkOther:   "**Unverified**: %s %s",
	Refutes:     "Refuted if", CauseChecks: "Queries by which to refute these causes",
	ProseLabel: "The model's answer was not in the agreed form. It is quoted as it came, and none of it was checked.",
	NoVerdict:  "No model has named any: the top of this report says why.",
	NoCauses:   "The model named no cause.", NoActions: "The model named nothing to do.",
	Risk: "risk", Why: "Why",
	Likelihoods: map[string]string{
		"high": "high likelihood", "medium": "medium likelihood", "low": "low likelihood", incident.Unknown: "likelihood not said",
	},
	Categories: map[string]string{
		"security": "security", "capacity": "capacity", "availability": "availability", "latency": "latency",
		"errors": "errors", "configuration": "configuration", "monitoring": "monitoring", incident.Unknown: "unknown",
	},
	Severities: map[string]string{"critical": "critical", "warning": "warning", "info": "info", "none": "none"},
	Risks: map[string]string{
		"read-only": "read-only", "reversible": "reversible", "disruptive": "disruptive", incident.Unknown: "risk not said",
	},

	NoGaps:       "None noted.",
	Insufficient: "By its own account the model had too little evidence for a conclusion.",
	GapMissing:   "Would have helped", GapFailed: "Could not be looked up",
	Events: map[incident.EventKind]string{
		incident.EventOpened: "opened", incident.EventUpdated: "updated", incident.EventRepeated: "repeated",
		incident.EventResolved: "resolved", incident.EventReopened: "reopened", incident.EventStale: "stale",
		incident.EventContinued: "heard of again", incident.EventAnalysed: "analysed",
	},
	EventFiring: "%d firing", EventJoined: "%d joined", EventEnded: "%d resolved", EventLeft: "%d left the group",
	EventTimes: "%d times", EventUntil: "until %s",
	Repeats: "repeated notifications: %d", Late: "late copies from a second Alertmanager: %d", Flaps: "flaps: %d",
	Predecessor: "The group's incident before this one: %s.",

	ByAI: "The summary, the likely causes, what to do, prevention and what is missing were written by AI (model %s, at %s) " +
		"from the numbered evidence; all else comes from Alertmanager and Prometheus. Check it before you act.",
	NoAI:      "No model was involved: all of this comes from Alertmanager and Prometheus.",
	FailedAI:  "No word of this comes from a model: all of it comes from Alertmanager and Prometheus.",
	Spent:     "Model calls: %d, with %s prompt tokens (%s of them cached) and %s completion tokens; cost: %s.",
	CostNot:   "not known",
	Generated: "alertscribe %s, written at %s, incident %s.",
	Comma:     ", ", Stop: ".", Colon: ": ",
	Day: "d", Hour: "h", Minute: "m", Second: "s",
	ChartFiring: "firing", ChartThreshold: "threshold %s", ChartMore: "… and %d more series",
	ChartDesc: "%d series from %s",
}
