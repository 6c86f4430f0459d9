package watch

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
)

// A series takes some 20 KiB when it is saved, a point some 20 bytes. So points are appended to a journal, series are saved in turn,
// and a start reads what was saved and judges the points of the journal anew. Whoever does so comes to the same, since the journal
// has all that decides: points, and the times of the clock at which an alert changed.

const (
	// leastJournal and journalPerSeries bound the journal of a part: some 200 points of each series.
	leastJournal     = 4 << 20
	journalPerSeries = 4 << 10
)

const (
	entryPoints byte = 1
	entryTick   byte = 2

	pointHistory byte = 1 // it moves no alert
	pointLabels  byte = 2 // its labels follow
)

// entry is an entry of the journal that is written.
type entry struct {
	buf  []byte
	last int64 // time of the newest point that was written
}

func newEntry() *entry { return &entry{buf: []byte{entryPoints}} }

func (e *entry) point(id model.Fingerprint, p *Point, history, labels bool) {
	flags := byte(0)
	if history {
		flags |= pointHistory
	}
	if labels {
		flags |= pointLabels
	}
	ms := p.At.UnixMilli()
	e.buf = append(e.buf, flags)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(id))
	e.buf = binary.AppendVarint(e.buf, ms-e.last)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(p.Value))
	e.last = ms
	if labels {
		text, _ := json.Marshal(p.Metric) // strings: it can't fail
		e.buf = binary.AppendUvarint(e.buf, uint64(len(text)))
		e.buf = append(e.buf, text...)
	}
}

// bytes returns the entry, nothing where it has no points.
func (e *entry) bytes() []byte {
	if len(e.buf) == 1 {
		return nil
	}
	return e.buf
}

func tickEntry(at time.Time) []byte {
	return binary.AppendVarint([]byte{entryTick}, at.UnixMilli())
}

var errJournal = errors.New("the journal is damaged")

// load reads what is stored of the part, and judges the points of its journal.
func (s *Stream) load(ctx context.Context) (err error) {
	if s.seq, s.position, err = s.w.opts.Parts.LoadPart(ctx, s.part); err != nil || s.seq == 0 {
		return err
	}
	if err := s.w.opts.Parts.EachSeries(ctx, s.part, s.restore); err != nil {
		return err
	}
	s.replaying = true
	defer func() {
		s.replaying = false
		slices.SortStableFunc(s.order, func(a, b *followed) int { return cmp.Compare(a.origin.seq, b.origin.seq) })
	}()
	return s.w.opts.Parts.EachEntry(ctx, s.part, func(seq int64, b []byte) error {
		s.journal = append(s.journal, entrySize{seq, len(b)})
		s.journalBytes += len(b)
		if err := s.replay(seq, b); err != nil {
			s.log.Error("Entry of the journal is unreadable, its points are lost", "entry", seq, "err", err)
			s.w.metrics.errors.WithLabelValues(errorState).Inc()
		}
		return ctx.Err()
	})
}

// restore takes a saved series. One of a rule that is no more is left alone; one that can't be read is learned anew.
func (s *Stream) restore(saved detect.SavedSeries) error {
	r := s.rule(saved.Rule)
	if r == nil {
		return nil
	}
	row, err := parseRow(saved.State)
	var x *series
	if err == nil {
		x, err = decode(r.Rule, row.series)
	}
	if err != nil {
		s.log.Error("Saved series is unreadable, it is learned anew", "rule", saved.Rule, "series", saved.Series, "err", err)
		s.w.metrics.errors.WithLabelValues(errorState).Inc()
		return nil
	}
	m := x.labels.Clone()
	m[model.MetricNameLabel] = model.LabelValue(row.metric)
	if row.metric != r.points.name || !r.points.takes(m) { // what the rule takes has changed
		s.misfits = append(s.misfits, detect.SavedSeries{Rule: saved.Rule, Series: saved.Series})
		return nil
	}
	x.relearn = false // there is nothing to learn it from but what comes
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.series[x.id]; other != nil {
		if other.seen.After(x.seen) {
			return nil
		}
		delete(r.series, x.id)
		other.origin.stream = nil
	}
	r.series[x.id] = x
	f := s.follow(x, r, row.seq)
	id := m.Fingerprint()
	if s.feeds[id] == nil {
		s.feeds[id] = &feed{written: true} // not complete: a rule can be new, or its series not saved yet
	}
	s.feeds[id].to = append(s.feeds[id].to, f)
	return nil
}

// savedRow is what is saved of a series of a source.
type savedRow struct {
	seq    int64  // the entry of the journal as of which it was
	metric string // its name
	series []byte
}

func (r savedRow) bytes() []byte {
	b := binary.AppendUvarint(nil, uint64(r.seq))
	b = binary.AppendUvarint(b, uint64(len(r.metric)))
	return append(append(b, r.metric...), r.series...)
}

func parseRow(b []byte) (savedRow, error) {
	seq, n := binary.Uvarint(b)
	size, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 || size > uint64(len(b)-n-m) {
		return savedRow{}, errShort
	}
	b = b[n+m:]
	return savedRow{int64(seq), string(b[:size]), b[size:]}, nil
}

func (s *Stream) rule(key string) *sourceRule {
	for _, r := range s.rules.all {
		if r.Key() == key {
			return r
		}
	}
	return nil
}

// replay judges an entry of the journal. A series that was saved later has its points already.
func (s *Stream) replay(seq int64, b []byte) error {
	if len(b) == 0 {
		return errJournal
	}
	s.before = seq - 1
	kind, b := b[0], b[1:]
	switch kind {
	case entryTick:
		ms, n := binary.Varint(b)
		if n <= 0 {
			return errJournal
		}
		at := time.UnixMilli(ms)
		for _, x := range s.order {
			x.rule.mu.Lock()
			if x.origin.seq < seq && x.origin.stream == s {
				if s.step(x, at, func() { x.rule.tick(x.series, at) }) {
					x.trace(at)
				}
			}
			x.rule.mu.Unlock()
		}
		return nil
	case entryPoints:
		return s.replayPoints(seq, b)
	}
	return fmt.Errorf("%w: kind %d", errJournal, kind)
}

func (s *Stream) replayPoints(seq int64, b []byte) error {
	last := int64(0)
	for len(b) > 0 {
		if len(b) < 10 {
			return errJournal
		}
		flags, id := b[0], model.Fingerprint(binary.LittleEndian.Uint64(b[1:]))
		delta, n := binary.Varint(b[9:])
		if b = b[9+max(n, 0):]; n <= 0 || len(b) < 8 {
			return errJournal
		}
		p := Point{At: time.UnixMilli(last + delta), Value: math.Float64frombits(binary.LittleEndian.Uint64(b))}
		b, last = b[8:], last+delta
		if flags&pointLabels != 0 {
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return errJournal
			}
			if err := json.Unmarshal(b[n:n+int(size)], &p.Metric); err != nil {
				return fmt.Errorf("%w: %w", errJournal, err)
			}
			b = b[n+int(size):]
		}
		s.replayPoint(seq, id, &p, flags&pointHistory != 0)
	}
	return nil
}

func (s *Stream) replayPoint(seq int64, id model.Fingerprint, p *Point, history bool) {
	f := s.feeds[id]
	if p.Metric != nil {
		f, _ = s.feed(p, id)
	}
	if f == nil {
		return
	}
	f.written = true
	for _, x := range f.to {
		x.rule.mu.Lock()
		if x.origin.seq < seq && x.origin.stream == s && p.At.After(x.stepped) {
			x.origin.points++
			s.step(x, p.At, func() { x.rule.judgePoint(x.series, p.At, p.Value, history) })
			x.trace(p.At)
		}
		x.rule.mu.Unlock()
	}
}

// due returns the rows of series that are to be saved with an entry: those that were saved longest ago, so many that all have their
// turn while half of a journal is written; and those that something was said of.
func (s *Stream) due(seq int64, bytes int) []detect.SavedSeries {
	s.owed += 2 * float64(len(s.order)) * float64(bytes) / float64(s.maxJournal())
	count := int(min(s.owed, float64(len(s.order))))
	s.owed = max(0, min(s.owed-float64(count), 1))
	var rows []detect.SavedSeries
	save := func(x *followed) {
		x.rule.mu.Lock()
		defer x.rule.mu.Unlock()
		x.origin.seq = seq
		if x.origin.clean && !x.changed {
			return
		}
		state, err := x.encode(x.rule.Rule)
		if err != nil {
			s.log.Error("Series can't be saved", "series", x.labels, "err", err)
			s.w.metrics.errors.WithLabelValues(errorState).Inc()
			return
		}
		x.origin.clean, x.changed = true, false
		row := savedRow{seq, x.rule.points.name, state}
		rows = append(rows, detect.SavedSeries{Rule: x.rule.Key(), Series: x.id.String(), State: row.bytes()})
	}
	for _, x := range s.order[:count] {
		save(x)
	}
	s.order = append(s.order[count:], s.order[:count]...)
	for _, x := range s.order {
		x.rule.mu.Lock()
		changed := x.changed
		x.rule.mu.Unlock()
		if changed {
			save(x)
		}
	}
	return rows
}

func (s *Stream) maxJournal() int {
	return max(s.w.journal, min(s.w.journal, journalPerSeries)*len(s.order))
}

// keep returns the oldest entry that is needed, since some series was not saved after it.
func (s *Stream) keep(seq int64) int64 {
	oldest := seq
	for _, x := range s.order {
		oldest = min(oldest, x.origin.seq)
	}
	for len(s.journal) > 0 && s.journal[0].seq <= oldest {
		s.journalBytes -= s.journal[0].bytes
		s.journal = s.journal[1:]
	}
	return oldest + 1
}
