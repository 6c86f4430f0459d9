package factcheck

import (
	"hash/maphash"
	"strings"
	"unicode"
	"unicode/utf8"
)

// feature is a word of a claim, by its stem, or two neighboring characters of a script without spaces. Plain words and those of our own
// evidence are no features: what remains is what a text says beyond them.
type feature struct {
	hash       uint64
	weight     int
	start, end int // in the folded text
}

const (
	wordWeight = 2
	signWeight = 1

	runWeight    = 5 // of features in a row that count as copied: three words, six signs
	sharedWeight = 7 // of features in any order
	sharedShare  = .6
	closeWeight  = 6 // of features of a sentence that says little else
	closeShare   = .75
	wholeWeight  = 4 // of a sentence that has all of its features from one of a stranger's
	wholeShare   = .85
	partWeight   = 6 // of a stranger's sentence that stands whole within a longer one
	leastWord    = 4 // letters
	clauseBytes  = 12
)

var hashSeed = maphash.MakeSeed()

func hashOf(s string) uint64 { return maphash.String(hashSeed, s) }

// joined returns a hash of a sequence.
func joined(hashes ...uint64) uint64 {
	sum := uint64(len(hashes))
	for _, h := range hashes {
		sum = (sum ^ h) * 0x9e3779b97f4a7c15
		sum ^= sum >> 29
	}
	return sum
}

// featuresOf returns the features of a folded text, without those that own knows; all of them where own is nil.
func featuresOf(f string, own *vocabulary) []feature {
	var out []feature
	add := func(h uint64, weight, start, end int) {
		if own == nil || !own.features[h] && !plainWords[h] {
			out = append(out, feature{h, weight, start, end})
		}
	}
	scanWords(f, func(word string, start int) {
		if utf8.RuneCountInString(word) >= leastWord && strings.Trim(word, "0123456789") != "" {
			add(hashOf(stem(word)), wordWeight, start, start+len(word))
		}
	}, func(signs string, start int) {
		plain := plainWithin(signs)
		before, last := -1, rune(0) // where the sign before begins, and which it is
		for i, r := range signs {
			if strings.ContainsRune(particles, r) {
				continue
			}
			if before >= 0 && (own == nil || !plain[before] || !plain[i]) {
				add(hashOf(string([]rune{last, r})), signWeight, start+before, start+i+utf8.RuneLen(r))
			}
			before, last = i, r
		}
	})
	return out
}

// particles are signs that a model adds and leaves out as it likes: they part no others.
const particles = "的了着在是和与及为已经被将把而就也都还请正并將請為與並經於之이가은는을를의에로도"

// scanWords calls word for each run of letters and digits, and signs for each run of characters of scripts without spaces, whatever
// punctuation stands between the latter.
func scanWords(f string, word, signs func(run string, start int)) {
	start, kind := 0, 0 // kind of the run: 1 word, 2 signs
	flush := func(end int) {
		switch kind {
		case 1:
			word(f[start:end], start)
		case 2:
			signs(f[start:end], start)
		}
		kind = 0
	}
	for i, r := range f {
		now := 0
		switch {
		case r < utf8.RuneSelf:
			if isAlphanumeric(byte(r)) {
				now = 1
			}
		case isUnspaced(r):
			now = 2
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r):
			now = 1
		}
		if now != kind {
			flush(i)
			start, kind = i, now
		}
	}
	flush(len(f))
}

// plainWithin returns at which bytes of a run of signs a plain one begins.
func plainWithin(signs string) map[int]bool {
	plain := map[int]bool{}
	for i := 0; i < len(signs); {
		n := longestPlain(signs[i:])
		if n == 0 {
			_, size := utf8.DecodeRuneInString(signs[i:])
			i += size
			continue
		}
		for j := range signs[i : i+n] {
			plain[i+j] = true
		}
		i += n
	}
	return plain
}

var plainSignSet = func() map[string]bool {
	set := map[string]bool{}
	for _, word := range plainSigns {
		set[word] = true
	}
	return set
}()

const maxPlainSigns = 4 * 3 // bytes

// longestPlain returns the length of the longest plain word that a run of signs begins with; 0 for none.
func longestPlain(signs string) int {
	longest := 0
	for i := range signs[:min(len(signs), maxPlainSigns+1)] {
		if i > 0 && plainSignSet[signs[:i]] {
			longest = i
		}
	}
	if len(signs) <= maxPlainSigns && plainSignSet[signs] {
		longest = len(signs)
	}
	return longest
}

// echoes finds what sentences have in common with those of strangers.
type echoes struct {
	own      *vocabulary
	runs     map[uint64]bool     // sequences of two and of three features
	segments map[uint64][]uint32 // the sentences that have a feature
	weights  []int               // of each sentence
	letters  shingles
}

func newEchoes(own *vocabulary, said []string) *echoes {
	e := &echoes{own: own, runs: map[uint64]bool{}, segments: map[uint64][]uint32{}}
	size := 0
	for _, s := range said {
		size += len(s)
	}
	e.letters = newShingles(size)
	for _, s := range said {
		if strings.Contains(s, "_") {
			s = identifierForm.ReplaceAllStringFunc(s, func(name string) string {
				if strings.Count(name, "_") < maxNameParts {
					return " " // the name of a metric or of a label
				}
				return name
			})
		}
		features := featuresOf(s, own)
		e.addRuns(features)
		e.letters.add(s)
		at := 0 // where the sentence ends
		for sentence := range sentencesOf(s) {
			at += strings.Index(s[at:], sentence) + len(sentence)
			n := 0
			for n < len(features) && features[n].start < at {
				n++
			}
			e.addSegment(features[:n])
			features = features[n:]
		}
	}
	return e
}

func (e *echoes) addRuns(features []feature) {
	for i := range features {
		if i > 0 {
			e.runs[joined(features[i-1].hash, features[i].hash)] = true
		}
		if i > 1 {
			e.runs[joined(features[i-2].hash, features[i-1].hash, features[i].hash)] = true
		}
	}
}

const maxSegmentsOfFeature = 64 // sentences that a feature is looked up in

func (e *echoes) addSegment(features []feature) {
	n, weight := uint32(len(e.weights)), 0
	seen := map[uint64]bool{}
	for _, f := range features {
		if seen[f.hash] {
			continue
		}
		seen[f.hash] = true
		weight += f.weight
		if list := e.segments[f.hash]; len(list) < maxSegmentsOfFeature {
			e.segments[f.hash] = append(list, n)
		}
	}
	e.weights = append(e.weights, weight)
}

// sentencesOf yields the sentences of a folded text, and each line by itself.
func sentencesOf(f string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i, r := range f {
			ends := r == '\n' || r == '。' || r == '！' || r == '？' || r == '।' || r == '؟' || r == ';' ||
				(r == '.' || r == '!' || r == '?') && (i+1 == len(f) || f[i+1] == ' ' || f[i+1] == '\n' || f[i+1] == '"')
			if !ends || i-start < clauseBytes {
				continue
			}
			if !yield(f[start:i]) {
				return
			}
			start = i + utf8.RuneLen(r)
		}
		if start < len(f) {
			yield(f[start:])
		}
	}
}

// repeated returns the part of a folded text that repeats a stranger: features in a row, or sentences that share most of what
// they say, or letters in a row whatever stands between them; "" for none.
func (e *echoes) repeated(f string) string {
	f = e.own.withoutNames(f)
	best := e.repeatedRun(f)
	if best == "" {
		for sentence := range sentencesOf(f) {
			if part := e.sharedSentence(sentence); len(part) > len(best) {
				best = part
			}
		}
	}
	if best == "" {
		best = e.letters.copied(f, e.own.isPlainWord)
	}
	return strings.Join(strings.Fields(best), " ")
}

func (e *echoes) repeatedRun(f string) string {
	features := featuresOf(f, e.own)
	best, bestWeight := "", 0
	for i := 0; i < len(features); {
		end, weight := i+1, features[i].weight
		for end < len(features) {
			step := joined(features[end-1].hash, features[end].hash)
			if end-i > 1 {
				step = joined(features[end-2].hash, features[end-1].hash, features[end].hash)
			}
			if !e.runs[step] {
				break
			}
			weight += features[end].weight
			end++
		}
		if weight >= runWeight && weight > bestWeight {
			best, bestWeight = f[features[i].start:features[end-1].end], weight
		}
		i = max(end-1, i+1) // the last of one run may begin the next
	}
	return best
}

// sharedSentence returns a sentence that shares most of its features with one of a stranger's, in whatever order; "" for another.
func (e *echoes) sharedSentence(sentence string) string {
	features := featuresOf(sentence, e.own)
	total := 0
	shared := map[uint32]int{} // weight by segment
	seen := map[uint64]bool{}
	for _, f := range features {
		if seen[f.hash] {
			continue
		}
		seen[f.hash] = true
		total += f.weight
		for _, segment := range e.segments[f.hash] {
			shared[segment] += f.weight
		}
	}
	for segment, weight := range shared {
		share := float64(weight) / float64(total)
		switch {
		case weight >= sharedWeight && share >= sharedShare,
			weight >= closeWeight && share >= closeShare,
			weight >= wholeWeight && share >= wholeShare && weight == e.weights[segment],
			weight >= partWeight && weight == e.weights[segment]:
			return strings.TrimSpace(sentence)
		}
	}
	return ""
}
