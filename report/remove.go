package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Remove removes the report of an incident with its charts, and the day's folder when nothing else is left in it. What is there
// already not, or is not the incident's own, is left alone without an error.
func (w *Writer) Remove(ctx context.Context, id, reportPath string) error {
	charts := strings.TrimSuffix(reportPath, ".md")
	if !filepath.IsLocal(reportPath) || path.Clean(reportPath) != reportPath || charts == reportPath || path.Base(reportPath) == ".md" {
		return nil // no report was ever written there
	}
	mu := w.lock(reportPath)
	mu.Lock()
	defer mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := w.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := remove(root, id, reportPath, charts); err != nil && !errors.Is(err, ErrForeign) {
		return fmt.Errorf("removing report %s: %w", filepath.Join(w.dir, reportPath), err)
	}
	return nil
}

func remove(root *os.Root, id, name, charts string) error {
	ours, err := isOurs(root, name, id)
	if err != nil || !ours {
		return err
	}
	if err := removeStale(root, charts, nil); err != nil {
		return err
	}
	if err := ignoreMissing(root.Remove(name)); err != nil {
		return err
	}
	if day := path.Dir(name); dayName.MatchString(day) {
		_ = root.Remove(day) // fails, rightly, while something else lies there
	}
	return nil
}
