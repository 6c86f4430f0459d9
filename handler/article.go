package handler

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// article makes the body of a report's page of the HTML that the report renders to: evidence that folds, times that the browser can
// tell in its own zone, citations that say what they cite, and tables that a phone can show. It knows elements and IDs, no words, so
// that what the report says and in which order is the report's alone. Nothing is added that is not escaped: it is a tree
// until it is rendered.
type article struct {
	words    *words
	reports  string                       // where the addresses of reports begin: those in the body are relative, and the page has two
	evidence map[string]incident.Evidence // by ID
	revision int64
	unfolded bool   // the first chart is shown
	day      string // on which the incident began, where times are in UTC: those without a date are of it
}

const maxGist = 220 // characters of an item that are shown while it is folded

var (
	itemAnchor = regexp.MustCompile(`^e([1-9][0-9]{0,3})(?:-|$)`)
	dateBefore = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]$`)
	chartSrc   = regexp.MustCompile(`/(E[1-9][0-9]{0,3})\.svg$`)
	wholeTime  = regexp.MustCompile(`(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)(?: – (?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d(?::\d\d)?))? UTC|\b(\d\d:\d\d:\d\d)\b( UTC)?`)
)

func (a *article) render(body []byte) ([]byte, error) {
	root := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(bytes.NewReader(body), root)
	if err != nil {
		return nil, fmt.Errorf("reading a report's HTML: %w", err)
	}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	a.improve(root)
	nodes = nil
	for n := root.FirstChild; n != nil; n = root.FirstChild {
		root.RemoveChild(n)
		nodes = append(nodes, n)
	}
	var out bytes.Buffer
	for _, n := range a.sections(nodes) {
		if err := html.Render(&out, n); err != nil {
			return nil, fmt.Errorf("rendering a report's page: %w", err)
		}
	}
	return out.Bytes(), nil
}

// element makes an element; attributes are names and values in turn.
func element(name string, attributes ...string) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: name, DataAtom: atom.Lookup([]byte(name))}
	for i := 0; i < len(attributes); i += 2 {
		n.Attr = append(n.Attr, html.Attribute{Key: attributes[i], Val: attributes[i+1]})
	}
	return n
}

func textNode(s string) *html.Node { return &html.Node{Type: html.TextNode, Data: s} }

func attribute(n *html.Node, name string) string {
	for _, at := range n.Attr {
		if at.Key == name {
			return at.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, name, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == name {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

// textOf returns the text of a tree on one line.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return text.OneLine(b.String())
}

// wrap puts a node into another at its place.
func wrap(n, into *html.Node) {
	n.Parent.InsertBefore(into, n)
	n.Parent.RemoveChild(n)
	into.AppendChild(n)
}

// improve changes elements where they stand.
func (a *article) improve(n *html.Node) {
	if n.Type == html.TextNode {
		a.unbroken(n)
		return
	}
	switch n.Data {
	case "pre", "code":
		return
	case "a":
		if href := attribute(n, "href"); incident.ValidID(href) {
			setAttribute(n, "href", a.reports+href)
		}
		a.cite(n)
	case "img":
		a.chart(n)
	case "table":
		stack(n)
	case "li":
		if strings.HasPrefix(textOf(n), "⚠") {
			setAttribute(n, "class", "mark")
		}
	}
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		a.improve(c)
		if c.DataAtom == atom.Pre {
			wrap(c, a.copied())
		}
		c = next
	}
}

// copied is what a block of code is put into.
func (a *article) copied() *html.Node {
	box, button := element("div", "class", "code"), element("button", "type", "button", "data-copy", "")
	button.AppendChild(textNode(a.words.Copy))
	box.AppendChild(button)
	return box
}

// withUnit finds numbers that have a unit behind a blank, at which no line may end.
var withUnit = regexp.MustCompile(`[+-]?\d[\d.,]* (?:%|秒|分钟|小时|天|(?:[nµm]?s|B|[KMGTP]iB)(?:/s)?\b)`)

// unbroken keeps together what is read as one in a text: times, and numbers with their units.
func (a *article) unbroken(n *html.Node) {
	rest := n.Data
	for at := withUnit.FindStringIndex(rest); at != nil; at = withUnit.FindStringIndex(rest) {
		before, number := textNode(rest[:at[0]]), element("span", "class", "unit")
		number.AppendChild(textNode(rest[at[0]:at[1]]))
		n.Parent.InsertBefore(before, n)
		n.Parent.InsertBefore(number, n)
		a.times(before)
		rest = rest[at[1]:]
	}
	n.Data = rest
	a.times(n)
}

// times marks the times of a text that are in UTC. A time alone is of the day on which the incident began.
func (a *article) times(n *html.Node) {
	rest := n.Data
	for {
		at := wholeTime.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		group := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return rest[at[2*i]:at[2*i+1]]
		}
		from, day, to := group(1), group(2), group(3)
		n.Parent.InsertBefore(textNode(rest[:at[0]]), n)
		beside := func(i int) bool { return i >= 0 && i < len(rest) && rest[i] == ':' }
		switch alone := group(4); {
		case (from != "" || group(5) != "") && at[1] < len(rest) && strings.ContainsRune("+-", rune(rest[at[1]])): // in a zone, as the settings want it
			n.Parent.InsertBefore(textNode(rest[at[0]:at[1]]), n)
		case alone != "" && (a.day == "" || beside(at[0]-1) || beside(at[1]) || dateBefore.MatchString(rest[:at[0]])): // an address, or in another zone
			n.Parent.InsertBefore(textNode(alone+group(5)), n)
		case alone != "":
			n.Parent.InsertBefore(timeNode(a.day+" "+alone, alone+group(5)), n)
		case to == "":
			n.Parent.InsertBefore(timeNode(from, from+" UTC"), n)
		default:
			shown := strings.TrimSpace(day + " " + to)
			if day == "" {
				day, _, _ = strings.Cut(from, " ")
			}
			n.Parent.InsertBefore(timeNode(from, from), n)
			n.Parent.InsertBefore(textNode(" – "), n)
			n.Parent.InsertBefore(timeNode(day+" "+to, shown+" UTC"), n)
		}
		rest = rest[at[1]:]
	}
	n.Data = rest
}

func timeNode(at, shown string) *html.Node {
	n := element("time", "datetime", strings.Replace(at, " ", "T", 1)+"Z")
	n.AppendChild(textNode(shown))
	return n
}

// cite says on a citation what it cites.
func (a *article) cite(n *html.Node) {
	e, ok := a.evidence[textOf(n)]
	if !ok || !strings.HasPrefix(attribute(n, "href"), "#"+strings.ToLower(e.ID)) {
		return
	}
	setAttribute(n, "class", "cite")
	setAttribute(n, "title", text.Cut(text.OneLine(e.Title+": "+e.Summary), maxGist))
}

// chart makes a figure of an image: its address changes with the look that it shows, and it says what it shows.
func (a *article) chart(n *html.Node) {
	src := attribute(n, "src")
	m := chartSrc.FindStringSubmatch(src)
	if m == nil {
		return
	}
	src = a.reports + src
	e := a.evidence[m[1]]
	version := "?v=" + strconv.FormatInt(max(e.At.UnixMilli(), a.revision), 10)
	setAttribute(n, "src", src+version)
	setAttribute(n, "alt", text.Cut(text.OneLine(attribute(n, "alt")+": "+e.Summary), maxGist))
	setAttribute(n, "loading", "lazy")
	if n.Parent != nil && n.Parent.DataAtom == atom.P {
		n.Parent.Data, n.Parent.DataAtom = "figure", atom.Figure
		n.Parent.Attr = []html.Attribute{
			{Key: "data-plot", Val: strings.TrimSuffix(src, ".svg") + ".json" + version},
			{Key: "tabindex", Val: "0"},
			{Key: "role", Val: "group"},
			{Key: "aria-label", Val: fmt.Sprintf(a.words.ChartKeys, m[1])},
			{Key: "class", Val: "chart"},
		}
	}
}

// stack names the column on each cell, for a screen on which rows are stacked.
func stack(table *html.Node) {
	var names []string
	for n := range table.Descendants() {
		switch n.Data {
		case "th":
			names = append(names, textOf(n))
			setAttribute(n, "scope", "col")
		case "tr":
			i := 0
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				if c.DataAtom == atom.Td {
					if i < len(names) {
						setAttribute(c, "data-label", names[i])
					}
					if columnsOf(textOf(c)) <= shortCell(len(names)) {
						setAttribute(c, "class", "short")
					}
					i++
				}
			}
		}
	}
}

// shortCell is how many letters a cell of a table with so many columns may have to stay on one line: beside a long one, it would be
// broken after each letter else.
func shortCell(columns int) int {
	const room, most = 90, 20
	return min(room/max(columns, 1), most)
}

// sections makes a section of each second-level heading with what follows it, and folds the evidence in it.
func (a *article) sections(nodes []*html.Node) []*html.Node {
	var out []*html.Node
	var section, inside *html.Node
	for _, n := range nodes {
		switch {
		case n.DataAtom == atom.H2:
			section, inside = element("section"), nil
			a.anchor(n, attribute(n, "id"), textOf(n))
			section.AppendChild(n)
			out = append(out, section)
		case n.DataAtom == atom.H3 && section != nil && itemAnchor.MatchString(attribute(n, "id")):
			var item *html.Node
			item, inside = a.item(n)
			section.AppendChild(item)
		case inside != nil:
			inside.AppendChild(n)
		case n.DataAtom == atom.H3 && section != nil: // of other incidents: each may stand where there is room
			section = element("section")
			section.AppendChild(n)
			out = append(out, section)
		case section != nil:
			section.AppendChild(n)
		default:
			out = append(out, n)
		}
	}
	for _, n := range out {
		a.gists(n)
	}
	sides(out)
	return out
}

// childOf returns the first child of a kind; nil for none.
func childOf(n *html.Node, kind atom.Atom) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == kind {
			return c
		}
	}
	return nil
}

// item is what folds an item of evidence. The heading's ID goes to what is inside: a browser unfolds what a link leads into.
func (a *article) item(heading *html.Node) (item, inside *html.Node) {
	id := attribute(heading, "id")
	heading.Attr = nil
	number := itemAnchor.FindStringSubmatch(id)[1]
	item, inside = element("details", "class", "item", "data-key", "E"+number), element("div", "id", id)
	summary := element("summary")
	summary.AppendChild(heading)
	item.AppendChild(summary)
	item.AppendChild(inside)
	a.anchor(inside, id, "E"+number)
	if e := a.evidence["E"+number]; e.Chart != nil && !a.unfolded {
		a.unfolded = true
		setAttribute(item, "open", "")
	}
	return item, inside
}

// gists shows of each folded item what it comes to: its first paragraph, as text.
func (a *article) gists(section *html.Node) {
	for item := section.FirstChild; item != nil; item = item.NextSibling {
		if item.DataAtom != atom.Details {
			continue
		}
		for n := item.LastChild.FirstChild; n != nil; n = n.NextSibling {
			if n.DataAtom == atom.P {
				gist := element("span", "class", "gist")
				gist.AppendChild(textNode(text.Cut(textOf(n), maxGist)))
				item.FirstChild.AppendChild(gist)
				break
			}
		}
	}
}

// anchor adds a link to itself.
func (a *article) anchor(n *html.Node, id, name string) {
	if id == "" {
		return
	}
	link := element("a", "class", "anchor", "href", "#"+(&url.URL{Path: id}).EscapedPath(), "aria-label", fmt.Sprintf(a.words.LinkTo, name))
	link.AppendChild(textNode("#"))
	n.AppendChild(link)
}
