package watch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// maxSeriesLimit bounds max_series: what one answer of Prometheus may hold.
const maxSeriesLimit = 10_000

// series is what is known of one series of a rule. Its rule's lock guards it.
type series struct {
	id       model.Fingerprint // of its labels
	labels   model.Metric      // without the name of the metric
	detector *detect.Series
	shadow   *detect.Series // nil without one
	alert    detect.Alert
	now      detect.Result // the newest sample's
	shadowed detect.Result // the same, by the shadow
	peak     detect.Result // the most unusual sample of the present or the last anomaly
	peakAt   time.Time
	seen     time.Time // the newest sample
	stepped  time.Time // up to when it was evaluated
	settled  time.Time // up to when its alert was, which can be later: the detector learns anew
	backAt   time.Time // when a jump led back to the level of the day
	fresh    bool      // its history was not read
	relearn  bool      // what was saved of its detector is of no use
	quiet    []string  // what feedback has lowered its rate, see Quieten
	saved    time.Time // the evaluation after which it was saved
	changed  bool      // its alert has, since
	origin   origin    // where its points come from; of rules with a source

	row        []float64 // the features of the newest sample; nil without a model
	reason     reason    // why a model calls it unusual
	peakReason reason

	judged  time.Time // when a second opinion was last asked for
	opinion *opinion  // nil without a warning
}

// newSeries returns what nothing is known of.
func newSeries(r *Rule, labels model.Metric) *series {
	s := &series{id: labels.Fingerprint(), labels: labels, now: nothing, peak: nothing, shadowed: nothing}
	s.detector = detect.New(s.options(r))
	if r.Shadow != nil {
		s.shadow = detect.New(*r.Shadow)
	}
	return s
}

var nothing = detect.Result{
	Status: detect.Learning, Value: math.NaN(), Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN(),
}

// options are the rule's, with the rate that feedback has lowered.
func (s *series) options(r *Rule) detect.Options {
	o := r.Detection
	if o.FalseAlarms == (detect.Rate{}) {
		o.FalseAlarms = defaultRate
	}
	o.FalseAlarms.Count /= math.Pow(quietFactor, float64(len(s.quiet)))
	return o
}

var defaultRate = detect.Rate{Count: 1, Per: 14 * 24 * time.Hour}

// learn takes a sample of the past.
func (s *series) learn(at time.Time, v float64, apart time.Duration) {
	s.detector.Learn(at, v, apart)
	if s.shadow != nil {
		s.shadow.Learn(at, v, apart)
	}
}

// step evaluates one time; ok is false where there is no sample.
func (s *series) step(r *Rule, at time.Time, v float64, ok bool) {
	if !at.After(s.stepped) {
		return
	}
	s.stepped = at
	if ok {
		s.now = s.detector.Observe(at, v)
	}
	if ok = ok && !math.IsNaN(v) && !math.IsInf(v, 0); ok { // what is no number is no sample
		s.seen = at
	} else {
		s.now = s.detector.Missing(at)
	}
	if s.shadow != nil {
		s.stepShadow(at, v, ok)
	}
	s.byModels(r, ok)
	if !at.After(s.settled) {
		return
	}
	if gone := !ok && !s.seen.IsZero() && at.Sub(s.seen) >= r.adaptAfter(); gone {
		s.now.Anomalous = false // it lasts, and is normal
	}
	before := s.alert.State
	anomalous := s.counts(r, at, ok)
	s.alert.Step(at, anomalous, r.For, r.KeepFiringFor)
	s.changed = s.changed || before != s.alert.State && (before != "" || s.alert.State != detect.Inactive)
	if !anomalous || !s.now.Anomalous {
		return
	}
	began := before != detect.Pending && before != detect.Firing
	sameSide := (s.now.Value > s.now.Expected) == (s.peak.Value > s.peak.Expected)
	if began || sameSide && s.now.Score > s.peak.Score {
		s.peak, s.peakAt, s.peakReason = s.now, at, s.reason
	}
}

// recovery is for how long after an anomaly the way back is no anomaly of its own: the last hour holds it, and the next sees it
// in what is expected.
const recovery = 2 * time.Hour

// settling is for how long after such a jump an anomaly must be one anew.
const settling = 30 * time.Minute

// counts tells whether the alert takes the newest evaluation for anomalous. What fires goes on, though it is no surprise
// anymore, while not half of the way back to what is expected was made; what lasts for AdaptAfter is normal. The way back is
// no surprise either, although the detector sees a jump away from the last hour. Expected is what the season says where that
// is known, else what was expected when it began; and what is back at the level of a day does not go on, whatever was
// expected of it after an hour of trouble.
func (s *series) counts(r *Rule, at time.Time, ok bool) bool {
	switch {
	case s.now.View == viewModel:
		return s.now.Anomalous
	case ok && s.backAtLevel():
		if s.now.Anomalous {
			s.backAt = at
		}
		return false
	case s.now.Score < 1 && at.Sub(s.backAt) < settling: // the detector goes on with what was no anomaly
		return false
	case !ok || s.now.Status != detect.Judged || s.peakAt.IsZero():
		return s.now.Anomalous
	}
	expected, level := s.peak.Expected, s.peak.Level
	if s.now.InSeason {
		expected, level = s.now.Seasonal, s.now.Seasonal
	}
	was := s.peak.Value - s.peak.Expected
	left, away := (s.now.Value-expected)/was, (s.now.Value-level)/was // 1: as far as at its peak; NaN after an absence
	switch {
	case s.alert.State == detect.Firing && left > .5 && away > .5 && at.Sub(s.alert.ActiveAt) < r.adaptAfter():
		return true
	case math.Abs(left) <= .5 && at.Sub(s.alert.AnomalousAt) < recovery:
		return false
	}
	return s.now.Anomalous
}

// backAtLevel tells whether a jump away from the last hour leads to the level of the last day: an hour in which something was
// wrong in a way that the rule does not look for is over. Where a season is known the detector itself knows that.
func (s *series) backAtLevel() bool {
	return s.now.View == "hour" && !s.now.InSeason && math.Abs(s.now.Value-s.now.Level) <= .25*math.Abs(s.now.Value-s.now.Expected)
}

func (s *series) stepShadow(at time.Time, v float64, ok bool) {
	if ok {
		s.shadowed = s.shadow.Observe(at, v)
	} else {
		s.shadowed = s.shadow.Missing(at)
	}
}

// adaptAfter is for how long what lasts is unusual.
func (r *Rule) adaptAfter() time.Duration { return orElse(r.Detection.AdaptAfter, 24*time.Hour) }

// number is a float64 whose JSON is text where it is infinite or not a number.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if x := float64(n); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return strconv.AppendQuote(nil, strconv.FormatFloat(float64(n), 'g', -1, 64)), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	text, err := strconv.Unquote(string(b))
	if err != nil {
		text = string(b)
	}
	x, err := strconv.ParseFloat(text, 64)
	*n = number(x)
	return err
}

// result is a detect.Result as it is saved and answered.
type result struct {
	Status   detect.Status `json:"status"`
	Value    number        `json:"value"`
	Expected number        `json:"expected"`
	Lower    number        `json:"lower"`
	Upper    number        `json:"upper"`
	Score    number        `json:"score"`
	OnceIn   time.Duration `json:"once_in"`
	Level    number        `json:"level"`
	View     string        `json:"view"`
}

func resultOf(r detect.Result) result {
	return result{r.Status, number(r.Value), number(r.Expected), number(r.Lower), number(r.Upper), number(r.Score), r.OnceIn, number(r.Level), r.View}
}

func (r result) detected() detect.Result {
	return detect.Result{
		Status: r.Status, Value: float64(r.Value), Expected: float64(r.Expected), Lower: float64(r.Lower), Upper: float64(r.Upper),
		Score: float64(r.Score), OnceIn: r.OnceIn, Level: float64(r.Level), View: r.View,
	}
}

// document is what is saved of a series beside the states of its detectors.
type document struct {
	Labels  model.Metric `json:"labels"`
	Expr    string       `json:"expr,omitempty"` // of the rule; empty in what was saved before there was this
	Alert   detect.Alert `json:"alert"`
	Now     result       `json:"now"`
	Peak    result       `json:"peak"`
	PeakAt  time.Time    `json:"peak_at,omitzero"`
	Seen    time.Time    `json:"seen"`
	Stepped time.Time    `json:"stepped"`
	Quiet   []string     `json:"quiet,omitempty"`
	Points  int64        `json:"points,omitempty"` // of a source
	Told    float64      `json:"told,omitempty"`   // size of the anomaly when an event last told of it
	Reason  reason       `json:"reason,omitzero"`
}

// encode returns what is saved: the document, the detector's state and the shadow's, each after its length.
func (s *series) encode(r *Rule) ([]byte, error) {
	doc, err := json.Marshal(document{
		Labels: s.labels, Expr: r.Expr, Alert: s.alert, Now: resultOf(s.now), Peak: resultOf(s.peak), PeakAt: s.peakAt, Seen: s.seen, Stepped: s.stepped, Quiet: s.quiet, Points: s.origin.points, Told: s.origin.score, Reason: s.peakReason,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a series: %w", err)
	}
	parts := [3][]byte{doc}
	if parts[1], err = s.detector.MarshalBinary(); err != nil {
		return nil, err
	}
	if s.shadow != nil {
		if parts[2], err = s.shadow.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out, nil
}

var errShort = errors.New("the saved series ends early")

// decode returns a saved series. Where the rule asks something else now, or the state of its detector does not fit it anymore, the alert is kept and the
// history is to be read anew.
func decode(r *Rule, saved []byte) (*series, error) {
	var parts [3][]byte
	for i := range parts {
		n, size := binary.Uvarint(saved)
		if size <= 0 || n > uint64(len(saved)-size) {
			return nil, errShort
		}
		parts[i], saved = saved[size:size+int(n)], saved[size+int(n):]
	}
	var d document
	if err := json.Unmarshal(parts[0], &d); err != nil {
		return nil, fmt.Errorf("decoding a saved series: %w", err)
	}
	s := newSeries(r, d.Labels)
	s.alert, s.now, s.peak, s.peakAt = d.Alert, d.Now.detected(), d.Peak.detected(), d.PeakAt
	s.seen, s.stepped, s.saved, s.quiet = d.Seen, d.Stepped, d.Stepped, slices.Clip(d.Quiet)
	s.origin.points, s.origin.score = d.Points, d.Told
	s.peakReason = d.Reason
	s.detector = detect.New(s.options(r))
	s.relearn = s.detector.UnmarshalBinary(parts[1]) != nil || d.Expr != "" && d.Expr != r.Expr
	if s.shadow != nil {
		s.relearn = s.shadow.UnmarshalBinary(parts[2]) != nil || s.relearn
	}
	return s, nil
}

// forgetPast makes the detector know nothing, so that it can learn from a time on. The alert stays as it is.
func (s *series) forgetPast(r *Rule, from time.Time) {
	s.detector = detect.New(s.options(r))
	if s.shadow != nil {
		s.shadow = detect.New(*r.Shadow)
	}
	s.relearn, s.fresh, s.settled, s.stepped = false, false, s.stepped, from
}
