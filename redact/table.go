package redact

import (
	"regexp"
	"strings"
)

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

const maxHeader = 512 // bytes of a line that names columns

// header reads the rows below a line of columns, which commas, tabs or blanks separate, and one of which is called a secret. The name
// stands from start to end. It returns where the last secret ends, or end.
func (c *scanner) header(start, end int, k key) int {
	if start < c.tableEnd || end < len(c.s) && strings.IndexByte(",;\t\r\n\"'", c.s[end]) < 0 && !strings.HasPrefix(c.s[end:], "  ") {
		return end
	}
	from := start - len(c.lineBefore(start, maxHeader))
	below := lineEnd(c.s, end) + 1
	if below-from > maxHeader || below >= len(c.s) {
		return end
	}
	separator := separatorOf(c.s[from : below-1])
	header := columnsOf(c.s, from, separator)
	column := -1
	for n, cell := range header {
		if cell.start == start && cell.end == end {
			column = n
		}
		if name := c.s[cell.start:cell.end]; !columnName.MatchString(name) || separator == ' ' && !isUpper(name[0]) {
			return end
		}
	}
	if len(header) < 2 || column < 0 {
		return end
	}
	last := end
	for at := below; at < len(c.s); at = lineEnd(c.s, at) + 1 {
		row := columnsOf(c.s, at, separator)
		if len(row) != len(header) || at-below > maxList {
			break
		}
		if it := (item{span: row[column]}); c.secretItem(it, k, k.kind == Password && !k.weak) {
			last = c.found(it.start, it.end, k.kind)
		}
	}
	c.tableEnd = max(c.tableEnd, below)
	return last
}

var columnName = regexp.MustCompile(`^[A-Za-z][\w.-]{0,30}$`)

// separatorOf returns what separates the columns of a line: a byte, a blank for two or more of them, 0 when nothing does.
func separatorOf(line string) byte {
	for _, b := range []byte("\t;,") {
		if strings.IndexByte(line, b) >= 0 {
			return b
		}
	}
	if strings.Contains(line, "  ") {
		return ' '
	}
	return 0
}

// columnsOf returns where the cells of the line that starts at i stand, without quotes.
func columnsOf(s string, i int, separator byte) (found []span) {
	end := min(lineEnd(s, i), i+maxHeader)
	for at := i; at < end && len(found) < maxRows && separator != 0; {
		for separator == ' ' && at < end && s[at] == ' ' {
			at++
		}
		stop := end
		if n := strings.IndexByte(s[at:end], separator); n >= 0 {
			stop = at + n
		}
		from, to := at, stop
		for from < to && strings.IndexByte(" \r\"'", s[from]) >= 0 {
			from++
		}
		for from < to && strings.IndexByte(" \r\"'", s[to-1]) >= 0 {
			to--
		}
		if from < to || separator != ' ' {
			found = append(found, span{start: from, end: to})
		}
		at = stop + 1
	}
	return found
}
