package evidence

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// allMessages reads every phrase out of the package's source, by where it stands.
func allMessages(t *testing.T) map[string]message {
	t.Helper()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	out := map[string]message{}
	set := token.NewFileSet()
	for _, entry := range files {
		if name := entry.Name(); !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, entry.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			// Within a map or list of messages the type is left out.
			if name, typed := lit.Type.(*ast.Ident); lit.Type != nil && (!typed || name.Name != "message") || len(lit.Elts) != 2 {
				return true
			}
			var phrases []string
			for _, elt := range lit.Elts {
				if s, ok := elt.(*ast.BasicLit); ok && s.Kind == token.STRING {
					phrase, err := strconv.Unquote(s.Value)
					require.NoError(t, err)
					phrases = append(phrases, phrase)
				}
			}
			if len(phrases) == 2 {
				out[set.Position(lit.Pos()).String()] = message{phrases[0], phrases[1]}
			}
			return true
		})
	}
	return out
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-zA-Z%])`)

// verbsOf lists which argument a phrase shows how, in the order of the arguments.
func verbsOf(phrase string) []string {
	var out []string
	for _, m := range verb.FindAllStringSubmatch(phrase, -1) {
		if m[2] == "%" {
			continue
		}
		n := len(out) + 1
		if m[1] != "" {
			n, _ = strconv.Atoi(m[1])
		}
		out = append(out, fmt.Sprintf("%d%s", n, m[2]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// TestEveryMessage: each phrase says the same in both languages, with the same arguments, and neither leaks into the other.
func TestEveryMessage(t *testing.T) {
	// Names of programs, labels and settings, and words of PromQL, which stay as they are.
	names := []string{
		"alertscribe", "Alertmanager", "Prometheus", "PromQL", "PROMETHEUS_URL", "job", "instance", "namespace", "offset", "for",
		"generatorURL", "URL", "rate", "up", "absent", "relabel", "HTTP", "http_config", "analysis", "runbooks", "allow", "networks", "prometheus", "match",
	}
	word := regexp.MustCompile(`[A-Za-z_]{2,}`)
	all := allMessages(t)
	require.Greater(t, len(all), 120, "as many as there are")
	for where, m := range all {
		assert.Equal(t, verbsOf(m.en), verbsOf(m.zh), "%s: %q and %q", where, m.en, m.zh)
		assert.Equal(t, -1, strings.IndexFunc(m.en, isHan), "%s: %q", where, m.en)
		assert.NotRegexp(t, `[，。；：（）“”？]`, m.en, where)
		if m.zh != m.en && m.zh != "" && word.MatchString(verb.ReplaceAllString(m.en, "")) && m.zh != "、" {
			assert.NotEqual(t, -1, strings.IndexFunc(m.zh, isHan), "%s: %q", where, m.zh)
		}
		for _, found := range word.FindAllString(verb.ReplaceAllString(m.zh, " "), -1) {
			assert.Contains(t, names, found, "%s: %q", where, m.zh)
		}
		assert.NotRegexp(t, `\p{Han}[,;:?!()]|[,;:?!()]\p{Han}`, m.zh, where)
		assert.Equal(t, strings.HasSuffix(m.en, "."), strings.HasSuffix(m.zh, "。"), "%s: %q and %q", where, m.en, m.zh)
		unit := strings.HasSuffix(where, "message.go") || m.zh == " 核" || len([]rune(m.zh)) <= 3 // stands behind a number
		assert.False(t, !unit && strings.HasPrefix(m.zh, " "), "%s: no blank between two sentences: %q", where, m.zh)
		assert.False(t, strings.HasPrefix(m.en, " ") && strings.HasSuffix(m.en, ".") && !strings.HasSuffix(m.zh, "。"), "%s: %q", where, m.zh)
	}
}

func TestMessageIn(t *testing.T) {
	m := message{"%[1]s of %[2]d", "%[2]d 中的 %[1]s"}
	for language, want := range map[incident.Language]string{"en": "a of 3", "zh": "3 中的 a", "": "a of 3"} {
		assert.Equal(t, want, m.in(language, "a", 3), language)
	}
	plain := message{"100 % sure", "100 % 确定"}
	assert.Equal(t, "100 % sure", plain.in(incident.English), "without arguments nothing is a verb")
	assert.Equal(t, "100 % 确定", plain.in(incident.Chinese))
	assert.Equal(t, "%d%s of 1", m.in(incident.English, "%d%s", 1), "arguments are no formats")
}

// TestDuration: a duration within a sentence is in the words of the language.
func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0: {"0s", "0 秒"}, 45 * time.Second: {"45s", "45 秒"}, 230 * time.Second: {"3m50s", "3 分钟 50 秒"}, 5 * time.Minute: {"5m", "5 分钟"},
		2*time.Hour + 5*time.Minute: {"2h5m", "2 小时 5 分钟"}, 76 * time.Hour: {"3d4h", "3 天 4 小时"}, 250 * time.Millisecond: {"250ms", "250ms"},
	} {
		for i, language := range []incident.Language{incident.English, incident.Chinese} {
			assert.Equal(t, want[i], (&investigation{language: language}).duration(d))
		}
	}
}

// TestJoined: what are sentences in English are clauses of one in Chinese.
func TestJoined(t *testing.T) {
	en, zh := &investigation{language: incident.English}, &investigation{language: incident.Chinese}
	assert.Equal(t, "A. B.", en.joined("A.", "", " B."))
	assert.Equal(t, "甲，乙。", zh.joined("甲。", "", "乙。"))
	assert.Equal(t, "甲。", zh.joined("甲。"))
	assert.Empty(t, zh.joined())
}
