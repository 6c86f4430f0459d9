package text

import "strings"

// encodings are what bodies begin with that are no UTF-8: marks of byte order, JSON whose letters have two bytes, and the magic numbers
// of compression (gzip: RFC 1952; zstd: RFC 8878; LZ4's and Snappy's frame formats; bzip2).
var encodings = []struct{ begins, name string }{
	{"\xff\xfe", "UTF-16"},
	{"\xfe\xff", "UTF-16"},
	{"{\x00", "UTF-16"},
	{"\x00{", "UTF-16"},
	{"\x1f\x8b", "gzip"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"\x04\x22\x4d\x18", "lz4"},
	{"\xff\x06\x00\x00sNaPpY", "snappy"},
	{"BZh", "bzip2"},
}

// Encoding names what a body is encoded in that should be JSON in UTF-8, by its first bytes: UTF-16, gzip, zstd, lz4, snappy, bzip2; "" for
// none of them.
func Encoding(body []byte) string {
	for _, e := range encodings {
		if strings.HasPrefix(string(body[:min(len(body), len(e.begins))]), e.begins) {
			return e.name
		}
	}
	return ""
}
