package payload

import (
	"bytes"
	"fmt"
	"io"
)

// source is a body that is read: it keeps the bytes as they are received, and refuses more than it may have.
type source struct {
	from   io.Reader
	most   int64  // bytes
	size   int64  // bytes as announced; 0 when unknown
	wayOut string // what to do about more than most
	body   []byte
	err    error // why reading ended, where that was not the end of the body
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	p = p[:min(int64(len(p)), s.most+1-int64(len(s.body)))]
	n, err := s.from.Read(p)
	s.keep(p[:n])
	switch {
	case int64(len(s.body)) > s.most:
		s.err = s.tooLarge()
		return 0, s.err
	case err != nil && err != io.EOF: //nolint:errorlint // readers return io.EOF itself
		s.err = fmt.Errorf("reading the body: %w", err)
		return n, s.err
	}
	return n, err
}

func (s *source) tooLarge() *Error {
	return &Error{Field: "body", Reason: fmt.Sprintf("over %d bytes; %s", s.most, s.wayOut), TooLarge: true}
}

func (s *source) keep(p []byte) {
	if need := len(s.body) + len(p); need > cap(s.body) {
		size := max(need, int(s.size), 2*cap(s.body))
		s.body = append(make([]byte, 0, size), s.body...)
	}
	s.body = append(s.body, p...)
}

var byteOrderMark = []byte("\ufeff")

// text returns what was read so far, without a byte order mark.
func (s *source) text() []byte { return bytes.TrimPrefix(s.body, byteOrderMark) }

// skipMark returns the rest of the body behind a byte order mark, where there is one.
func (s *source) skipMark() io.Reader {
	head := make([]byte, len(byteOrderMark))
	n, _ := io.ReadFull(s, head) // an error comes again
	if bytes.Equal(head, byteOrderMark) {
		return s
	}
	return io.MultiReader(bytes.NewReader(head[:n]), s)
}

// drain reads the rest, for an error that is about the whole.
func (s *source) drain() error {
	_, _ = io.Copy(io.Discard, s)
	return s.err
}
