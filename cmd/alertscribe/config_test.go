package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
)

func noEnv(string) string { return "" }

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// file writes a file into a directory of its own and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// TestBadConfig: each file breaks one rule, and its first line says what the user is told.
func TestBadConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-config/*.yml")
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yml"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			first, _, _ := strings.Cut(string(b), "\n")
			want, ok := strings.CutPrefix(first, "# want: ")
			require.True(t, ok)
			c, err := loadConfig(name, noEnv, "")
			if err == nil {
				err = c.tryParts()
			}
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "\n", "it is the only fault")
			assert.Regexp(t, `^testdata/bad-config/`+filepath.Base(name)+`:\d+: `, err.Error(), "and says where it is")
		})
	}
}

// TestEveryFaultAtOnce joins all files of testdata/bad-config that can be joined, one for each key.
func TestEveryFaultAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-config/*.yml")
	require.NoError(t, err)
	merged := map[string]map[string]any{}
	wants := map[string]string{} // by key
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		var one map[string]map[string]any
		if yaml.Unmarshal(b, &one) != nil || len(one) != 1 {
			continue
		}
		want := strings.TrimPrefix(strings.SplitN(string(b), "\n", 2)[0], "# want: ")
		for section, keys := range one {
			for key, value := range keys {
				// Those alone are found after all others are right, or by the parser.
				if !strings.HasPrefix(want, section+"."+key) || key == "http_config" {
					continue
				}
				if merged[section] == nil {
					merged[section] = map[string]any{}
				}
				if strings.HasSuffix(key, "_file") && value == "empty.txt" {
					continue // the one that does not exist is there, too
				}
				merged[section][key], wants[section+"."+key] = value, want
			}
		}
	}
	require.Greater(t, len(wants), 25)
	b, err := yaml.Marshal(merged)
	require.NoError(t, err)
	_, err = loadConfig(file(t, "config.yml", string(b)), noEnv, "")
	require.Error(t, err)
	for key, want := range wants {
		if strings.HasSuffix(key, "_file") {
			want = "no-such-file" // its directory is another one
		}
		assert.Contains(t, err.Error(), want, key)
		assert.Regexp(t, `(?m)^\S+/config\.yml:\d+: `+regexp.QuoteMeta(key), err.Error())
	}
}

// TestDefaultsAreDocumented: the YAML in docs/configuration.md is the defaults, and valid.
func TestDefaultsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(b), "```yaml\n")
	require.True(t, ok)
	text, _, _ = strings.Cut(text, "```")
	t.Chdir(t.TempDir()) // paths are relative to the file, and so as they are there
	require.NoError(t, os.WriteFile("config.yml", []byte(text), 0o600))
	documented, err := loadConfig("config.yml", noEnv, "")
	require.NoError(t, err)
	defaults, err := loadConfig("", noEnv, "")
	require.NoError(t, err)
	assert.Equal(t, yamlOf(t, defaults), yamlOf(t, documented))
	for _, key := range keysOf(reflect.TypeFor[config]()) {
		assert.Contains(t, text, key+":")
	}
}

// yamlOf writes settings as YAML, nothing and empty alike.
func yamlOf(t *testing.T, c *config) string {
	t.Helper()
	b, err := yaml.Marshal(c)
	require.NoError(t, err)
	return strings.ReplaceAll(string(b), "{}", "[]")
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if name := f.Tag.Get("yaml"); name != "" && name != "-" && name != ",inline" {
			keys = append(keys, name)
		}
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

func TestEnvironment(t *testing.T) {
	c, err := loadConfig("", env(map[string]string{
		"LLM_BASE_URL": "http://model", "LLM_MODEL": "m", "PROMETHEUS_URL": "http://prometheus", "ALERTMANAGER_URL": "http://alertmanager",
		"REPORT_DIR": "/r", "REPORT_LANGUAGE": "zh", "REPORT_TIME_ZONE": "Asia/Shanghai", "DATABASE_URL": "sqlite:///d.db", "LISTEN_ADDRESS": "127.0.0.1:1",
		"DEEPSEEK_API_KEY": " key\n", "ALERTSCRIBE_WEBHOOK_TOKEN": "token",
	}), "")
	require.NoError(t, err)
	got := []string{
		c.LLM.BaseURL, c.LLM.Model, c.Prometheus.URL, c.Alertmanager.URL, c.Reports.Dir, string(c.Reports.Language), c.databasePath(),
		c.Web.ListenAddress, c.LLM.Key.Reveal(), c.Web.WebhookToken.Reveal(), c.zone.String(),
	}
	assert.Equal(t, []string{"http://model", "m", "http://prometheus", "http://alertmanager", "/r", "zh", "/d.db", "127.0.0.1:1", "key", "token", "Asia/Shanghai"}, got)
}

// TestOrder: flag, environment, .env, file, default.
func TestOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	c := &cli{configFile: file(t, "config.yml", "web: {listen_address: ':1'}\nllm: {model: of-the-file, base_url: http://file}\nreports: {language: zh}\n")}
	load := func() *config {
		cfg, err := c.load()
		require.NoError(t, err)
		return cfg
	}
	cfg := load()
	assert.Equal(t, []any{":1", "of-the-file", "http://file", incident.Chinese, "reports", 4}, []any{
		cfg.Web.ListenAddress, cfg.LLM.Model, cfg.LLM.BaseURL, cfg.Reports.Language, cfg.Reports.Dir, cfg.Analysis.Workers,
	}, "file over default")

	require.NoError(t, os.WriteFile(".env", []byte("# ours\nLISTEN_ADDRESS=:2\nexport LLM_MODEL=\"of .env\"\nDEEPSEEK_API_KEY='sk-of-dotenv'\n"), 0o600))
	cfg = load()
	assert.Equal(t, []string{":2", "of .env", "http://file", "sk-of-dotenv"}, []string{
		cfg.Web.ListenAddress, cfg.LLM.Model, cfg.LLM.BaseURL, cfg.LLM.Key.Reveal(),
	}, ".env over file")
	assert.NotContains(t, os.Environ(), "DEEPSEEK_API_KEY=sk-of-dotenv", "child processes don't get it")

	t.Setenv("LISTEN_ADDRESS", ":3")
	t.Setenv("DEEPSEEK_API_KEY", "")
	cfg = load()
	assert.Equal(t, ":3", cfg.Web.ListenAddress, "environment over .env")
	assert.Empty(t, cfg.LLM.Key, "also an empty one: it takes a key away for one run")

	c.listenAddress = ":4"
	assert.Equal(t, ":4", load().Web.ListenAddress, "flag over all")
}

func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"key": "sk-of-a-file\n", "token": "of a file\n",
		"config.yml": "llm: {api_key_file: key}\nweb: {webhook_token_file: token}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	name := filepath.Join(dir, "config.yml")
	tests := map[string]struct {
		env  map[string]string
		want string
	}{
		"file, beside the configuration": {nil, "sk-of-a-file"},
		"environment over file":          {map[string]string{"DEEPSEEK_API_KEY": "sk-1"}, "sk-1"},
		"alias":                          {map[string]string{"LLM_API_KEY": "sk-2"}, "sk-2"},
		"DeepSeek's own name over alias": {map[string]string{"DEEPSEEK_API_KEY": "sk-1", "LLM_API_KEY": "sk-2"}, "sk-1"},
		"empty is none":                  {map[string]string{"DEEPSEEK_API_KEY": ""}, "sk-of-a-file"},
	}
	for title, tc := range tests {
		t.Run(title, func(t *testing.T) {
			c, err := loadConfig(name, env(tc.env), "")
			require.NoError(t, err)
			assert.Equal(t, tc.want, c.LLM.Key.Reveal())
			assert.Equal(t, "of a file", c.Web.WebhookToken.Reveal())
		})
	}
}

func TestHTTPConfig(t *testing.T) {
	name := file(t, "config.yml", `
prometheus:
  url: https://prometheus.example
  public_url: https://people.example
  http_config:
    authorization: {credentials_file: token}
    http_headers: {X-Scope-OrgID: {values: [tenant]}}
alertmanager:
  http_config:
    basic_auth: {username: us, password_file: /run/secrets/password}
llm:
  http_config: {proxy_url: http://proxy.example:3128}
`)
	c, err := loadConfig(name, noEnv, "")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(filepath.Dir(name), "token"), c.Prometheus.HTTPConfig.Authorization.CredentialsFile, "relative to the file")
	assert.Equal(t, "/run/secrets/password", c.Alertmanager.HTTPConfig.BasicAuth.PasswordFile)
	assert.True(t, c.Prometheus.HTTPConfig.FollowRedirects, "Prometheus' defaults")
	assert.Equal(t, "http://proxy.example:3128", c.LLM.HTTPConfig.ProxyURL.String())
}

// TestBlankSecrets: whoever sets a secret of blanks means to have one, and is told by its name.
func TestBlankSecrets(t *testing.T) {
	const inFile = "llm: {api_key_file: key}\nweb: {webhook_token_file: token}\n"
	for _, name := range []string{"DEEPSEEK_API_KEY", "LLM_API_KEY", "ALERTSCRIBE_WEBHOOK_TOKEN", "NOTIFY_URL"} {
		for _, blank := range []string{" ", "\t", "\r\n", "\u00a0"} {
			_, err := loadConfig("", env(map[string]string{name: blank}), "")
			require.ErrorContains(t, err, name+": is blank; give it a value, or unset it")
		}
		_, err := loadConfig("", env(map[string]string{name: ""}), "")
		require.NoError(t, err, "an empty one is as good as none")
	}
	for name, tc := range map[string]struct {
		file, dotenv string
		env          map[string]string
		want         string // "" for none
	}{
		"no token":                         {"", "", nil, ""},
		"an empty token":                   {"", "", map[string]string{"ALERTSCRIBE_WEBHOOK_TOKEN": ""}, "ALERTSCRIBE_WEBHOOK_TOKEN: is blank"},
		"an empty token in .env":           {"", "ALERTSCRIBE_WEBHOOK_TOKEN=\n", nil, "ALERTSCRIBE_WEBHOOK_TOKEN: is blank"},
		"an empty token beside a file":     {inFile, "", map[string]string{"ALERTSCRIBE_WEBHOOK_TOKEN": ""}, ""},
		"an empty key, as in .env.example": {"", "DEEPSEEK_API_KEY=\n", nil, ""},
		"a blank key beside a file":        {inFile, "", map[string]string{"LLM_API_KEY": "  "}, "LLM_API_KEY: is blank"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			for file, content := range map[string]string{"key": "sk-of-a-file", "token": "of a file", "config.yml": tc.file, ".env": tc.dotenv} {
				require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			}
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			_, err := (&cli{configFile: "config.yml"}).load()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.ErrorIs(t, err, errBadInput)
		})
	}
}

// TestOpenToTheNetwork: a service that anybody on the network can read and post to says so as a warning.
func TestOpenToTheNetwork(t *testing.T) {
	basic := "basic_auth_users:\n  us: " + bcryptOfTest + "\n"
	for name, tc := range map[string]struct {
		address, token, web string
		level               string // "" for silence
	}{
		"all addresses":                  {"[::]:5008", "", "", "WARN"},
		"one of the network":             {"192.0.2.7:5008", "", "", "WARN"},
		"this machine":                   {"127.0.0.1:5008", "", "", "INFO"},
		"this machine, by version 6":     {"[::1]:5008", "", "", "INFO"},
		"with a token":                   {"[::]:5008", "t0ken", "", ""},
		"with basic authentication":      {"[::]:5008", "", basic, ""},
		"with TLS alone":                 {"[::]:5008", "", "http_server_config: {http2: false}\n", "WARN"},
		"an address that cannot be read": {"somewhere", "", "", "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := loadConfig("", env(map[string]string{"ALERTSCRIBE_WEBHOOK_TOKEN": tc.token}), "")
			require.NoError(t, err)
			if tc.web != "" {
				require.NoError(t, c.validateWeb(file(t, "web.yml", tc.web)))
			}
			var log bytes.Buffer
			c.logAccess(slog.New(slog.NewTextHandler(&log, nil)), tc.address)
			if tc.level == "" {
				assert.Empty(t, log.String())
				return
			}
			assert.Contains(t, log.String(), "level="+tc.level)
			assert.Contains(t, log.String(), "ALERTSCRIBE_WEBHOOK_TOKEN")
		})
	}
}

func TestRules(t *testing.T) {
	c, err := loadConfig(file(t, "config.yml", `analysis: {skip: ['team="a", env!="prod"'], severities: [p1, p2], max_age: 1h, reopen_within: 2h, stale_after: 3h}`), noEnv, "")
	require.NoError(t, err)
	r := c.rules()
	assert.Equal(t, []string{"p1", "p2"}, r.Severities)
	assert.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}, []time.Duration{r.AnalysisMaxAge, r.ReopenWithin, r.StaleAfter})
	require.Len(t, r.Skip, 1)
	assert.True(t, r.Skip[0].Matches(model.LabelSet{"team": "a", "env": "dev"}))
	assert.False(t, r.Skip[0].Matches(model.LabelSet{"team": "a", "env": "prod"}))

	c, err = loadConfig(file(t, "config.yml", "analysis: {skip: []}"), noEnv, "")
	require.NoError(t, err)
	assert.Empty(t, c.rules().Skip, "nothing is skipped when the setting says so")
}

func TestWebConfig(t *testing.T) {
	c, err := loadConfig("", env(map[string]string{"ALERTSCRIBE_WEBHOOK_TOKEN": "t0ken"}), "")
	require.NoError(t, err)
	users := file(t, "web.yml", "basic_auth_users:\n  us: "+bcryptOfTest+"\n")
	err = c.validateWeb(users)
	require.ErrorContains(t, err, "ALERTSCRIBE_WEBHOOK_TOKEN and basic_auth_users of --web.config.file both want the Authorization header")
	assert.NotContains(t, err.Error(), "t0ken")
	require.NoError(t, c.validateWeb(""))
	require.NoError(t, c.validateWeb(file(t, "web.yml", "http_server_config: {http2: false}\n")), "a token beside TLS alone is fine")
	require.ErrorContains(t, c.validateWeb("no-such-file"), "--web.config.file: ")
	require.ErrorContains(t, c.validateWeb(file(t, "web.yml", "basic_auth_user: {}\n")), "basic_auth_user")
	require.ErrorContains(t, c.validateWeb(file(t, "web.yml", "basic_auth_users: {us: plain}\n")), "--web.config.file: ")

	c.Web.WebhookToken = ""
	require.NoError(t, c.validateWeb(users))
}

func TestExternalURL(t *testing.T) {
	for _, bad := range []string{"alerts.example", "/alertscribe", "ftp://alerts.example", "http://", "http://a b"} {
		require.ErrorContains(t, (&cli{externalURL: bad}).validateExternalURL(), "--web.external-url: ", bad)
	}
	tests := map[string]struct{ external, route, want string }{
		"nothing":                {"", "", ""},
		"no path":                {"https://alerts.example", "", ""},
		"root":                   {"https://alerts.example/", "", ""},
		"path":                   {"https://example/ops/alertscribe/", "", "/ops/alertscribe"},
		"a proxy that strips it": {"https://example/alertscribe", "/", ""},
		"another route":          {"https://example/alertscribe", "inside", "/inside"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := &cli{externalURL: tc.external, routePrefix: tc.route}
			require.NoError(t, c.validateExternalURL())
			assert.Equal(t, tc.want, c.prefix())
		})
	}
}

// planted are secrets as they may stand in settings.
var planted = []string{"sk-planted-key", "planted-token", "planted-password", "planted-header", "planted-proxy"}

const plantedConfig = `
llm: {http_config: {proxy_url: "http://us:planted-proxy@proxy.example"}}
prometheus:
  url: http://us:planted-password@prometheus.example
  public_url: http://us:planted-password@people.example
  http_config: {authorization: {credentials: planted-token}, http_headers: {X-Key: {secrets: [planted-header]}}}
alertmanager: {url: "http://us:planted-password@alertmanager.example", http_config: {basic_auth: {username: us, password: planted-password}}}
`

func assertNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range planted {
		assert.NotContains(t, text, secret)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DEEPSEEK_API_KEY", "sk-planted-key")
	t.Setenv("ALERTSCRIBE_WEBHOOK_TOKEN", "planted-token")
	var out bytes.Buffer
	c := &cli{stdout: &out, configFile: file(t, "config.yml", plantedConfig)}
	require.NoError(t, c.checkConfig(t.Context(), false))
	assert.Contains(t, out.String(), "API key         set\n")
	assert.Contains(t, out.String(), "webhook token   set\n")
	assert.Contains(t, out.String(), "http://us:xxxxx@prometheus.example")
	assertNoSecret(t, out.String())

	cfg, err := c.load()
	require.NoError(t, err)
	require.Equal(t, "sk-planted-key", cfg.LLM.Key.Reveal())
	for _, secret := range []any{cfg.LLM, cfg.Web, cfg.LLM.HTTPConfig, cfg.Prometheus.HTTPConfig, cfg.Alertmanager.HTTPConfig} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			text := fmt.Sprintf(format, secret)
			assert.NotContains(t, text, "sk-planted-key", format)
			if _, web := secret.(webConfig); web {
				assert.NotContains(t, text, "planted-token", format)
			}
		}
	}
	assert.NotContains(t, fmt.Sprintf("%+v", cfg), "sk-planted-key")
	assert.NotContains(t, fmt.Sprintf("%+v", cfg), "planted-token")
	b, err := yaml.Marshal(cfg)
	require.NoError(t, err)
	assert.NotContains(t, string(b), "sk-planted-key")
	assert.NotContains(t, string(b), "planted-token")
}

func TestSecretsAreNotInErrors(t *testing.T) {
	for _, value := range []string{
		"ftp://us:planted-password@host", "us:planted-password@host", "http://us:planted-password@ho st", "http://us:planted-password@/path",
		"us:pw@planted-password@host", "http://us:%zzplanted-password@host",
	} {
		t.Run(value, func(t *testing.T) {
			_, err := loadConfig("", env(map[string]string{
				"PROMETHEUS_URL": value, "ALERTMANAGER_URL": value, "LLM_BASE_URL": value, "DATABASE_URL": value,
			}), "")
			require.ErrorContains(t, err, "PROMETHEUS_URL")
			assertNoSecret(t, err.Error())
			err = (&cli{externalURL: value}).validateExternalURL()
			require.Error(t, err)
			assertNoSecret(t, err.Error())
		})
	}
	t.Run(".env", func(t *testing.T) {
		t.Chdir(t.TempDir())
		require.NoError(t, os.WriteFile(".env", []byte("DEEPSEEK_API_KEY: sk-planted-key\nwhat is this planted-password\nALERTSCRIBE_WEBHOOK_TOKEN='planted-token\n"), 0o600))
		_, err := (&cli{}).load()
		require.ErrorContains(t, err, ".env: ")
		assertNoSecret(t, err.Error())
	})
}

// bcryptOfTest is the hash of "correct horse".
const bcryptOfTest = "$2a$04$7aOlgduQGS/PntLlxHeCSedEjt7VuAjm6Xb24V6qbA0vrclLDTcpe"
