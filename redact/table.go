package redact

import "strings"

const (
	maxRows = 64   // rows of a table below its header
	maxRow  = 2048 // bytes of a row
)

// table is the rule for |: in a line of cells, a cell that names a secret announces the next one, or those below it.
func (c *scanner) table(i int) int {
	if i < c.tableEnd {
		return i
	}
	start := i - len(c.lineBefore(i, maxRow))
	if below := lineEnd(c.s, i) + 1; below < len(c.s) && c.s[below] == '|' { // what stands before the frame is no cell
		start = i
	}
	row := cells(c.s, start)
	c.tableEnd = max(i+1, lineEnd(c.s, i))
	if len(row) < 2 {
		return i
	}
	if next := c.tableEnd + 1; next < len(c.s) && isRule(c.s[next:lineEnd(c.s, next)]) {
		c.columns(row, next)
		return i
	}
	for n, cell := range row[:len(row)-1] {
		if k := classify(c.s[cell.start:cell.end]); k.kind != "" && k.kind != Cookie {
			c.cell(row[n+1], k, strings.HasPrefix(strings.TrimLeft(c.s[start:], " "), "|"))
		}
	}
	return i
}

// columns redacts the cells below those of a header that name secrets.
func (c *scanner) columns(header []span, at int) {
	kinds := make([]key, len(header))
	some := false
	for n, cell := range header {
		kinds[n] = classify(c.s[cell.start:cell.end])
		some = some || kinds[n].kind != ""
	}
	if !some {
		return
	}
	for range maxRows {
		end := lineEnd(c.s, at)
		row := cells(c.s, at)
		if len(row) < 2 && !isRule(c.s[at:end]) {
			return
		}
		for n, cell := range row {
			if n < len(kinds) && kinds[n].kind != "" {
				c.cell(cell, kinds[n], true)
			}
		}
		c.tableEnd = end
		if at = end + 1; at >= len(c.s) {
			return
		}
	}
}

// cell redacts a cell that looks like a secret; framed is whether the line is certainly one of a table.
func (c *scanner) cell(cell span, k key, framed bool) {
	v := c.s[cell.start:cell.end]
	if n, _ := placeholderAt(v); n > 0 || cell.start < c.floor {
		return
	}
	if spoken(v, k, true) || framed && !k.weak && len(v) >= 3 && !plainName(v) && !plainWord(v) && !notSpoken.MatchString(v) && !harmless(v, surroundings{key: k, separator: '-'}, c) {
		c.found(cell.start, cell.end, k.kind)
	}
}

// cells returns where the cells of the line that starts at i stand, without the blanks and the markup around them.
func cells(s string, i int) []span {
	end := min(lineEnd(s, i), i+maxRow)
	var found []span
	at := i
	for at < end && (s[at] == ' ' || s[at] == '|') {
		at++
	}
	for at < end && len(found) < maxRows {
		stop := end
		if n := strings.IndexByte(s[at:end], '|'); n >= 0 {
			stop = at + n
		}
		from, to := at, stop
		for from < to && strings.IndexByte(" \t\r\"'`*_", s[from]) >= 0 {
			from++
		}
		for from < to && strings.IndexByte(" \t\r\"'`*_:", s[to-1]) >= 0 {
			to--
		}
		found = append(found, span{start: from, end: to})
		at = stop + 1
	}
	return found
}

func lineEnd(s string, i int) int {
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(s)
}

// isRule reports whether a line separates the header of a table from its rows.
func isRule(line string) bool {
	return len(line) >= 3 && strings.Trim(line, "-|+:= \r") == "" && strings.Contains(line, "-")
}
