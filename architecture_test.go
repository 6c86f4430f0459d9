package alertscribe_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/alertscribe/alertscribe/"

// TestWhoMayImportWhom holds the packages to the table in ARCHITECTURE.md, and the table to the packages.
func TestWhoMayImportWhom(t *testing.T) {
	allowed := packageTable(t)
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, ours := strings.TrimPrefix(fields[0], module), []string{}
		if pkg+"/" == module {
			continue // the root holds tests alone
		}
		for _, imported := range fields[1:] {
			if name, ok := strings.CutPrefix(imported, module); ok {
				ours = append(ours, name)
			}
		}
		may, known := allowed[pkg]
		if !assert.True(t, known, "%s is not in the table of ARCHITECTURE.md", pkg) {
			continue
		}
		seen[pkg] = true
		for _, name := range ours {
			assert.True(t, slices.Contains(may, name) || slices.Contains(may, "all"),
				"%s imports %s, which the table of ARCHITECTURE.md does not allow", pkg, name)
		}
	}
	for pkg := range allowed {
		assert.True(t, seen[pkg], "the table of ARCHITECTURE.md has %s, which does not exist", pkg)
	}
}

// packageTable reads the rows "| `package` | job | `a`, `b` |" of ARCHITECTURE.md.
func packageTable(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(b), "| package | job | may import of ours |")
	require.True(t, found)
	table, _, _ := strings.Cut(rest, "\n\n")
	row, name := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| ([^|]+) \\|$"), regexp.MustCompile("[a-z][a-z/]*")
	allowed := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		allowed[m[1]] = name.FindAllString(m[2], -1)
	}
	require.NotEmpty(t, allowed)
	return allowed
}

// TestPromisesHaveTheirTests holds the promises in ARCHITECTURE.md, and the threats in docs/security.md, to the tests that they name.
func TestPromisesHaveTheirTests(t *testing.T) {
	var code strings.Builder
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		test, err := os.ReadFile(path)
		code.Write(test)
		return err
	}))
	for _, document := range []string{"ARCHITECTURE.md", "docs/security.md"} {
		b, err := os.ReadFile(document)
		require.NoError(t, err)
		names := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z]+)`").FindAllStringSubmatch(string(b), -1)
		require.NotEmpty(t, names)
		for _, m := range names {
			there := strings.Contains(code.String(), "func "+m[1]+"(") // assert.Contains would print all tests
			assert.True(t, there, "%s names %s, which does not exist", document, m[1])
		}
	}
}
