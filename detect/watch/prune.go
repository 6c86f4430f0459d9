package watch

import (
	"context"
	"slices"
	"time"
)

// pruneAfter is for how long what was saved of a rule is kept that no rule file names: one that is missing by mistake is back by
// then, and its alerts and feedback with it.
const pruneAfter = 24 * time.Hour

// prune deletes what was saved of rules that are gone.
func (w *Watcher) prune(ctx context.Context) {
	if w.opts.State == nil {
		return
	}
	saved, err := w.opts.State.DetectionRules(ctx)
	for _, key := range saved {
		if w.rules[key] == nil && err == nil {
			err = w.pruneRule(ctx, key)
		}
	}
	if err != nil && ctx.Err() == nil {
		w.opts.Logger.Error("Saved state of removed detection rules not deleted, the next start tries again", "err", err)
		w.metrics.errors.WithLabelValues(errorState).Inc()
	}
}

// pruneRule deletes the rows of a rule, unless one of them is young.
func (w *Watcher) pruneRule(ctx context.Context, key string) error {
	rows, err := w.opts.State.LoadDetection(ctx, key)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(rows))
	for name, row := range rows {
		if s, err := decode(&Rule{}, row); err == nil && w.opts.Now().Sub(s.stepped) < pruneAfter {
			return nil
		}
		names = append(names, name)
	}
	for batch := range slices.Chunk(names, saveBatch) {
		gone := map[string][]byte{}
		for _, name := range batch {
			gone[name] = nil
		}
		if err := w.opts.State.SaveDetection(ctx, key, gone); err != nil {
			return err
		}
	}
	w.opts.Logger.Info("Saved state of a removed detection rule deleted", "rule", key, "series", len(names))
	return nil
}
