package alertscribe_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// tool runs promtool or amtool and fails the test unless it is content.
func tool(t *testing.T, path string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestPrometheusAndAlertmanagerAcceptTheirFiles(t *testing.T) {
	bins := testbedtest.Require(t, testbed.Promtool, testbed.Amtool)
	t.Run("prometheus.yml", func(t *testing.T) { tool(t, bins.Promtool, "check", "config", "prometheus.yml") })
	t.Run("alert_rules.yml", func(t *testing.T) { tool(t, bins.Promtool, "test", "rules", "testdata/alert_rules_test.yml") })
	t.Run("alertmanager.yml", func(t *testing.T) { tool(t, bins.Amtool, "check-config", "alertmanager.yml") })

	// The files of the containers, laid out as compose.yaml mounts them.
	services := readCompose(t).Services
	for name, command := range map[string][]string{
		"prometheus":   {bins.Promtool, "check", "config"},
		"alertmanager": {bins.Amtool, "check-config"},
	} {
		t.Run("compose "+name, func(t *testing.T) {
			root := t.TempDir()
			config := flag(services[name].Command, "--config.file")
			for _, v := range services[name].Volumes {
				host, inside, _ := strings.Cut(v, ":")
				if !strings.HasPrefix(host, "./") {
					continue
				}
				inside = filepath.Join(root, strings.TrimSuffix(inside, ":ro"))
				text, err := os.ReadFile(host)
				require.NoError(t, err)
				require.NoError(t, os.MkdirAll(filepath.Dir(inside), 0o700))
				require.NoError(t, os.WriteFile(inside, text, 0o600))
			}
			tool(t, command[0], append(command[1:], filepath.Join(root, config))...)
		})
	}
}

// TestComposeFilesFollowThoseOfOneHost: they differ in the names of hosts, and in comments.
func TestComposeFilesFollowThoseOfOneHost(t *testing.T) {
	hosts := strings.NewReplacer("localhost:9091", "loginsim:9091", "localhost:5008", "alertscribe:5008", "localhost:9093", "alertmanager:9093")
	for _, name := range []string{"prometheus.yml", "alertmanager.yml"} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, hosts.Replace(withoutComments(t, name)), withoutComments(t, path.Join("compose", name)))
		})
	}
}

func withoutComments(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// flag returns the value of --name=value.
func flag(args []string, name string) string {
	for _, arg := range args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	return ""
}
