package redact

import "slices"

// minKnown is the length in bytes from which a value that was found once is looked for elsewhere. Shorter ones stand in too many
// places by chance.
const minKnown = 8

// maxAlike bounds the values that are compared at one place, so that a text made of values that begin alike is read in linear time.
const maxAlike = 16

// known are values that were found, to be found again where nothing announces them.
type known struct {
	byStart map[[minKnown]byte][]knownValue
	pairs   [1 << 10]uint64 // which two bytes a value begins with: most places are told apart by these
}

type knownValue struct{ text, kind string }

// add remembers a value if it is long enough and no word or number that stands elsewhere in its own right.
func (k *known) add(value, kind string) {
	if len(value) < minKnown || isPlaceholder(value) || commonWord(value) {
		return
	}
	start := [minKnown]byte([]byte(value[:minKnown]))
	alike := k.byStart[start]
	if len(alike) == maxAlike || slices.ContainsFunc(alike, func(v knownValue) bool { return v.text == value }) {
		return
	}
	if k.byStart == nil {
		k.byStart = map[[minKnown]byte][]knownValue{}
	}
	alike = append(alike, knownValue{value, kind})
	slices.SortStableFunc(alike, func(a, b knownValue) int { return len(b.text) - len(a.text) }) // the longest first
	k.byStart[start] = alike
	pair := uint16(value[0])<<8 | uint16(value[1])
	k.pairs[pair>>6] |= 1 << (pair & 63)
}

// findAll returns where the values stand in any of the views of a text.
func (k *known) findAll(all []view) []span {
	if k.byStart == nil {
		return nil
	}
	var spans []span
	for _, v := range all {
		spans = append(spans, k.find(v)...)
	}
	return spans
}

// find returns where the values stand in a view.
func (k *known) find(v view) []span {
	var spans []span
	for i := 0; i+minKnown <= len(v.text); {
		pair := uint16(v.text[i])<<8 | uint16(v.text[i+1])
		if k.pairs[pair>>6]>>(pair&63)&1 == 0 {
			i++
			continue
		}
		next := i + 1
		for _, value := range k.byStart[[minKnown]byte([]byte(v.text[i:i+minKnown]))] {
			end := i + len(value.text)
			if end > len(v.text) || v.text[i:end] != value.text || len(value.text) < 2*minKnown && insideWord(v.text, i, end) {
				continue
			}
			spans = append(spans, span{v.origin(i), v.origin(end), value.kind})
			next = end
			break
		}
		i = next
	}
	return spans
}

// insideWord reports whether text from start to end is part of a longer word.
func insideWord(text string, start, end int) bool {
	return start > 0 && alnum[text[start-1]] && alnum[text[start]] || end < len(text) && alnum[text[end]] && alnum[text[end-1]]
}

// commonWord reports whether a value is a word, a number, a date or an address: replacing it elsewhere would take evidence away and
// hide nothing.
func commonWord(v string) bool {
	digit, lower, upper, other := false, 0, 0, false
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z':
			lower++
		case isUpper(c):
			upper++
		default:
			other = other || c != '.' && c != ':' && c != '-' && c != '_' && c != '/' && c != ' '
		}
	}
	if other {
		return false
	}
	if digit {
		return lower+upper == 0 && len(v) < 2*minKnown
	}
	return len(v) < 32 && !mixedCase(v)
}
