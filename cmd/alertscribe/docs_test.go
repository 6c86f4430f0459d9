package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documents returns the texts of the documents for users, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/runbooks/*.md"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			texts[strings.TrimPrefix(file, "../../")] = string(b)
		}
	}
	require.Greater(t, len(texts), 30)
	return texts
}

// TestDocumentedSettings: what the documents show as a configuration file is one. Files that it names may be missing.
func TestDocumentedSettings(t *testing.T) {
	sections := keysOfMap(fieldsByKey(reflect.TypeFor[config]()))
	block, top := regexp.MustCompile("(?s)```yaml\n(.*?)```"), regexp.MustCompile(`(?m)^([a-z_]+):`)
	tried := 0
	for name, text := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			keys := top.FindAllStringSubmatch(m[1], -1)
			if len(keys) == 0 || slices.ContainsFunc(keys, func(k []string) bool { return !slices.Contains(sections, k[1]) }) {
				continue // of Alertmanager, or a part
			}
			tried++
			config := file(t, "config.yml", m[1])
			c, err := loadConfig(config, noEnv, "")
			if err == nil {
				err = c.tryParts()
			}
			if err == nil {
				continue
			}
			for line := range strings.Lines(err.Error()) {
				assert.Contains(t, line, "no such file", "%s:\n%s", name, m[1])
			}
		}
	}
	assert.Greater(t, tried, 20)
}

// TestDocumentedCommands: the commands of the documents exist, and so do their flags.
func TestDocumentedCommands(t *testing.T) {
	app, _ := (&cli{stdout: io.Discard, stderr: io.Discard}).application()
	_, err := app.Parse([]string{"version"}) // declares the commands that it adds itself
	require.NoError(t, err)
	inline, block := regexp.MustCompile("`alertscribe ([a-z-][^`|]*)`"), regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	line := regexp.MustCompile(`(?m)^(?:\./)?alertscribe ([a-z-][^#|>\n]*)`)
	tried := 0
	for name, text := range documents(t) {
		commands := inline.FindAllStringSubmatch(text, -1)
		for _, b := range block.FindAllStringSubmatch(text, -1) {
			commands = append(commands, line.FindAllStringSubmatch(b[1], -1)...)
		}
		for _, m := range commands {
			tried++
			assert.Empty(t, unknownWord(app.Model(), strings.Fields(m[1])), "%s: alertscribe %s", name, m[1])
		}
	}
	assert.Greater(t, tried, 40)
}

// TestAllIsDocumented: every command, flag of all commands, and variable stands where people look for it.
func TestAllIsDocumented(t *testing.T) {
	app, _ := (&cli{stdout: io.Discard, stderr: io.Discard}).application()
	texts := documents(t)
	_, commands, _ := strings.Cut(texts["docs/operations.md"], "\n## Commands\n")
	require.NotEmpty(t, commands)
	for _, c := range app.Model().FlattenedCommands() {
		assert.Contains(t, commands, "`"+c.FullCommand, "docs/operations.md")
	}
	settings, example := texts["docs/configuration.md"], readFile(t, "../../.env.example")
	for _, f := range app.Model().Flags {
		if !f.Hidden && f.Name != "help" && f.Name != "version" && !strings.Contains(f.Name, "completion") {
			assert.Contains(t, settings, "`--"+f.Name+"`")
		}
	}
	for _, name := range variables {
		assert.Contains(t, settings, "`"+name+"`")
		if name != "GOMEMLIMIT" && name != "LLM_API_KEY" { // Go's own; another name of the first one
			assert.Contains(t, example, name+"=")
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

// TestDocumentLinks: what a document links to exists, headings included.
func TestDocumentLinks(t *testing.T) {
	texts := documents(t)
	link, heading := regexp.MustCompile(`\]\(([^)\s]+)\)`), regexp.MustCompile(`(?m)^#+ (.*)$`)
	code, noAnchor := regexp.MustCompile("(?s)```.*?```"), regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	anchors := map[string][]string{}
	for name, text := range texts {
		for _, m := range heading.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			anchors[name] = append(anchors[name], strings.ReplaceAll(strings.ToLower(noAnchor.ReplaceAllString(m[1], "")), " ", "-"))
		}
	}
	followed := 0
	for name, text := range texts {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			followed++
			_, err := os.Stat(filepath.Join("../..", target))
			require.NoError(t, err, "%s: %s", name, m[1])
			if list, known := anchors[target]; known && anchor != "" {
				assert.Contains(t, list, anchor, "%s: %s", name, m[1])
			}
		}
	}
	assert.Greater(t, followed, 100)
}
