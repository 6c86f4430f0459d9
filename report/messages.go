package report

import (
	"github.com/alertscribe/alertscribe/incident"
)

// messages is all fixed text in one language. A test asserts that every language fills every field, with
// the same verbs.
type messages struct {
	Code incident.Language

	// Headings.
	Alert, Evidence, Causes, Actions, Others, Prevention, Gaps, Timeline string

	// The head of the report.
	Since, Ended, LastHeard                        string
	FiringCount, ResolvedCount, HiddenCount        string
	Carries, MovedFirst, DoFirst, LookAt           string
	ProseBelow, UnknownAlertname                   string
	RunbookFirst, LookFirst                        string
	NoAnalysis, OldAnalysis                        string // openings of the line on the state; the second beside an older verdict
	PendingFirst, PendingAgain                     string // the first attempt; later ones, with their count
	NextAttempt, LastError, WentStale              string
	Draft, DraftPending, DraftHint, UnverifiedHint string // opening and end of the line on a draft; words beside a likelihood
	Aside                                          string // brackets around a remark within a line
	Storm, NotAlone                                string
	StormOne, StormMany, StormLeast                string
	AllSevere                                      string // the severity that all incidents of a storm have
	Reasons                                        map[incident.Reason]string

	// The line on the signal's figures.
	Now, Peak, PeakAt, Threshold, Usual string
	MetSince, MetUntil, MetTimes        string
	LookedAt                            string

	// The alert section.
	Statuses                                                    map[incident.Status]string
	StatusCol, NameCol, SeverityCol, LabelsCol, StartCol        string
	DurationCol, LinksCol, LeftGroup                            string
	Graph, Alertmanager, Silence, Runbook, Summary, Description string
	MoreAlerts, MoreTexts, Hidden                               string

	// The evidence section.
	NoEvidence, CollectingEvidence, RefreshingEvidence                       string
	FailedEvidence, EvidenceFault, EarlierEvidence, Refuting, RefutingWhat   string
	WhenAnalyzed, NothingFound                                               string // above what an item was for the verdict
	OpenPrometheus, OpenSource, Chart, MoreRows                              string
	RankCol, DirectionCol, ScoreCol, ShareCol, BeforeCol, AfterCol, OnsetCol string
	Directions                                                               map[string]string

	// The verdict.
	Judged, CausesFrom, ChangedSince           string
	Citations, NoCitations, Disproof           string
	MarkUncited, MarkOther, Checked, OfSummary string
	Marks                                      map[incident.MarkKind]string
	Refutes, CauseChecks                       string
	PasteMarked, PasteForeign, PasteSaid       string // before a command whose step is marked
	DraftCauses, Verified                      string
	Unverified, LookedUp                       string
	UnverifiedReasons                          map[incident.UnverifiedReason]string
	ProseLabel, NoCauses, NoActions            string
	Risk, Why                                  string
	Likelihoods, Categories, Severities, Risks map[string]string

	// What people said, and what is remembered.
	Feedback, FeedbackBy, SaidBy string
	Somebody                     string
	FeedbackKinds                map[incident.FeedbackKind]string
	Memory, MemoryOf             string // all; how many of how many
	Lasted, Likeness             string
	Hypothesis, NoHypothesis     string
	Unreviewed, Doubted, NotOurs string

	// Gaps, timeline and footer.
	NoGaps, Insufficient, GapMissing, GapFailed     string
	GapPartial                                      string // a server has answered without some of its data
	Events                                          map[incident.EventKind]string
	EventFiring, EventJoined, EventEnded, EventLeft string
	EventTimes, EventUntil, Repeats, Late, Flaps    string
	Predecessor                                     string
	ByAI, NoAI, FailedAI, Spent, CostNot, Generated string

	// What links are called, what the alert says of how bad it is, and whose the times are.
	Grafana, Rule, Dashboard, Panel, RunbookSays string
	SeverityOurs, NoSeverity, ModelTimes         string
	LinkHost                                     string // a link's label, and the host that it leads to

	// Pieces of sentences, units of durations, and charts.
	Comma, Stop, Colon                                string
	Gap                                               string // between two sentences
	ItemMark                                          string // between an item's id and its title
	Percent                                           string // behind a number
	Day, Hour, Minute, Second                         string
	ChartFiring, ChartThreshold, ChartMore, ChartDesc string
}

// messagesFor returns the messages of a language.
func messagesFor(language incident.Language) *messages {
	if language == incident.Chinese {
		return &chinese
	}
	return &english
}

// named looks a value of a closed set up; one that the set does not know is shown as it came.
func named[K ~string](names map[K]string, value K) string {
	if name, ok := names[value]; ok {
		return name
	}
	return escaped(string(value), 40)
}
