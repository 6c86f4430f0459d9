package redact

import (
	"regexp"
	"strings"
)

// phraseNames are the last words of what the words are called that a wallet is restored from.
var phraseNames = newWords(`mnemonic mnemonics mnemonic_phrase mnemonic_words mnemonic_seed seed_phrase seed_words wallet_seed wallet_words
	recovery_phrase recovery_words recovery_seed backup_phrase backup_words secret_phrase wallet_phrase seed
	seedphrase seedwords recoveryphrase backupphrase recovery_phrase_words`)

// minPhrase is the number of words from which some are a phrase that restores a wallet: such phrases have 12 to 25.
const minPhrase = 12

var (
	// phraseLink matches what stands between the name and the first word.
	phraseLink = regexp.MustCompile(`^(?:\\*["'\x60\])]|[ \t]*\([^()\n]{0,30}\)|[ \t]+(?:of|for) [\w.-]{1,40})*[ \t]*(?:(?:is|was|reads|follows|为|是)?[ \t]*(?:[:=>]{1,3}|->|→|：)?)?(?:\s|\\+n)*`)
	// phraseWord matches a word, with what may stand before it: a comma, a quote, a number.
	phraseWord = regexp.MustCompile(`^(?:[\s,;"'\[\]\x60._|-]|\\+[nrt"])*(?:\(?\d{1,2}[.):]?[ \t]+)?["'\x60]?(\p{L}{3,10}|\p{Han})`)
)

// phraseProse are words of sentences that no phrase has.
var phraseProse = newWords(`the and for was were are not has had have been from with must never until which whose does did they them our his her its
	who why how should could would cannot failed failing`)

// phrase redacts the words of a phrase whose name ends at i. Fewer words than a phrase has, or a word that only sentences have, are prose.
func (c *scanner) phrase(i int) int {
	limit := min(len(c.s), i+maxList)
	link := phraseLink.FindString(c.s[i:min(limit, i+120)])
	if strings.Contains(link, "\n") && !strings.ContainsAny(link, ":=>：") { // the words of a list, one a line
		return i
	}
	at := i + len(link)
	start, end := 0, 0
	for words := 0; words <= 25; words++ {
		m := phraseWord.FindStringSubmatchIndex(c.s[at:limit])
		if m == nil || words == 25 || phraseProse[strings.ToLower(c.s[at+m[2]:at+m[3]])] {
			if words < minPhrase || m != nil && words < 25 && !c.phraseEnds(at) {
				return i
			}
			return c.found(start, end, GenericSecret)
		}
		if start == 0 {
			start = at + m[2]
		}
		at += m[1]
		end = at
		if at < limit && isWord[c.s[at]] { // a longer word
			return i
		}
	}
	return i
}

// phraseEnds reports whether a phrase may end at i, where a sentence goes on.
func (c *scanner) phraseEnds(i int) bool {
	return c.s[i] == ' ' || strings.IndexByte(".,;:!?\"'`)]}\n\\", c.s[i]) >= 0
}

// phraseNamed reports whether the name from start to end, with the word before it, is that of a phrase.
func (c *scanner) phraseNamed(start, end int) bool {
	for limit := max(c.floor, end-80); start > limit && keyChars[c.s[start-1]]; {
		start--
	}
	name := normalize(c.s[start:end])
	last := lastWords(name, 1)
	return phraseNames[last] || phraseNames[lastWords(name, 2)] || phraseNames[strings.ToLower(c.wordBefore(start))+"_"+last]
}
