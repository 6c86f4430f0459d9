package handler

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sides says on which side of a wide screen a section stands that is read before the evidence, so that both end soon: causes below
// what the head says, and actions below the chart, unless the other way is much shorter.
func sides(nodes []*html.Node) {
	evidence := slices.IndexFunc(nodes, func(n *html.Node) bool {
		return n.DataAtom == atom.Section && childOf(n, atom.Details) != nil
	})
	left, right, head := 0, 0, 0
	var parts []*html.Node
	above := aboveChart(nodes)
	for _, n := range nodes[:max(evidence, 0)] {
		switch {
		case slices.Contains(above, n):
			setAttribute(n, "class", "across")
		case n.Type != html.ElementNode:
		case n.DataAtom == atom.Figure:
			right += chartHeight
		case n.DataAtom == atom.Section:
			parts = append(parts, n)
		case head < headNodes:
			head++
		default:
			left += heightOf(n)
		}
	}
	const most = 6 // causes, actions, and what is said of other incidents
	parts = parts[:min(len(parts), most)]
	best, shortest := 0, 0
	for onRight := range 1 << len(parts) { // a bit for each
		bottom, top := [2]int{left, right}, 0
		for i, n := range parts {
			side := onRight >> i & 1
			top = max(top, bottom[side]) // what floats begins no higher than what comes before it
			bottom[side] = top + heightOf(n)
		}
		ends := max(bottom[0], bottom[1])
		if len(parts) > 1 && onRight&0b11 != 0b10 {
			ends += unusual
		}
		if shortest == 0 || ends < shortest {
			best, shortest = onRight, ends
		}
	}
	for i, n := range parts {
		setAttribute(n, "class", [2]string{"part left", "part right"}[best>>i&1])
	}
}

// aboveChart returns what is said between the figures and the summary, which stands beside the chart: how the analysis stands, and
// what people said. A chart begins no higher than what comes before it, and there would be a hole over it.
func aboveChart(nodes []*html.Node) []*html.Node {
	var before []*html.Node
	for _, n := range nodes {
		switch {
		case n.DataAtom == atom.Figure:
			if len(before) <= headNodes {
				return nil
			}
			return before[headNodes : len(before)-1]
		case n.DataAtom == atom.Section:
			return nil
		case n.Type == html.ElementNode:
			before = append(before, n)
		}
	}
	return nil
}

const (
	headNodes   = 3  // the title, how things stand, and the figures are above both sides
	chartHeight = 28 // of a chart, in half lines of text
	sideColumns = 80 // letters in a line of one side, about
	unusual     = 10 // half lines that another order than the usual one has to save
)

// heightOf is about how high a tree is on one side, in half lines of text.
func heightOf(n *html.Node) int {
	switch n.Data {
	case "h2":
		return 4
	case "h3":
		return 3
	case "pre":
		return 2 + 2*linesOf(columnsOf(textOf(n)))
	case "p", "li", "tr": // what is within goes on with the line, but for commands
		columns, height := columnsOf(textOf(n)), 1
		for d := range n.Descendants() {
			if d.DataAtom == atom.Pre {
				columns -= columnsOf(textOf(d))
				height += heightOf(d)
			}
		}
		return height + 2*linesOf(columns)
	}
	height := 0
	for c := range n.ChildNodes() {
		height += heightOf(c)
	}
	return height
}

// linesOf returns how many lines of one side so many columns fill.
func linesOf(columns int) int { return (columns + sideColumns - 1) / sideColumns }

// columnsOf returns how wide a text is: a Chinese letter takes two columns, and blanks in a row one.
func columnsOf(text string) int {
	columns := 0
	for _, r := range strings.Join(strings.Fields(text), " ") {
		columns++
		if r >= 0x2e80 {
			columns++
		}
	}
	return columns
}
