package redact

import (
	"regexp"
	"strings"
)

const (
	maxInsert = 2048 // bytes of an INSERT that are read
	maxTuples = 16   // and its rows
)

// insertHead matches an INSERT behind its first words, up to its rows: a table, and the columns in parentheses.
var insertHead = regexp.MustCompile("(?i)^[\\w.\"`\\[\\]]{1,80}\\s*\\(([^()]{1,400})\\)\\s*values?\\s*")

// inserted reads the rows of an INSERT, which name their columns before: INSERT INTO users (name, password) VALUES ('bob', 'V').
func (c *scanner) inserted(i, at int) int {
	text := c.s[at:min(len(c.s), at+maxInsert)]
	m := insertHead.FindStringSubmatchIndex(text[:min(len(text), 600)])
	if m == nil {
		return i
	}
	columns, some := columnKeys(text[m[2]:m[3]])
	if !some {
		return i
	}
	last, pos := i, m[1]
	for range maxTuples {
		if pos >= len(text) || text[pos] != '(' {
			break
		}
		for n := 0; pos < len(text) && text[pos] != ')'; n++ {
			pos++ // the parenthesis, or the comma
			pos += len(text[pos:]) - len(strings.TrimLeft(text[pos:], " \t\n"))
			start, end, next := sqlValue(text, pos)
			if v := text[start:end]; n < len(columns) && start > pos && columns[n].kind != "" &&
				!harmless(v, surroundings{key: columns[n], keyStart: i, separator: '=', quoted: true}, c) {
				last = c.found(at+start, at+end, columns[n].kind)
			}
			pos = next
		}
		pos++
		if pos < len(text) {
			pos += len(text[pos:]) - len(strings.TrimLeft(text[pos:], ", \t\n"))
		}
	}
	return last
}

// columnKeys says what the columns of a list name, and whether some are secrets.
func columnKeys(list string) (keys []key, some bool) {
	for column := range strings.SplitSeq(list, ",") {
		k := classify(strings.Trim(column, " \t\n\"`[]"))
		some = some || k.kind != ""
		keys = append(keys, k)
	}
	return keys, some
}

// sqlValue returns where the value at pos stands, and the comma or parenthesis behind it. A string in single quotes starts behind its
// quote; all else starts at pos.
func sqlValue(text string, pos int) (start, end, next int) {
	if pos >= len(text) {
		return pos, pos, pos
	}
	start = pos
	if text[pos] == 'N' || text[pos] == 'E' {
		start++
	}
	if start < len(text) && text[start] == '\'' {
		start++
		end = start
		for end < len(text) && text[end] != '\'' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		next = end
	} else {
		start, end, next = pos, pos, pos
	}
	if n := strings.IndexAny(text[next:], ",)"); n >= 0 {
		return start, end, next + n
	}
	return start, end, len(text)
}
