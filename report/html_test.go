package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	unsafe "github.com/yuin/goldmark/renderer/html"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"
)

// allowed lists the elements of a page with their attributes.
var allowed = map[string][]string{
	"h1": nil, "h2": {"id"}, "h3": {"id"}, "p": nil, "ul": nil, "ol": {"start"}, "li": nil, "strong": nil, "em": nil,
	"code": {"class"}, "pre": nil, "blockquote": nil, "hr": nil, "br": nil,
	"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": nil, "td": nil,
	"a": {"href", "rel"}, "img": {"src", "alt"},
}

var (
	ownImage = regexp.MustCompile(`^(CHARTS|` + testID + `)/E[0-9]+\.svg$`)
	ownLink  = regexp.MustCompile(`^(https?://[^/]|#)`)
	// The report of another incident: beside our page, or another file.
	ownReport = regexp.MustCompile(`^([a-c]` + predecessor[1:] + `|\.\./\d{4}-\d\d-\d\d/\d{6}_[\w%-]+_[abc]aaabbbb\.md)$`)
)

// assertHarmless checks every element, attribute, link and image of a page. Without its fixed words, a page has the
// same shape whatever the texts in it: that is what the count of links and images is for.
func assertHarmless(t *testing.T, page []byte) (links []string) {
	t.Helper()
	tokens := html.NewTokenizer(bytes.NewReader(page))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return links
		}
		require.NotEqual(t, html.CommentToken, kind)
		require.NotEqual(t, html.DoctypeToken, kind)
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		token := tokens.Token()
		attributes, ok := allowed[token.Data]
		require.True(t, ok, "element %s", token.Data)
		for _, a := range token.Attr {
			require.True(t, slices.Contains(attributes, a.Key), "attribute %s of %s", a.Key, token.Data)
			switch a.Key {
			case "src":
				require.Regexp(t, ownImage, a.Val)
			case "href":
				require.True(t, ownLink.MatchString(a.Val) || ownReport.MatchString(a.Val), a.Val)
				links = append(links, a.Val)
			}
		}
	}
}

// lenient is a reader that does everything with a text: it links bare addresses, passes HTML on, and cleans nothing.
var lenient = goldmark.New(
	goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList, extension.Typographer),
	goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithAttribute()),
	goldmark.WithRendererOptions(unsafe.WithUnsafe()),
)

// assertHarmlessAnywhere checks the Markdown itself: what a reader makes of it that, unlike ours, trusts it.
func assertHarmlessAnywhere(t *testing.T, md []byte) (links []string) {
	t.Helper()
	_, body := splitFrontMatter(md)
	var page bytes.Buffer
	require.NoError(t, lenient.Convert(body, &page))
	return assertHarmless(t, bytes.ReplaceAll(page.Bytes(), []byte("<h1 id="), []byte("<h2 id=")))
}

func TestHTML(t *testing.T) {
	for _, tt := range reports {
		t.Run(tt.name+"_"+string(tt.language), func(t *testing.T) {
			inc, f := tt.make()
			w := newWriter(t, tt.language)
			md := w.Markdown(inc, f, "CHARTS")
			page, err := w.HTML(md)
			require.NoError(t, err)
			assert.Equal(t, assertHarmless(t, page), assertHarmlessAnywhere(t, md), "the same links for every reader")
			assert.NotContains(t, string(page), "generated_at", "no front matter")
		})
	}
}

func TestHTMLOfCompleteReport(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := complete()
	page, err := w.HTML(w.Markdown(inc, f, "CHARTS"))
	require.NoError(t, err)
	golden(t, "complete_en.html", page)
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllSubmatch(page, -1) {
		assert.False(t, ids[string(m[1])], "id %s twice", m[1])
		ids[string(m[1])] = true
	}
	cited := 0
	for _, link := range assertHarmless(t, page) {
		if anchor, ok := strings.CutPrefix(link, "#"); ok {
			assert.True(t, ids[anchor], "%s leads somewhere", link)
			cited++
		}
	}
	assert.Equal(t, 6, cited)
	assert.Contains(t, string(page), `<img src="CHARTS/E2.svg" alt="E2 chart"`)
	assert.Equal(t, 3, strings.Count(string(page), "<table>"))
}

// Links to evidence work for any title, in any language.
func TestAnchors(t *testing.T) {
	w := newWriter(t, "zh")
	for _, title := range []string{"", "a|b `c` _d_", "登录失败率（按实例）", nasty, "E1", "x://y @z", "a & b &amp; c", "1. x", "É È"} {
		inc, f := complete()
		f.Evidence[1].Title = title
		page, err := w.HTML(w.Markdown(inc, f, "CHARTS"))
		require.NoError(t, err)
		doc, err := html.Parse(bytes.NewReader(page))
		require.NoError(t, err)
		ids, linked := map[string]bool{}, 0
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "id" {
					ids[a.Val] = true
				}
			}
		}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if anchor, ok := strings.CutPrefix(a.Val, "#"); ok && a.Key == "href" {
					anchor = unescape(t, anchor)
					assert.True(t, ids[anchor], "%q: %s", title, anchor)
					linked++
				}
			}
		}
		assert.Equal(t, 6, linked, title)
	}
}

func TestHTMLOfForeignMarkdown(t *testing.T) {
	w := newWriter(t, "en")
	page, err := w.HTML([]byte("<script>x</script>\n\n![x](http://evil.example/x.png) ![x](//evil.example/E1.svg) ![x](a/../../E1.svg)\n\n" +
		"[x](javascript:alert(1)) [y](//evil.example) <b onclick=x>b</b>\n\n| a |\n|:-:|\n| b |\n\n" +
		"[z](evil) [z](/evil) [z](../evil) [z](evil/" + predecessor + ") [z](" + predecessor + "/../evil) [z](" + predecessor + "evil) [z](?evil) [z](" + predecessor + "#evil)\n"))
	require.NoError(t, err)
	assert.Empty(t, assertHarmless(t, page))
	assert.NotContains(t, string(page), "evil")
}

// FuzzHTML puts a text into every field: the page has no element, attribute, link or image but ours, and the front
// matter still says whose report it is.
func FuzzHTML(f *testing.F) {
	f.Add(nasty)
	for word := range strings.FieldsSeq(nasty) {
		f.Add(word)
	}
	for _, seed := range []string{
		"", " ", "\\", "`", "``", "|", "\\|", "`|`", "`\\|`<b>", "[E2]", "[E2][E1]", "[E2](x)", "[E2]: x", "[l1]", "[l1][l2]", "![l1]", "![E2][l1]",
		"**", "_", "***a", "<", "<!--", "<a href=x>", "<?x", "<![CDATA[", "&#x6a;avascript:", "http://[", "https://x\\@y", "---", "...", "~~~", "\u2028# x",
		"\r# x", "x\n===", "x\n---", "| a |\n| - |", "- [ ] x", "[^1]", "[^1]: x", ":-:", "\u202e\u2066", "a\x00b", "\xc3", "%zz", "http://x/%zz", "{#id}", "# x {#y}",
		"http://a|b@c\\d`e", "\ufffe", "]", "](http://x)", "][l1]", "> ", "1)", "=", "+", "```", "a\n```\nb", "    x", "\tx", "$$x$$", ":smile:", "@a", "#1",
	} {
		f.Add(seed)
	}
	w := newWriter(f, "en")
	plain, plainFound := hostile("plain")()
	page, err := w.HTML(w.Markdown(plain, plainFound, "CHARTS"))
	require.NoError(f, err)
	headings := bytes.Count(page, []byte("<h"))
	local := newWriterAt(f, "en", "")
	f.Fuzz(func(t *testing.T, s string) {
		inc, found := hostile(s)()
		for _, base := range []string{"CHARTS", testID} { // links to other incidents by file, and by page
			md := local.Markdown(inc, found, base)
			page, err := local.HTML(md)
			require.NoError(t, err)
			for _, link := range append(assertHarmless(t, page), assertHarmlessAnywhere(t, md)...) {
				require.True(t, safeURL(link) != "" || strings.HasPrefix(link, "#") || ownReport.MatchString(link), link)
			}
		}
		md := w.Markdown(inc, found, "CHARTS")
		page, err := w.HTML(md)
		require.NoError(t, err)
		for _, link := range append(assertHarmless(t, page), assertHarmlessAnywhere(t, md)...) {
			ours := strings.HasPrefix(link, "#") || strings.HasPrefix(link, "http://alertscribe.example") ||
				strings.HasPrefix(link, "http://am.example") || strings.HasPrefix(link, "https://p.example") || strings.HasPrefix(link, "http://p.example")
			require.True(t, ours || safeURL(s) != "", link)
		}
		require.Equal(t, 1, bytes.Count(page, []byte("<img ")), "one chart")
		require.Equal(t, headings, bytes.Count(page, []byte("<h")), "headings and rules are ours")
		require.Equal(t, 3, bytes.Count(page, []byte("<table>")), "tables are ours")
		front, _ := splitFrontMatter(md)
		var fm frontMatter
		require.NoError(t, yaml.Unmarshal(front, &fm))
		require.Equal(t, testID, fm.ID)
		require.Equal(t, testID, reportID(md[:min(len(md), 8<<10)]))
		svg, ok := w.Chart(found, "E2.svg")
		require.True(t, ok)
		assertSVG(t, svg)
	})
}
