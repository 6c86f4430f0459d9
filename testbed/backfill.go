package testbed

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Backfill writes OpenMetrics text (samples with timestamps in seconds, "# EOF" at its end) as blocks into dataDir, for
// a Prometheus that is started on it afterwards. It needs Binaries.Promtool.
func Backfill(ctx context.Context, bins Binaries, openMetrics io.Reader, dataDir string) error {
	if bins.Promtool == "" {
		return fmt.Errorf("writing blocks: the path of promtool is not known, see Find")
	}
	input, err := os.CreateTemp("", "openmetrics-")
	if err != nil {
		return fmt.Errorf("writing blocks: %w", err)
	}
	defer os.Remove(input.Name())
	_, err = io.Copy(input, openMetrics)
	if cerr := input.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing blocks: %w", err)
	}
	out, err := exec.CommandContext(ctx, bins.Promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", input.Name(), dataDir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("writing blocks: %w\n%s", err, tail(out, 20))
	}
	return nil
}
