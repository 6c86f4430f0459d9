package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

var (
	markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	policy   = htmlPolicy()
)

// HTML returns the body of a page for a report as Markdown returned it, front matter left out. Whatever the input is, the
// output has no elements but those of plain text, tables and our own charts, and no links but http, https, those
// within the page, and those to the page of another incident.
func (w *Writer) HTML(report []byte) ([]byte, error) {
	_, body := splitFrontMatter(report)
	var out bytes.Buffer
	ids := parser.WithContext(parser.NewContext(parser.WithIDs(headingIDs{})))
	if err := markdown.Convert(body, &out, ids); err != nil {
		return nil, fmt.Errorf("rendering a report as HTML: %w", err)
	}
	return policy.SanitizeReader(&out).Bytes(), nil
}

func htmlPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("id").Matching(regexp.MustCompile(`^[\p{L}\p{Nd}_-]{1,300}$`)).OnElements("h2", "h3")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-(?:promql|sh)$`)).OnElements("code")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").Matching(regexp.MustCompile(`^(?:https?://|#|[a-z2-7]{26}$)`)).OnElements("a")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^[\w%~-][\w%.~-]*/E[1-9][0-9]{0,3}\.svg$`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.AllowURLSchemes("http", "https")
	p.RequireNoFollowOnFullyQualifiedLinks(true)
	p.RequireNoReferrerOnFullyQualifiedLinks(true)
	return p
}

// headingIDs gives each heading the id that other readers of Markdown give it.
type headingIDs map[string]int

// Generate implements parser.IDs.
func (ids headingIDs) Generate(heading []byte, _ ast.NodeKind) []byte {
	id := slug(string(heading))
	n := ids[id]
	ids[id]++
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return []byte(id)
}

// Put implements parser.IDs.
func (ids headingIDs) Put(id []byte) { ids[string(id)]++ }
