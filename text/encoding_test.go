package text

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEncoding(t *testing.T) {
	for body, want := range map[string]string{
		"": "", "{}": "", " [1]": "", "null": "", "\ufeff{}": "", "B": "", "\x00\x00\x00\x00\x01": "", // of a schema registry
		"\xff\xfe{\x00": "UTF-16", "\xfe\xff\x00{": "UTF-16", "{\x00\"\x00": "UTF-16", "\x00{\x00\"": "UTF-16",
		"\x1f\x8b\x08": "gzip", "\x28\xb5\x2f\xfd": "zstd", "\x04\x22\x4d\x18": "lz4", "\xff\x06\x00\x00sNaPpY": "snappy", "BZh9": "bzip2",
	} {
		assert.Equal(t, want, Encoding([]byte(body)), "%q", body)
	}
}
