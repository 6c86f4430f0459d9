package factcheck

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/alertscribe/alertscribe/text"
)

// folded returns a text as texts are compared: in lower case, without what does not show, and with full-width, accented and
// mathematical letters, those of other scripts that look like ours, and typographic signs as the ASCII that they stand for.
func folded(s string) string { return foldedClean(text.Clean(s)) }

func foldedClean(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = norm.NFC.String(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(unicode.ToLower(r)))
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case (r == '。' || r == '｡') && i > 0 && isAlphanumericFold(b.String()) && beginsAlphanumeric(s[i+utf8.RuneLen(r):]):
			b.WriteByte('.') // as in the name of a host
		default:
			b.WriteString(foldedRune(r))
		}
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isAlphanumericFold(before string) bool {
	return before != "" && isAlphanumeric(before[len(before)-1])
}

func beginsAlphanumeric(after string) bool { return after != "" && isAlphanumeric(after[0]) }

// foldedRune returns what one character outside of ASCII is compared as.
func foldedRune(r rune) string {
	if to, known := lookalikes[r]; known {
		return to
	}
	if isUnspaced(r) {
		return string(r)
	}
	var buf [utf8.UTFMax]byte
	whole := norm.NFKD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	var out []byte
	for _, part := range string(whole) {
		switch to, known := lookalikes[part]; {
		case part < utf8.RuneSelf:
			out = append(out, byte(unicode.ToLower(part)))
		case known:
			out = append(out, to...)
		case !unicode.In(part, unicode.Mn, unicode.Me):
			out = utf8.AppendRune(out, unicode.ToLower(part))
		}
	}
	switch {
	case len(out) > 0:
		return string(out)
	case unicode.In(r, unicode.Mn, unicode.Me): // an accent by itself
		return ""
	}
	return string(unicode.ToLower(r))
}

// lookalikes are letters of Cyrillic, Greek and other scripts, and signs, by what readers and shells take them for. Both sides of
// a comparison are folded, so that an honest Russian word stays equal to itself.
var lookalikes = func() map[rune]string {
	m := map[rune]string{}
	for i, small := range []rune("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡxʏᴢ") {
		m[small] = string(rune('a' + i))
	}
	for to, from := range map[string]string{
		"a": "аΑАαɑ", "b": "ВвΒЬ", "c": "СсϲϹ", "d": "ԁԀ", "e": "ЕеΕεє", "g": "ɡԌ", "h": "НнΗһҺ", "i": "ІіΙιıɩӀ", "j": "ЈјϳЈ", "k": "КкΚκ", "l": "ʟⅼ",
		"m": "МмΜ", "n": "ΝηПп", "o": "ОоΟοօ", "p": "РрΡρ", "q": "ԛԚ", "s": "Ѕѕ", "σ": "ς", "t": "ТтΤτ", "u": "υս", "v": "ѵνѴ", "w": "ԝԜω", "x": "ХхΧχ", "y": "УуΥγүҮ", "z": "Ζ",
		`"`: "“”„‟«»「」『』〝〞〟″ʺ˝❝❞", "'": "‘’‚‛‹›′ʹʻʼʽ´❛❜", "`": "ˋ", ":": "∶꞉˸։׃︓﹕", "=": "⹀﹦", "-": "‐‑‒–—―−﹘﹣", "/": "⁄∕⧸╱", ".": "․‧", "|": "∣❘⏐￨", "\\": "∖⧵",
		";": "；;", "~": "∼˜", "$": "﹩", "&": "﹠", ">": "›", "<": "‹",
	} {
		for _, r := range from {
			if _, known := m[r]; !known {
				m[r] = to
			}
		}
	}
	for r, to := range maps.Clone(m) { // a letter that looks like one of ours in one case alone
		for _, other := range []rune{unicode.ToLower(r), unicode.ToUpper(r)} {
			if _, known := m[other]; !known && other >= utf8.RuneSelf {
				m[other] = to
			}
		}
	}
	return m
}()

// isUnspaced reports whether a character is of a script that writes without spaces between words, or with words that change by what
// follows: each of them counts by itself.
func isUnspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー' || r == '々'
}

const (
	maxReadings  = 24      // of one text: as it stands, and decoded
	maxTurned    = 4 << 10 // bytes of a text that is also read backward and rotated
	leastDecoded = 5       // bytes
)

var (
	escapeForm = regexp.MustCompile(`(?i)(?:%[0-9a-f]{2})+|(?:\\x[0-9a-f]{2})+|(?:\\u[0-9a-f]{4})+|\\u\{[0-9a-f]{1,6}\}|(?:\\0?[0-3][0-7]{2})+|&#?[a-z0-9]{1,8};`)
	plusForm   = regexp.MustCompile(`[a-zA-Z]\+[-/a-zA-Z]`) // a blank in the query of a URL
)

// readings returns a text folded, and what it says once it is decoded: escapes, percent-encoding, entities, base64, base32 and
// hexadecimal digits.
func readings(s string) []string {
	s = text.Clean(s)
	out := []string{foldedClean(s)}
	add := func(decoded string) {
		if len(out) < maxReadings {
			out = append(out, folded(decoded))
		}
	}
	if tight := closedUp(s); tight != s {
		add(tight)
	}
	if spelled := withoutDigits(s); spelled != "" {
		add(spelled)
	}
	texts := []string{s}
	if plain := unescaped(s); plain != s {
		add(plain)
		texts = append(texts, plain)
	}
	for range 2 { // what was encoded twice
		var more []string
		for _, encoded := range texts {
			for _, blob := range blobsIn(encoded) {
				if decoded := decodedBlob(blob); decoded != "" && len(more) < maxReadings {
					add(decoded)
					more = append(more, decoded)
				}
			}
		}
		texts = more
	}
	return out
}

// closedUp returns a text whose letters stand apart, as in r m  - r f, with them together: more than one blank divides words.
func closedUp(s string) string {
	fields, single := 0, 0
	for field := range strings.FieldsSeq(s) {
		fields++
		if utf8.RuneCountInString(field) == 1 {
			single++
		}
	}
	if single < leastBlob/2 || 3*single < 2*fields {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		alone := s[i] == ' ' && i > 0 && i+1 < len(s) && s[i-1] != ' ' && s[i+1] != ' '
		if !alone {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

var (
	digitWord    = regexp.MustCompile(`[A-Za-z]+[013457@$][A-Za-z013457@$]*[A-Za-z]`)
	digitLetters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s")
)

const leastDigitWords = 3 // which one text has to have

// withoutDigits returns a text with letters in place of the digits that look like them, as in v3nd0r; "" where hardly any word has some.
func withoutDigits(s string) string {
	between := 0 // digits that stand between letters
	for i := 1; i+1 < len(s); i++ {
		if strings.IndexByte("013457@$", s[i]) >= 0 && isLetter(s[i-1]) && isLetter(s[i+1]) {
			between++
		}
	}
	if between < leastDigitWords || len(digitWord.FindAllStringIndex(s, leastDigitWords)) < leastDigitWords {
		return ""
	}
	return digitWord.ReplaceAllStringFunc(s, digitLetters.Replace)
}

// heard returns the readings of a text of the model's, and what it says turned around: so it is found whichever side was turned.
func heard(s string) []string { return append(readings(s), turned(s)...) }

const (
	maxBlobs  = 40 // of one text
	leastBlob = 8  // characters
)

// blobsIn returns the parts of a text that may be encoded: runs of the characters of base64 that are no plain words, over line
// breaks as well, and hexadecimal digits with separators between the bytes.
func blobsIn(s string) []string {
	var out []string
	start := -1
	for i := 0; i <= len(s) && len(out) < maxBlobs; i++ {
		if i < len(s) && isBlobByte(s[i]) || i > 0 && i+1 < len(s) && s[i] == '\n' && start >= 0 && i-start >= 4*leastBlob {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start >= leastBlob {
			out = append(out, encodedParts(strings.ReplaceAll(s[start:i], "\n", ""))...)
		}
		start = -1
	}
	return append(out, bytesIn(s)...)
}

// encodedParts returns what of a run looks encoded: a padding sign within it ends one part, and a slash may stand before another,
// as in the path of a URL.
func encodedParts(run string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(run, func(r rune) bool { return r == '=' }) {
		if len(part) >= leastBlob && looksEncoded(part) {
			out = append(out, part)
		}
		for segment := range strings.SplitSeq(part, "/") {
			if len(segment) >= leastBlob && len(segment) < len(part) && looksEncoded(segment) {
				out = append(out, segment)
			}
		}
	}
	return out
}

func isBlobByte(b byte) bool { return isAlphanumeric(b) || strings.IndexByte("+/=_-", b) >= 0 }

// looksEncoded reports whether a run of letters and digits is more than words: capitals among small letters, or bytes.
func looksEncoded(run string) bool {
	upper, lower, other := 0, 0, 0
	for i := range len(run) {
		switch b := run[i]; {
		case b >= 'A' && b <= 'Z':
			upper++
		case b >= 'a' && b <= 'z':
			lower++
		default:
			other++
		}
	}
	return upper > 1 && lower > 0 || upper > 0 && lower > 1 && other > 0 || upper >= 2*leastBlob && lower == 0 ||
		len(run)%2 == 0 && strings.Trim(run, "0123456789abcdefABCDEF") == ""
}

// bytesIn returns hexadecimal digits that stand in pairs: 72 6d 20.
func bytesIn(s string) []string {
	var out []string
	isPair := func(i int) bool { return i+1 < len(s) && isHexDigit(s[i]) && isHexDigit(s[i+1]) }
	for i := 0; i < len(s) && len(out) < maxBlobs; i++ {
		if !isPair(i) || i > 0 && isAlphanumeric(s[i-1]) {
			continue
		}
		end := i + 2
		for end < len(s) && strings.IndexByte(" :,", s[end]) >= 0 && isPair(end+1) && (end+3 == len(s) || !isAlphanumeric(s[end+3])) {
			end += 3
		}
		if end-i >= 3*leastBlob-1 {
			out = append(out, s[i:end])
		}
		i = end - 1
	}
	return out
}

func isHexDigit(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' }

// turned returns what a text says backward, and by the alphabet turned by half.
func turned(s string) []string {
	if s = text.Clean(s); len(s) > maxTurned {
		return nil
	}
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	rotated := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
	return []string{folded(string(runes)), folded(rotated)}
}

// unescaped returns a text with its escapes decoded.
func unescaped(s string) string {
	if !strings.ContainsAny(s, `%\&+`) {
		return s
	}
	percent := plusForm.MatchString(s)
	plain := escapeForm.ReplaceAllStringFunc(s, func(escape string) string {
		percent = percent || escape[0] == '%'
		return decodedEscape(escape)
	})
	if percent {
		plain = strings.ReplaceAll(plain, "+", " ")
	}
	return plain
}

func decodedEscape(escape string) string {
	var digits string
	switch lower := strings.ToLower(escape); {
	case escape[0] == '&':
		return html.UnescapeString(escape)
	case escape[0] == '%':
		digits = strings.ReplaceAll(escape, "%", "")
	case strings.HasPrefix(lower, `\x`):
		digits = strings.ReplaceAll(lower, `\x`, "")
	case strings.HasPrefix(lower, `\u`):
		var b strings.Builder
		for part := range strings.SplitSeq(strings.NewReplacer("{", "", "}", "").Replace(lower), `\u`) {
			if r, err := strconv.ParseUint(part, 16, 32); err == nil {
				b.WriteRune(rune(r))
			}
		}
		return b.String()
	default: // octal
		var b strings.Builder
		for part := range strings.SplitSeq(escape, `\`) {
			if c, err := strconv.ParseUint(part, 8, 8); err == nil {
				b.WriteByte(byte(c))
			}
		}
		return b.String()
	}
	decoded, err := hex.DecodeString(digits)
	if err != nil {
		return escape
	}
	return string(decoded)
}

// decodedBlob returns what base64, base32 or hexadecimal digits hold where that is text; "" else.
func decodedBlob(blob string) string {
	digits := strings.NewReplacer(" ", "", ":", "", ",", "").Replace(blob)
	if len(digits)%2 == 0 {
		if decoded, err := hex.DecodeString(digits); err == nil && isPlainText(decoded) {
			return string(decoded)
		}
	}
	bare := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(blob)
	if decoded, err := base64.RawStdEncoding.DecodeString(bare); err == nil && isPlainText(decoded) {
		return string(decoded)
	}
	if bare == strings.ToUpper(bare) && len(bare) >= 16 {
		if decoded, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(bare); err == nil && isPlainText(decoded) {
			return string(decoded)
		}
	}
	return ""
}

// isPlainText reports whether decoded bytes are text and no accident.
func isPlainText(b []byte) bool {
	if len(b) < leastDecoded || !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return false
		}
	}
	return true
}
