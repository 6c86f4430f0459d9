// Package loosejson reads JSON as language models write it: with raw line breaks in strings, trailing or missing commas, comments,
// single and typographic quotes, quotes that nobody escaped, bad escapes, Python's literals and full-width punctuation.
//
// It reads one value at the beginning of a text and says where that ends, so that a caller can look for values in prose. Text that is
// valid JSON is read as encoding/json reads it; only what is not is read with tolerance. It completes nothing: a value whose end is
// missing is ErrCut, and what can mean two things is an error.
//
//	v, end, err := loosejson.Read(`{'summary': 'It fails.', 'causes': [],} That is all.`)
//	v.Member("summary") // "It fails."
package loosejson
