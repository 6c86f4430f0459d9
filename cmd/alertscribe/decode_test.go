package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTenFaults: a file with ten faults, in the form, in the types and in the sense, names ten, each with its line.
func TestTenFaults(t *testing.T) {
	name := file(t, "bad.yml", `llm:
  base_ur: http://model
  timeout: 2 minutes
  max_tokens: many
analysis:
  workers: 0
  skip: ['not a matcher']
budget:
  peak_hours: [{times: [{start_time: "20:00", end_time: "04:00"}]}]
  cost_per_day: -1
prometheuz:
  url: http://prometheus:9090
reports:
  language: fr
  time_zone: Mars/Olympus
`)
	_, err := loadConfig(name, noEnv, "")
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	assert.Len(t, lines, 10, err)
	for _, want := range []string{
		":2: llm.base_ur: unknown key; did you mean llm.base_url?",
		`:3: llm.timeout: "2 minutes" is not a duration, such as 30s, 5m, or 24h`,
		`:4: llm.max_tokens: "many" is not a whole number`,
		":6: analysis.workers: 0 is not between 1 and 256",
		":7: analysis.skip[0]: ",
		":9: budget.peak_hours[0].times[0]: start time cannot be equal or greater than end time",
		":10: budget.cost_per_day: -1 is not USD between 0",
		":11: prometheuz: unknown key; did you mean prometheus?",
		`:14: reports.language (REPORT_LANGUAGE): "fr" is neither en nor zh`,
		`:15: reports.time_zone (REPORT_TIME_ZONE): "Mars/Olympus" is not the IANA name`,
	} {
		assert.Contains(t, err.Error(), name+want)
	}
	assert.NotContains(t, err.Error(), "main.", "no types of Go's")
	last := 0
	for _, line := range lines {
		number, err := strconv.Atoi(strings.Split(strings.TrimPrefix(line, name+":"), ":")[0])
		require.NoError(t, err)
		assert.GreaterOrEqual(t, number, last, "in the order of the file")
		last = number
	}
	assert.NotContains(t, err.Error(), "yaml")
}

// TestFaultsOfTheEnvironment carry no line of a file that says something else.
func TestFaultsOfTheEnvironment(t *testing.T) {
	name := file(t, "config.yml", "reports: {language: en}\nweb: {listen_address: ':1'}\n")
	_, err := loadConfig(name, env(map[string]string{"REPORT_LANGUAGE": "fr"}), "nowhere")
	require.Error(t, err)
	for line := range strings.Lines(err.Error()) {
		assert.False(t, strings.HasPrefix(line, name), line)
	}
}

// TestSettingsReader: what yaml itself would read, it reads the same.
func TestSettingsReader(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want func(t *testing.T, c *config)
	}{
		"nothing":          {"", func(t *testing.T, c *config) { assert.Equal(t, yamlOf(t, defaultConfig()), yamlOf(t, c)) }},
		"comments alone":   {"# x\n", func(t *testing.T, c *config) { assert.Equal(t, yamlOf(t, defaultConfig()), yamlOf(t, c)) }},
		"sections of null": {"llm:\nprometheus: ~\nbudget:\n  prices:\n", func(t *testing.T, c *config) { assert.Equal(t, "deepseek-flash", c.LLM.Model) }},
		"an empty list":    {"analysis: {skip: []}", func(t *testing.T, c *config) { assert.Empty(t, c.Analysis.Skip) }},
		"a number as text": {"llm: {model: 4}", func(t *testing.T, c *config) { assert.Equal(t, "4", c.LLM.Model) }},
		"prices are merged": {"budget: {prices: {x: {input: 1, output: 2}}}", func(t *testing.T, c *config) {
			assert.Len(t, c.Budget.Prices, 4)
			assert.InDelta(t, 2, c.Budget.Prices["x"].Output, 0)
		}},
		"anything in a body": {"llm: {extra_body: {a: {b: [1, null]}, c: null}}", func(t *testing.T, c *config) { assert.Len(t, c.LLM.ExtraBody, 2); assert.Nil(t, c.LLM.ExtraBody["c"]) }},
		"anchors": {"prometheus:\n  http_config: &a {basic_auth: {username: us}}\nalertmanager:\n  http_config: *a\n", func(t *testing.T, c *config) {
			assert.Equal(t, "us", c.Alertmanager.HTTPConfig.BasicAuth.Username)
			assert.True(t, c.Alertmanager.HTTPConfig.FollowRedirects, "Prometheus' defaults")
		}},
		"merged keys": {"llm: &a {model: a, timeout: 9s}\nprometheus:\n  http_config: &b {basic_auth: {username: us}}\nalertmanager:\n  http_config: {<<: *b, follow_redirects: false}\n", func(t *testing.T, c *config) {
			assert.Equal(t, "us", c.Alertmanager.HTTPConfig.BasicAuth.Username)
			assert.False(t, c.Alertmanager.HTTPConfig.FollowRedirects)
		}},
		"merged sections": {"prometheus: &a {url: 'http://a', public_url: 'http://b'}\nalertmanager: {<<: [*a], url: 'http://c'}\n", func(t *testing.T, c *config) {
			assert.Equal(t, []string{"http://c", "http://b"}, []string{c.Alertmanager.URL, c.Alertmanager.PublicURL}, "its own key is stronger")
		}},
		"headers have any name": {"llm: {http_config: {http_headers: {X-Any: {values: [a]}}}}", func(t *testing.T, c *config) {
			assert.Equal(t, []string{"a"}, c.LLM.HTTPConfig.HTTPHeaders.Headers["X-Any"].Values)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := defaultConfig()
			r := readSettings("x.yml", []byte(tc.text), c)
			require.Empty(t, r.faults)
			tc.want(t, c)
		})
	}
}

// TestNoSecretInFaults: what a file has in the place of something else may be one.
func TestNoSecretInFaults(t *testing.T) {
	for _, text := range []string{
		"llm: http://us:planted-password@host",
		"llm: {timeout: 'http://us:planted-password@host'}",
		"prometheus: {http_config: {basic_auth: {username: us, password: {x: planted-password}}}}",
		"prometheus: {http_config: {authorization: {credentials: [planted-token]}}}",
		"prometheus: {url: 'http://vm/?token=planted-token#x'}",
	} {
		_, err := loadConfig(file(t, "config.yml", text), noEnv, "")
		require.Error(t, err, text)
		assertNoSecret(t, err.Error())
	}
}

// TestPathsAreRelativeToTheFile: all of the file are, those of the environment and the defaults are not.
func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), []byte("k"), 0o600))
	for name, tc := range map[string]struct {
		text              string
		env               map[string]string
		reports, database string
	}{
		"of the file":     {"reports: {dir: r}\nstorage: {database_url: 'sqlite://d/x.db'}\nllm: {api_key_file: key}", nil, filepath.Join(dir, "r"), filepath.Join(dir, "d/x.db")},
		"above it":        {"reports: {dir: ../r}", nil, filepath.Join(filepath.Dir(dir), "r"), "data/alertscribe.db"},
		"absolute":        {"reports: {dir: /r}\nstorage: {database_url: 'sqlite:///d/x.db'}", nil, "/r", "/d/x.db"},
		"defaults":        {"llm: {api_key_file: key}", nil, "reports", "data/alertscribe.db"},
		"the environment": {"reports: {dir: r}", map[string]string{"REPORT_DIR": "e", "DATABASE_URL": "sqlite://e.db"}, "e", "e.db"},
		"an empty one":    {"reports: {dir: ''}", map[string]string{"REPORT_DIR": "e"}, "e", "data/alertscribe.db"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "config.yml")
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			c, err := loadConfig(path, env(tc.env), "")
			require.NoError(t, err)
			assert.Equal(t, []string{tc.reports, tc.database}, []string{c.Reports.Dir, c.databasePath()})
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"url", "public_url", "http_config", "model", "timeout"}
	for word, want := range map[string]string{
		"ur": "url", "urls": "url", "modl": "model", "modell": "model", "time_out": "timeout", "http_conf": "http_config",
		"publicurl": "public_url", "baseUrl": "", "httpConfig": "http_config", "public-url": "public_url", "MODEL": "model", "HTTP_CONFIG": "http_config", "x": "", "something": "", "": "",
	} {
		assert.Equal(t, want, nearest(word, known), word)
	}
}

func TestMisspeltVariables(t *testing.T) {
	for name, want := range map[string]string{
		"PROMETHEUS_URI": "PROMETHEUS_URL", "REPORT_LANG": "REPORT_LANGUAGE", "DEEPSEEK_APIKEY": "DEEPSEEK_API_KEY", "PROMETHEUS_URLS": "PROMETHEUS_URL",
		"prometheus_url": "PROMETHEUS_URL", "REPORT_TIMEZONE": "REPORT_TIME_ZONE",
		"PROMETHEUS_PORT": "", "PROMETHEUS_SERVICE_HOST": "", "LLM": "", "HOME": "", "DATABASE_PASSWORD": "", "PROMETHEUS_URL": "",
	} {
		found := misspelt([]string{name})
		if want == "" {
			assert.Empty(t, found, name)
			continue
		}
		require.Len(t, found, 1, name)
		assert.Equal(t, name+" is no variable of alertscribe's; did you mean "+want+"?", found[0])
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(".env", []byte("PROMETHEUS_URI=http://us:planted-password@prometheus\nPOSTGRES_USER=x\n"), 0o600))
	_, err := (&cli{}).load()
	require.ErrorContains(t, err, ".env: PROMETHEUS_URI is no variable of alertscribe's; did you mean PROMETHEUS_URL?")
	assertNoSecret(t, err.Error())
}
