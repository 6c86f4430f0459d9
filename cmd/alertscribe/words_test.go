package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnknownWords: a misspelt command or flag is answered with the one that was meant.
func TestUnknownWords(t *testing.T) {
	for line, want := range map[string]string{
		"anlyze":                         `"anlyze" is no command; did you mean analyze?`,
		"analyse":                        `"analyse" is no command; did you mean analyze?`,
		"Reports":                        `"Reports" is no command; did you mean reports?`,
		"check":                          `"check" is no command; did you mean check-config?`,
		"checkconfig":                    `"checkconfig" is no command; did you mean check-config?`,
		"show_prompt":                    `"show_prompt" is no command; did you mean show-prompt?`,
		"prompt":                         `"prompt" is no command; did you mean show-prompt?`,
		"start":                          `"start" is no command`,
		"detect backtst":                 `"backtst" is no command; did you mean backtest?`,
		"detect":                         "",
		"--config-file=x":                "--config-file is no flag; did you mean --config.file?",
		"--config x":                     "--config is no flag; did you mean --config.file?",
		"--web.lisen-address=:1":         "--web.lisen-address is no flag; did you mean --web.listen-address?",
		"--listen-address=:1":            "--listen-address is no flag; did you mean --web.listen-address?",
		"--log-level=debug":              "--log-level is no flag; did you mean --log.level?",
		"--enable-lifecycle":             "--enable-lifecycle is no flag; did you mean --web.enable-lifecycle?",
		"--api-key=sk-1":                 "--api-key is no flag",
		"-x":                             "-x is no flag",
		"--config.file x --log.leve=y":   "--log.leve is no flag; did you mean --log.level?",
		"--no-web.enable-lifecycle nope": `"nope" is no command`,
		"--json costs":                   "--json is a flag of costs; write it behind that word",
		"costs --jsn":                    "--jsn is no flag; did you mean --json?",
		"analyze --nwo f.json":           "--nwo is no flag; did you mean --now?",
		"reports --limit x":              `--limit: "x" is not a number`,
		"reports --limit=1.x":            `--limit: "1.x" is not a number`,
		"detect backtest --against x":    "--against: enum value must be one of incidents, got 'x'",
		"analyze":                        "", // known words, and something else is wrong
		"reports -q":                     "",
		"-- anlyze":                      "",
	} {
		t.Run(line, func(t *testing.T) {
			c := &cli{stdout: io.Discard, stderr: io.Discard}
			app, _ := c.application()
			args := strings.Fields(line)
			_, err := app.Parse(args)
			require.Error(t, err)
			assert.Equal(t, want, unknownWord(app.Model(), args))
		})
	}
}

// TestHelpOfNoCommand: kingpin would end the process with exit code 1.
func TestHelpOfNoCommand(t *testing.T) {
	for line, want := range map[string]string{
		"help anlyze":         `"anlyze" is no command; did you mean analyze?`,
		"help detect backtst": `"backtst" is no command; did you mean backtest?`,
		"reanalyze x y":       "unexpected y.",
		"detect":              "must select a subcommand of 'detect'.",
	} {
		app, _ := (&cli{stdout: io.Discard, stderr: io.Discard}).application()
		_, err := parse(app, strings.Fields(line))
		require.EqualError(t, err, want)
	}
}
