package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// What is made of partial answers.
var (
	msgPartialAnswer   = message{"partial answer (%s)", "返回数据不完整（%s）"}
	msgPartialItem     = message{" Prometheus answered in part: series may be missing, and sums too low.", "Prometheus 返回的数据不完整：可能缺少序列，合计值可能偏低。"}
	msgPartialSentence = message{", as far as a partial answer shows.", "（返回数据不完整，未必如此）。"}
	msgPartialWords    = message{" (partial answer)", "（返回数据不完整）"}
	msgNotePartial     = message{"partial answer", "返回数据不完整"}
)

// absences are the phrases that say that something is not there, has ended, or has not changed, and those that count: what a partial
// answer can't say. A test finds what is missing here.
var absences = map[message]bool{
	msgVanished: true, msgStillThere: true, msgNeverThere: true, msgBandGone: true,
	msgCheckNone: true, msgCheckNoNumber: true, msgCheck: true, msgCheckCalm: true, msgCheckEnded: true, msgCheckRestSame: true, msgCheckRestMoved: true, msgNoMetric: true,
	msgOtherLabels: true, msgHasSeries: true,
	msgNothingFires: true, msgFiresNow: true, msgFiresAnywhere: true, msgNoOthers: true, msgOthers: true, msgFirstOther: true, msgOlder: true, msgWordEnded: true,
	msgHourNone: true, msgHourUnknown: true, msgNothingSince: true, msgNoHours: true, msgNotRisen: true, msgNotFallen: true,
	msgPeersWell: true, msgPeersSick: true, msgLocal: true, msgShared: true, msgNoPeers: true, msgJobUp: true, msgNoJobUp: true,
	msgShifted: true, msgOnlyOne: true, msgNoneStandsOut: true, msgAllAlike: true, msgAsBefore: true, msgOneValue: true, msgUnchanged: true, msgNews: true,
	msgNotBrokenDown[promql.RefusedLabels]: true, msgNotBrokenDown[promql.RefusedEmpty]: true, msgMeeting: true, msgMeetingAt: true,
	msgNoUp: true, msgUp: true, msgNotUp: true, msgDownNow: true, msgNoData: true, msgNoChange: true, msgChanges: true, msgChangesAfter: true,
	msgWordMissing: true, msgElsewhereUp: true, msgElsewhereDown: true, msgNoUpAtAll: true,
	msgNoneFits: true, msgOnlySiblings: true, msgNoneMet: true,
	msgNoRule: true, msgNoSignal: true, msgGone: true, msgNoOnset: true, msgNoValue: true, msgMisdated: true,
	msgUntil: true, msgOnAndOff: true, msgPastUntil: true, msgPastOnAndOff: true, msgNotSince: true, msgNoDataSince: true, msgNoDataThen: true, msgNoDataTimes: true, msgNoDataAfter: true, msgNoDataAbout: true, msgOtherPartOver: true, msgOtherPartMet: true,
	msgSuspectsNoPast: true, msgSuspects: true, msgEarlySuspects: true, msgFirstMoved: true, msgMovedFirst: true, msgCommonEnd: true, msgAllEnd: true,
	msgEnded: true, msgNoteEnded: true, msgNoneChanged: true, msgClosestEnded: true, msgQuiet: true, msgAppeared: true,
}

// say returns the phrase in the report's language, with its verbs filled. This is where partial answers count: from one, what is not
// there is not known, and nothing is certain.
func (inv *investigation) say(t message, args ...any) string {
	certain := t.in(inv.language, args...)
	if !absences[t] && t != msgNoteSure || len(inv.partial()) == 0 {
		return certain
	}
	if t == msgNoteSure {
		return msgNotePartial.in(inv.language)
	}
	for _, stop := range []string{".", "。"} {
		if claim, sentence := strings.CutSuffix(certain, stop); sentence {
			return claim + msgPartialSentence.in(inv.language)
		}
	}
	return certain + msgPartialWords.in(inv.language)
}

// apart returns the investigation for one collector, which tells its own partial answers from those of the others. Those to what all
// share count for each.
func (inv *investigation) apart(kind incident.EvidenceKind) *investigation {
	own := *inv
	switch {
	case inv.prom == nil:
	case kind == incident.KindAlert, kind == incident.KindHistory, kind == incident.KindRunbook: // which come from elsewhere
		own.asksNothing = true
	default:
		own.prom, own.shared = inv.prom.Apart(), append(slices.Clip(inv.shared), inv.prom)
	}
	return &own
}

// partial returns why answers lack data, as the server has said it; nil while all are whole.
func (inv *investigation) partial() []string {
	if inv.prom == nil || inv.asksNothing {
		return nil
	}
	reasons := inv.prom.Partial()
	for _, q := range inv.shared {
		for _, r := range q.Partial() {
			if !slices.Contains(reasons, r) {
				reasons = append(reasons, r)
			}
		}
	}
	return reasons
}

// admitPartial marks what a collector made of partial answers. That it found nothing in its own is no finding: the lookup has failed.
func (inv *investigation) admitPartial(items []incident.Evidence, err error) ([]incident.Evidence, error) {
	reasons := inv.partial()
	if len(reasons) == 0 {
		return items, err
	}
	if own := inv.prom.Partial(); len(own) > 0 && len(items) == 0 && err == nil {
		return nil, fmt.Errorf("%w: %s", promapi.ErrPartial, strings.Join(own, "; "))
	}
	for i := range items {
		e := &items[i]
		if e.Failed {
			continue
		}
		e.Partial, e.Nothing = reasons, false
		e.Summary += inv.say(msgPartialItem)
		for k := range e.Ranking {
			if e.Ranking[k].Confidence == "high" {
				e.Ranking[k].Confidence = ""
			}
		}
	}
	return items, err
}
