package redact

import (
	"regexp"
	"strings"
)

const maxManifest = 1 << 14 // bytes of a manifest before and behind its kind

var (
	kindSecret = regexp.MustCompile(`^kind\\*["']?[ \t]*:[ \t]*\\*["']?Secret\\*["']?(?:[\s,}\\]|$)`)
	dataField  = regexp.MustCompile(`(?:^|[\s{,"'\\])(?:stringData|data)\\*["']?[ \t]*:[ \t]*`)
	// dataLine matches a line of a mapping: its indentation, its key, and where the value begins.
	dataLine  = regexp.MustCompile(`^([ \t]*)(?:["']?[\w./-]+["']?):[ \t]*`)
	jsonValue = regexp.MustCompile(`\\*"?[\w./-]+\\*"?[ \t\n]*:[ \t\n]*`)
)

// manifest is the rule for the kind of a Kubernetes object: all values of a Secret are secrets, whatever their keys are.
func (c *scanner) manifest(i int) int {
	if i < c.manifestEnd || !kindSecret.MatchString(c.s[i:min(len(c.s), i+64)]) {
		return i
	}
	start, end := max(c.manifestEnd, i-maxManifest), min(len(c.s), i+maxManifest)
	if n := strings.LastIndex(c.s[start:i], "\n---"); n >= 0 {
		start += n
	}
	if n := strings.Index(c.s[i:end], "\n---"); n >= 0 {
		end = i + n
	}
	c.manifestEnd = end
	for at := start; at < end; {
		m := dataField.FindStringIndex(c.s[at:end])
		if m == nil {
			break
		}
		field := at + m[0]
		at += m[1]
		if at < end && c.s[at] == '{' {
			c.jsonData(at, end)
			continue
		}
		if at < end && c.s[at] == '\n' {
			c.yamlData(field+1, at+1, end)
		}
	}
	return i
}

// jsonData redacts the strings of the object at i.
func (c *scanner) jsonData(i, end int) {
	if n := strings.IndexByte(c.s[i:end], '}'); n >= 0 {
		end = i + n
	}
	for at := i; at < end; {
		m := jsonValue.FindStringIndex(c.s[at:end])
		if m == nil {
			return
		}
		value := at + m[1]
		from, to, next := c.extent(value)
		c.secretData(from, min(to, end))
		at = max(next, value+1) // of JSON, or of YAML in its flow form
	}
}

// yamlData redacts the values of the lines from i on that are indented deeper than the field.
func (c *scanner) yamlData(field, i, end int) {
	indent := len(c.lineBefore(field, 64))
	for at := i; at < end; {
		eol := min(lineEnd(c.s, at), end)
		line := c.s[at:eol]
		m := dataLine.FindStringSubmatchIndex(line)
		if strings.TrimSpace(line) != "" && len(line)-len(strings.TrimLeft(line, " \t")) <= indent || m == nil && strings.TrimSpace(line) != "" {
			return
		}
		if m != nil && m[1] < len(line) {
			value := at + m[1]
			if line[m[1]] == '|' || line[m[1]] == '>' {
				if from, to := c.block(value, surroundings{keyStart: at + m[3]}); from < to {
					c.secretData(from, to)
					eol = to
				}
			} else if from, to, _ := c.extent(value); from < to {
				c.secretData(from, min(to, eol))
			}
		}
		at = eol + 1
	}
}

func (c *scanner) secretData(from, to int) {
	v := c.s[from:max(from, to)]
	if len(v) < 3 || len(v) < maxHarmless && (reference.MatchString(v) || mask.MatchString(v)) || encrypted.MatchString(v) {
		return
	}
	c.found(from, to, GenericSecret)
}
