package main

import "strings"

// sameLetters leaves of a name what its spelling in another style shares with it: baseUrl, base-url and BASE_URL are base_url.
func sameLetters(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// nearest returns the word of a list that a misspelt one may stand for; "" where none is near.
func nearest(word string, known []string) string {
	for _, k := range known {
		if word != k && sameLetters(word) == sameLetters(k) {
			return k
		}
	}
	best, distance := "", max(1, len(word)/4)+1
	for _, k := range known {
		if d := editDistance(word, k); d > 0 && d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return best
	}
	for _, k := range known { // start is start_time, and severity is severities
		if len(word) > 3 && strings.HasPrefix(k, word) || len(word) > 5 && strings.HasPrefix(k, word[:max(5, len(word)-2)]) {
			return k
		}
	}
	return ""
}

// editDistance counts the letters to insert, to leave out, to replace, or to swap with the next, until a is b.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
