package factcheck

import (
	"index/suffixarray"
	"sort"
	"strings"

	"github.com/alertscribe/alertscribe/text"
)

// phrases finds runs of words.
type phrases struct{ index *suffixarray.Index }

func newPhrases(texts []string) phrases {
	var b strings.Builder
	for _, s := range texts {
		if b.Len()+len(s) > maxStrange {
			continue
		}
		b.WriteString("\n " + strings.Join(wordsOf(s), " ") + " ")
	}
	return phrases{suffixarray.New([]byte(b.String()))}
}

func (p phrases) have(words []string) bool {
	return len(words) > 0 && len(p.index.Lookup([]byte(" "+strings.Join(words, " ")+" "), 1)) > 0
}

// wordsOf divides a text into words: what stands between spaces, without quotes and punctuation around it, in lower case,
// and each Chinese character.
func wordsOf(s string) []string {
	var out []string
	for field := range strings.FieldsSeq(strings.ToLower(uniform(text.Clean(s)))) {
		start := 0
		add := func(part string) {
			if part = strings.Trim(part, "\"'`()[]{}<>,;:.!?*。，、；：？！"); part != "" {
				out = append(out, part)
			}
		}
		for i, r := range field {
			if isUnspaced(r) {
				add(field[start:i])
				out = append(out, string(r))
				start = i + len(string(r))
			}
		}
		add(field[start:])
	}
	return out
}

// maxRun bounds the words of one run, so that each word is looked up a bounded number of times.
const maxRun = 200

// longest returns how many of the words, from the first on, stand in a row in one text.
func (p phrases) longest(words []string) int {
	// whose first words stand in it stands in it with fewer of them, too
	return sort.Search(min(len(words), maxRun), func(n int) bool { return !p.have(words[:n+1]) })
}

// worth reports whether a run of words is too long to be an accident.
func longEnoughRun(run []string) bool {
	signs := 0
	for _, w := range run {
		if r := []rune(w); len(r) == 1 && isUnspaced(r[0]) {
			signs++
		}
	}
	long := 0 // words that are more than articles and prepositions
	for _, w := range run {
		if len(w) >= longEnough {
			long++
		}
	}
	return len(run)-signs >= runWords && long >= 2 || signs >= runSigns || signs >= 2 && len(run)-signs+signs/2 >= runWords
}
