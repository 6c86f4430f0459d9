package testbed_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// TestExporter: Alertmanager is a program with metrics like any other.
func TestExporter(t *testing.T) {
	bins, dir := testbedtest.Require(t, testbed.Alertmanager), t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(config, []byte("{route: {receiver: nobody}, receivers: [{name: nobody}]}"), 0o600))
	s, err := testbed.StartExporter(t.Context(), bins.Alertmanager, dir, func(addr string) []string {
		return []string{"--config.file=" + config, "--storage.path=" + dir, "--cluster.listen-address=", "--web.listen-address=" + addr}
	})
	require.NoError(t, err)
	status, text := get(t, s.URL+"/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, "\nprocess_cpu_seconds_total ")
	require.NoError(t, s.Stop())
	assert.Contains(t, s.Logs(), "Listening on")

	_, err = testbed.StartExporter(t.Context(), bins.Alertmanager, t.TempDir(), func(string) []string { return []string{"--nonsense"} })
	require.ErrorContains(t, err, "it ended at once")
	require.ErrorContains(t, err, "nonsense", "the log says why")
	_, err = testbed.StartExporter(t.Context(), "", t.TempDir(), func(string) []string { return nil })
	require.ErrorContains(t, err, "path is not known")
}
