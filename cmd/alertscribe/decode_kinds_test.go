package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFaultsByKind: every fault of a text is named, with its line, its key, and what was meant, and there are no others.
func TestFaultsByKind(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		wants []string
	}{
		"another style": {"llm: {baseUrl: x, api-key-file: y, MaxTokens: 1}\nLLM: {}\n", []string{
			"1: llm.baseUrl: unknown key; did you mean llm.base_url?", "1: llm.api-key-file: unknown key; did you mean llm.api_key_file?",
			"1: llm.MaxTokens: unknown key; did you mean llm.max_tokens?", "2: LLM: unknown key; did you mean llm?",
		}},
		"one level too high": {"prometheus_url: x\nllm.model: y\npublic_url: z\nlisten_address: ':1'\n", []string{
			"1: prometheus_url: unknown key; did you mean prometheus.url? Mind the indentation", "2: llm.model: unknown key; write model below llm, indented",
			"3: public_url: unknown key; did you mean alertmanager.public_url or prometheus.public_url? Mind the indentation",
			"4: listen_address: unknown key; did you mean web.listen_address? Mind the indentation",
		}},
		"the singular": {"analysis: {severity: [critical]}\nredaction: {pattern: [x]}\n", []string{
			"1: analysis.severity: unknown key; did you mean analysis.severities?", "2: redaction.pattern: unknown key; did you mean redaction.patterns?",
		}},
		"within http_config": {"llm:\n  http_config:\n    proxy_url: '://x'\n    tls_config: {insecure_skip_verify: perhaps, ca: x, cafile: y}\n    follow_redirects: 3\n", []string{
			`3: llm.http_config.proxy_url: parse "://x": missing protocol scheme`, `4: llm.http_config.tls_config.insecure_skip_verify: "perhaps" is not true or false`,
			"4: llm.http_config.tls_config.cafile: unknown key; did you mean llm.http_config.tls_config.ca_file?",
			`5: llm.http_config.follow_redirects: "3" is not true or false`,
		}},
		"times of a day": {"budget:\n  peak_hours:\n    - times: [{start: '01:00', end_time: '02:00'}]\n      weekday: [monday]\n", []string{
			"3: budget.peak_hours[0].times[0].start: unknown key; did you mean budget.peak_hours[0].times[0].start_time?",
			"4: budget.peak_hours[0].weekday: unknown key; did you mean budget.peak_hours[0].weekdays?",
		}},
		"several of a list": {"redaction: {patterns: ['(', ok, '[', '']}\nanalysis: {runbooks: {allow: [ftp://x, 'http://y', z], networks: [1.2.3.4, 10.0.0.0/8]}}\n", []string{
			"1: redaction.patterns[0]: ", "1: redaction.patterns[2]: ", "1: redaction.patterns[3]: ",
			"2: analysis.runbooks.allow[0]: ", "2: analysis.runbooks.allow[2]: ", "2: analysis.runbooks.networks[0]: ",
		}},
		"several prices": {"budget: {prices: {a: {input: -1}, b: {output: .nan}, c: {input: 1}, d: {peak: 1e9}}}\n", []string{
			"1: budget.prices.a: price of a is -1", "1: budget.prices.b: price of b is NaN", "1: budget.prices.d: price of d is 1e+09",
		}},
		"one for a list": {"analysis: {refresh: 5m}\nweb: {hosts: x}\ndetect: {rule_files: x.yml}\n", []string{
			`1: analysis.refresh: "5m" is not a list, such as [a, b]`, `2: web.hosts: "x" is not a list, such as [a, b]`,
			`3: detect.rule_files: "x.yml" is not a list, such as [a, b]`,
		}},
		"a URL for a section": {"prometheus: http://x\nalertmanager: [http://y]\n", []string{
			`1: prometheus: "http://x" is not a mapping; put its keys below it, indented, such as url`, "2: alertmanager: a list is not a mapping; put its keys below it, indented, such as url",
		}},
		"merges itself":  {"web: &w {max_alerts: 5, <<: *w}\n", []string{"1: web: merges itself by <<"}},
		"merges in turn": {"web: &w {max_alerts: 5, <<: [{<<: *w}]}\n", []string{"1: web: merges itself by <<"}},
		"a tab":          {"llm:\n  model: a\n\ttimeout: 5s\n", []string{"2: not YAML: found a tab character that violates indentation; indent with blanks"}},
		"no port": {"prometheus: {url: 'http://x:0'}\nalertmanager: {url: 'http://y:65536', public_url: 'http://:80'}\nweb: {listen_address: ':x y'}\n", []string{
			"2: alertmanager.url (ALERTMANAGER_URL): ", "2: alertmanager.public_url: ", "3: web.listen_address ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "c.yml", tc.text)
			_, err := loadConfig(path, noEnv, "")
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			assert.Len(t, lines, len(tc.wants), err)
			for _, want := range tc.wants {
				assert.Contains(t, err.Error(), fmt.Sprintf("%s:%s", path, want))
			}
		})
	}
}
