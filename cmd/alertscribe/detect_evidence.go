package main

import (
	"context"
	"errors"
	"time"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/evidence"
)

// withBands lets the collector ask the detection rules of its setup what they expect. They are made after it.
func (s *setup) withBands(o *evidence.Options) { o.Bands = runningBands{s} }

type runningBands struct{ of *setup }

// Band implements what evidence.Options.Bands asks for.
func (b runningBands) Band(ctx context.Context, alertLabels map[string]string, from, to time.Time) (*evidence.Band, error) {
	d := b.of.detection
	if d == nil {
		return nil, nil
	}
	found, err := d.Band(ctx, alertLabels, from, to)
	if errors.Is(err, watch.ErrUnknownAlert) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	band := &evidence.Band{Query: found.Query, Interval: found.Interval}
	for _, p := range found.Points {
		band.Points = append(band.Points, evidence.BandPoint{
			At: p.At, Value: p.Value, Expected: p.Expected, Lower: p.Lower, Upper: p.Upper, Score: p.Score, OnceIn: p.OnceIn, Since: p.Since,
		})
	}
	return band, nil
}
