package alertscribe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// phrase is a string of our code that users can see.
type phrase struct{ where, text string }

// phrases returns the strings of all code but tests, for which keep reports true. Names of struct fields, imports and regular
// expressions are none.
func phrases(t *testing.T, keep func(file, text string) bool) []phrase {
	t.Helper()
	var out []phrase
	set := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "MustCompile" {
					return false
				}
			case *ast.BasicLit:
				if n.Kind != token.STRING {
					return true
				}
				if text, err := strconv.Unquote(n.Value); err == nil && keep(filepath.ToSlash(path), text) {
					out = append(out, phrase{set.Position(n.Pos()).String(), text})
				}
			}
			return true
		})
		return nil
	}))
	return out
}

// readsChinese are the files that know Chinese words because others write them: models, people, secrets' names.
var readsChinese = regexp.MustCompile(`^(?:analyzer|redact|payload)/|^notify/notifytest/|^store/storetest/|^cmd/alertscribe/detect\.go$`)

// chineseNames are the words that Chinese text has as they are: names of programs, formats, settings, labels, and what PromQL has.
var chineseNames = strings.Fields(`alertscribe Alertmanager Prometheus PromQL Grafana AI API ID URL HTTP UTC USD Markdown token relabel
	webhook receiver route alertmanager.yml job instance namespace offset for generatorURL http_config max_alerts
	analysis.skip analysis.verify analysis.runbooks.allow analysis.runbooks.networks budget
	up prometheus match
	ALERTSCRIBE_WEBHOOK_TOKEN PROMETHEUS_URL DEEPSEEK_API_KEY LLM_BASE_URL`)

// chineseVerbs stand where a word of Chinese is put in, without a blank beside it.
var chineseVerbs = regexp.MustCompile(`^¤(?:最高|最低|没有|同期|查询失败)|前后 ¤内¤|窗口内未发现¤。|个¤）|，每 ¤取|可能是¤规律|已被静默¤|此前已¤|此前¤|在 ¤同时|）¤。|，¤。`)

// calques are words that say something else in Chinese than what they were translated from, and second words for one thing.
var calques = map[string]string{
	"未能查": "查询失败", "破坏性": "可能影响业务", "无人核": "来源不可信", "自称": "表示", "切勿": "请勿", "未证实": "未核实", "未经证实": "未核实",
	"未经验证": "未交叉验证", "未经审阅": "未经人工确认", "草稿": "初步结论", "初稿": "初步结论", "运行手册": "处理手册", "操作手册": "处理手册",
	"个序列": "条序列", "时间序列": "序列", "占变化的比例": "变化占比", "时间范围": "窗口", "此告警": "本告警", "该告警": "本告警", "此事件": "本事件",
	"正在触发": "触发中", "故障单": "事件", "次事件": "起事件", "个事件": "起事件", "次历史": "起历史", "报警": "告警", "警报": "告警",
	"失去消息": "通知中断", "长时间无更新": "通知中断", "离开分组": "移出分组", "有人反馈": "人工反馈", "常见偏差": "常规波动", "偏离倍数": "偏离（倍）",
	"一旦": "", "得到": "", "我们": "", "它": "", "名次": "#", "不太可能": "可能性小", "条件成立": "满足条件", "同类对象": "同类序列",
	"为时尚早": "变化刚开始", "可逆": "可回滚", "最有说服力": "关键证据", "告警信号": "告警指标", "未知之处": "待补充信息", "再次尝试": "重试",
	"核查": "核对", "抓取": "采集",
}

var (
	verbs           = regexp.MustCompile(`%(?:\[\d+\])?([a-z])`)
	codeSpan        = regexp.MustCompile("`[^`]*`")
	halfWidth       = regexp.MustCompile(`\p{Han}[,;:?!()"]|[,;:?!("]\p{Han}|\)\p{Han}`)
	blankBesideFull = regexp.MustCompile(`[ \t][，。；：、（）“”！？【】]|[，。；：、（）“”！？【】][ \t]`)
	noBlank         = regexp.MustCompile("\\p{Han}[A-Za-z0-9`¤]|[A-Za-z0-9`¤]\\p{Han}")
	percentBlank    = regexp.MustCompile(`(?:\d|¤) %`)
	english         = regexp.MustCompile(`[A-Za-z][A-Za-z_.]*[A-Za-z]`)
	fromRise        = regexp.MustCompile(`从[^，。；]*[升降]至`)
	pronoun         = regexp.MustCompile(`其[^他中余次]`)
	unitOnly        = regexp.MustCompile(`^ \p{Han}{1,2}$`)
)

// chineseFaults returns what is wrong with a message.
func chineseFaults(message string) []string {
	var out []string
	text := verbs.ReplaceAllStringFunc(message, func(v string) string {
		if strings.HasSuffix(v, "d") {
			return "0"
		}
		return "¤"
	})
	text = strings.ReplaceAll(strings.ReplaceAll(text, "%%", "%"), "**", "")
	if m := halfWidth.FindString(text); m != "" {
		out = append(out, "half-width punctuation beside Chinese: "+m)
	}
	if m := blankBesideFull.FindString(text); m != "" {
		out = append(out, "a blank beside full-width punctuation: "+m)
	}
	if m := noBlank.FindString(chineseVerbs.ReplaceAllString(text, "")); m != "" {
		out = append(out, "no blank between Chinese and Latin: "+m)
	}
	if percentBlank.MatchString(text) {
		out = append(out, "a blank before the percent sign")
	}
	if text != strings.TrimSpace(text) && !unitOnly.MatchString(text) {
		out = append(out, "a blank at its end")
	}
	for _, word := range english.FindAllString(codeSpan.ReplaceAllString(text, " "), -1) {
		if !slices.Contains(chineseNames, word) {
			out = append(out, "an English word: "+word)
		}
	}
	for wrong, right := range calques {
		if strings.Contains(text, wrong) {
			out = append(out, wrong+", say: "+right)
		}
	}
	if m := fromRise.FindString(text); m != "" {
		out = append(out, m+", say: 由…升至")
	}
	if m := pronoun.FindString(text + "。"); m != "" {
		out = append(out, "a pronoun: "+m)
	}
	return out
}

// TestChineseMessages: all Chinese that users see follows one typography and one glossary.
func TestChineseMessages(t *testing.T) {
	all := phrases(t, func(file, text string) bool {
		return strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0 && !readsChinese.MatchString(file)
	})
	require.Greater(t, len(all), 500, "as many as there are")
	packages := map[string]bool{}
	for _, p := range all {
		packages[filepath.ToSlash(filepath.Dir(p.where))] = true
		for _, fault := range chineseFaults(p.text) {
			t.Errorf("%s: %q: %s", p.where, p.text, fault)
		}
	}
	for _, name := range []string{"evidence", "handler", "report", "notify/channel"} {
		assert.True(t, packages[name], name)
	}
}

// TestChineseFaults: the test above finds what it is for.
func TestChineseFaults(t *testing.T) {
	for text, fault := range map[string]string{
		"查询失败,请重试": "half-width", "查询失败: %s": "half-width", "原因(见上)": "half-width", "查询失败。 请重试": "beside full-width", "（ %s）失败": "beside full-width",
		"共%d 条": "no blank", "共 3条": "no blank", "请看Prometheus 页": "no blank", "由 %s变为": "no blank", "占 %d %": "percent", " 查询失败": "at its end",
		"状态为 firing": "English word", "未能查到": "查询失败", "从 %s 升至 %s": "由…升至", "其值为 %s": "pronoun", "查看它": "它", "另有 3 个序列": "条序列",
	} {
		assert.Contains(t, strings.Join(chineseFaults(text), "\n"), fault, text)
	}
	for _, text := range []string{
		"其中 %[2]d 条，其他 %d 条", "%s最高 %s", "变化的 %[2]s 来自 %[1]s（占总量的 %[3]s）。", "**未核实**：引用的 %s 不在本报告的证据中。", " 分钟",
		"未设置 `DEEPSEEK_API_KEY` 时", "占 %d%%。",
	} {
		assert.Empty(t, chineseFaults(text), text)
	}
}

// stilted are turns of English that rules 1, 3, 7 and 9 of CONTRIBUTING.md's voice leave out.
var stilted = regexp.MustCompile(`(?i)\bof which\b|\bthat (?:is|are) none\b|\bis to be\b|\bwhat came of\b|\bleast unlike\b|\bgo(?:es)? by\b|` +
	`\b(?:is|are|was) away\b(?: from)?|\bstill burn|\bnot heard of\b|\bheld against\b|\bwhat could refute\b|` +
	`\b(?:analys(?:e|ed|er|ing)|behaviours?|labell(?:ed|ing)|neighbours?|catalogues?|colou?red?s|favours?|cancell(?:ed|ing)|licence|(?:normal|sanit)is(?:e[ds]?|ing))\b|` +
	`(?:is|are|has|have|was|were|it|they|be|still) (?:\w+ )?any ?more\b`)

// denied is a negation before "any more", where it is good English.
var denied = regexp.MustCompile(`(?i)\b(?:no|not|never|nobody|nothing|none|without)\b|n't\b`)

func stiltedIn(text string) string {
	for _, at := range stilted.FindAllStringIndex(text, -1) {
		found := text[at[0]:at[1]]
		if strings.HasSuffix(found, " from") {
			continue // at a distance
		}
		if strings.HasSuffix(strings.ToLower(found), "more") && denied.MatchString(text[max(0, at[0]-60):at[1]]) {
			continue
		}
		return found
	}
	return ""
}

// TestVoice: documents and all English that users see leave out the turns that our rules of voice name.
func TestVoice(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, file := range append(documents, "README.md", "SECURITY.md", "CHANGELOG.md", "ARCHITECTURE.md", "docs/example/report.md") {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for i, line := range strings.Split(string(b), "\n") {
			if found := stiltedIn(line); found != "" {
				t.Errorf("%s:%d: %q", file, i+1, found)
			}
		}
	}
	for _, p := range phrases(t, func(file, text string) bool {
		return strings.Contains(text, " ") && !strings.HasPrefix(file, "redact/")
	}) {
		if found := stiltedIn(p.text); found != "" {
			t.Errorf("%s: %q: %q", p.where, p.text, found)
		}
	}
}

// TestStilted: the test above finds what it is for, and no more.
func TestStilted(t *testing.T) {
	for _, text := range []string{
		"20 series, of which 3 rose", "an id that is none", "a draft that is to be verified", "Prometheus is away", "alerts that still burn",
		"the neighbours", "it is analysed", "the server is there any more",
	} {
		assert.NotEmpty(t, stiltedIn(text), text)
	}
	for _, text := range []string{"nothing fires any more", "is not there any more", "10 and more", "the analysis", "a neighbor", "away from UTC"} {
		assert.Empty(t, stiltedIn(text), text)
	}
}
