package factcheck

import (
	"unicode"
	"unicode/utf8"
)

const (
	shingle       = 10 // letters and digits in a row that are looked up together
	longShingle   = 16 // letters and digits in a row that count as copied
	strangeLetter = 8  // of them that belong to no plain word
)

// shingles is a set of letters and digits in a row, whatever stands between them. It may hold what it was not given, by an accident
// whose chance is one in some thousands for each; as many as count as copied are none.
type shingles struct {
	bits []uint64
	mask uint64
}

// newShingles returns a set for as many bytes of text.
func newShingles(size int) shingles {
	n := uint64(1 << 10)
	for n < uint64(size)*32 {
		n *= 2
	}
	return shingles{make([]uint64, n/64), n - 1}
}

const shingleBase = 0x100000001b3

var shinglePower = func() uint64 {
	power := uint64(1)
	for range shingle {
		power *= shingleBase
	}
	return power
}()

// roll calls each with the hash of every shingle, and where its last letter stands.
func roll(f string, each func(h uint64, n, at int)) {
	var window [shingle]uint64
	sum, n := uint64(0), 0
	for i, r := range f {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		c := uint64(r) + 1
		sum = sum*shingleBase + c - window[n%shingle]*shinglePower
		window[n%shingle] = c
		n++
		h := sum * 0x9e3779b97f4a7c15
		each(h^h>>31, n, i)
	}
}

func (x shingles) add(f string) {
	roll(f, func(h uint64, n, _ int) {
		if n >= shingle {
			x.bits[h&x.mask/64] |= 1 << (h & 63)
		}
	})
}

// copied returns the longest part of a folded text whose letters and digits stand in a row in a stranger's text, enough of them in
// no plain word; "" for none.
func (x shingles) copied(f string, plain func(word string) bool) string {
	strange := strangeLetters(f, plain)
	var positions []int // of the letters
	best, run := "", 0
	roll(f, func(h uint64, n, at int) {
		positions = append(positions, at)
		if n < shingle || x.bits[h&x.mask/64]&(1<<(h&63)) == 0 {
			run = 0
			return
		}
		run++
		first := n - shingle - run + 1
		if length := run + shingle - 1; length < longShingle || strange[at]-strange[positions[first]] < strangeLetter {
			return
		}
		if part := f[positions[first] : at+1]; len(part) > len(best) {
			_, size := utf8.DecodeRuneInString(f[at:])
			best = f[positions[first] : at+size]
		}
	})
	return best
}

// strangeLetters returns, for each byte of a text, how many letters up to it belong to no plain word. Letters that stand alone
// do: words are taken apart like that.
func strangeLetters(f string, isPlain func(word string) bool) []int {
	counts := make([]int, len(f)+1)
	scanWords(f, func(word string, start int) {
		if len(word) > 1 && isPlain(word) {
			return
		}
		for i := range word {
			counts[start+i]++
		}
	}, func(signs string, start int) {
		known := plainWithin(signs)
		for i := range signs {
			if !known[i] {
				counts[start+i] += 2
			}
		}
	})
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
	return counts
}
