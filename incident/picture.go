package incident

import (
	"maps"
	"slices"
)

// mainShare is the part of a change from which on a label value is what carries it.
const mainShare = 0.5

// PictureChanged reports whether the newest look shows another picture than the verdict was made from: the signal has gone
// at least twice as far (to half, where the alert fires for low values), or another label value carries the change.
func (f Findings) PictureChanged() bool {
	if f.Verdict == nil {
		return false
	}
	return slices.ContainsFunc(f.Evidence, func(now Evidence) bool {
		at := slices.IndexFunc(f.Analyzed, func(e Evidence) bool { return e.ID == now.ID })
		if at < 0 || now.Failed || now.Earlier || len(now.Partial) > 0 {
			return false
		}
		was := f.Analyzed[at]
		switch now.Kind {
		case KindSignal:
			return wentTwiceAsFar(was.Figures, now.Figures)
		case KindDrilldown:
			return otherCarrier(was.Ranking, now.Ranking)
		case KindAlert, KindBand, KindSuspects, KindNeighbors, KindAlerts, KindHistory, KindRunbook, KindComparison, KindCheck:
		}
		return false
	})
}

func wentTwiceAsFar(was, now *Figures) bool {
	if was == nil || now == nil || was.Peak == nil || now.Peak == nil || was.Anchor != now.Anchor {
		return false
	}
	before, after := was.Peak.Value, now.Peak.Value
	switch {
	case before == 0: // twice nothing is nothing
		return false
	case now.Rises == (before > 0): // away from zero
		return after/before >= 2
	default: // towards it, and beyond
		return after/before <= 0.5
	}
}

// otherCarrier reports whether what carries the most of a change is another value of the same labels.
func otherCarrier(was, now []RankedSeries) bool {
	if len(was) == 0 || len(now) == 0 || was[0].Share < mainShare || now[0].Share < mainShare {
		return false
	}
	sameNames := slices.Equal(slices.Sorted(maps.Keys(was[0].Labels)), slices.Sorted(maps.Keys(now[0].Labels)))
	return sameNames && !maps.Equal(was[0].Labels, now[0].Labels)
}
