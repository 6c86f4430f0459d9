package detect

import (
	"encoding/binary"
	"errors"
	"math"
)

var errShort = errors.New("state ends early")

// codec writes or reads a state: one method serves both ways, so that what is written is what is read.
type codec struct {
	buf     []byte
	reading bool
	err     error
}

// fail keeps the first error.
func (c *codec) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *codec) take(n int) []byte {
	if len(c.buf) < n {
		c.fail(errShort)
	}
	if c.err != nil {
		return make([]byte, 8)
	}
	b := c.buf[:n]
	c.buf = c.buf[n:]
	return b
}

func (c *codec) byte(p *byte) {
	if c.reading {
		*p = c.take(1)[0]
	} else {
		c.buf = append(c.buf, *p)
	}
}

func (c *codec) uint32(p *uint32) {
	if c.reading {
		*p = binary.LittleEndian.Uint32(c.take(4))
	} else {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, *p)
	}
}

func (c *codec) uint64(p *uint64) {
	if c.reading {
		*p = binary.LittleEndian.Uint64(c.take(8))
	} else {
		c.buf = binary.LittleEndian.AppendUint64(c.buf, *p)
	}
}

func (c *codec) int32(p *int32) {
	x := uint32(*p)
	c.uint32(&x)
	*p = int32(x)
}

func (c *codec) int64(p *int64) {
	x := uint64(*p)
	c.uint64(&x)
	*p = int64(x)
}

func (c *codec) float32(p *float32) {
	x := math.Float32bits(*p)
	c.uint32(&x)
	*p = math.Float32frombits(x)
}

func (c *codec) float64(p *float64) {
	x := math.Float64bits(*p)
	c.uint64(&x)
	*p = math.Float64frombits(x)
}

func (c *codec) bool(p *bool) {
	var x byte
	if *p {
		x = 1
	}
	c.byte(&x)
	*p = x == 1
}

func (c *codec) uvarint(x uint64) uint64 {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, x)
		return x
	}
	x, n := binary.Uvarint(c.buf)
	if n <= 0 {
		c.fail(errShort)
		return 0
	}
	c.buf = c.buf[n:]
	return x
}

// float32s codes a slice of a length that both sides know; runs of the empty value take two bytes.
func (c *codec) float32s(s []float32, empty float32) {
	same := func(x float32) bool { return math.Float32bits(x) == math.Float32bits(empty) }
	for at := 0; at < len(s) && c.err == nil; {
		skip, n := at, 0
		if !c.reading {
			for skip < len(s) && same(s[skip]) {
				skip++
			}
			for skip+n < len(s) && !same(s[skip+n]) {
				n++
			}
		}
		left := uint64(len(s) - at)
		gap := min(c.uvarint(uint64(skip-at)), left)
		count := min(c.uvarint(uint64(n)), left-gap)
		if c.reading && gap+count == 0 {
			c.fail(errShort)
			return
		}
		for i := range s[at : at+int(gap)] {
			s[at+i] = empty
		}
		at += int(gap)
		for i := range s[at : at+int(count)] {
			c.float32(&s[at+i])
		}
		at += int(count)
	}
}
