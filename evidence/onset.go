package evidence

import (
	"context"
	"time"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgOnsetDoubt = message{"%[1]s, or up to %[2]s earlier", "%[1]s，或最多早 %[2]s"}
	msgLateSeen   = message{" Times are of the first look that shows a change, up to %s late.", "时间为首次观察到变化的时刻，最多晚 %s。"}
)

// maxOnsetWait is how long the rest of an investigation waits for the signal to tell the onset: a server that takes longer is asked for
// everything else meanwhile.
const maxOnsetWait = 2 * time.Second

// settleOnset moves the onset to where the condition began to be met, if that is earlier than the alert's time and its rule's "for" tell:
// an alert may fire late, as after a restart of whoever evaluates it. So all items speak of one onset. There must be enough before it
// to compare with.
func (inv *investigation) settleOnset(ctx context.Context) {
	if inv.rule == nil || inv.noOnset {
		return
	}
	seen := make(chan *signalView, 1)
	go func() {
		v, _ := inv.signalView(ctx) // whoever tells of the signal tells of the error
		seen <- v
	}()
	wait := time.NewTimer(maxOnsetWait)
	defer wait.Stop()
	select {
	case v := <-seen:
		if v == nil || len(v.lines) == 0 {
			return
		}
		since, always := v.metSince(inv.judged)
		lead := inv.onset.Sub(inv.start)
		if !always && !since.IsZero() && inv.onset.Sub(since) > 2*v.step && since.Sub(inv.start) >= lead/3 {
			inv.onset = since
		}
	case <-wait.C:
	case <-ctx.Done():
	}
}

// onsetWords tells the onset, and how much earlier it may have been: an expression that looks back reaches its threshold late.
func (inv *investigation) onsetWords() string {
	if inv.rule == nil || inv.rule.reach <= inv.step {
		return formatTime(inv.onset)
	}
	return inv.say(msgOnsetDoubt, formatTime(inv.onset), promql.FormatDuration(inv.rule.reach))
}
