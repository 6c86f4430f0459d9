package notifytest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// Mail is one that the server took.
type Mail struct {
	From, To string
	Data     []byte
}

// SMTP is a mail server without encryption. It rejects lines of more than 998 bytes.
type SMTP struct {
	Address string

	listener net.Listener
	mu       sync.Mutex
	mails    []Mail
	refuse   map[string]string // replies to RCPT, by address
	dropDots int
	conns    sync.WaitGroup
}

// NewSMTP starts one.
func NewSMTP() (*SMTP, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for tests, closed by Close
	if err != nil {
		return nil, fmt.Errorf("starting a mail server: %w", err)
	}
	s := &SMTP{Address: l.Addr().String(), listener: l, refuse: map[string]string{}}
	s.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Go(func() { s.serve(conn) })
		}
	})
	return s, nil
}

// Close ends the server.
func (s *SMTP) Close() {
	_ = s.listener.Close()
	s.conns.Wait()
}

// Refuse answers a recipient with a reply such as "550 no such user"; "" takes him again.
func (s *SMTP) Refuse(address, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[address] = reply
}

// DropAfterDot takes the next mails and hangs up instead of saying so.
func (s *SMTP) DropAfterDot(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropDots = n
}

// Mails returns what the server took.
func (s *SMTP) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *SMTP) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 mail.example.com ESMTP")
	var m Mail
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb := strings.ToUpper(strings.SplitN(line, " ", 2)[0]); verb {
		case "EHLO", "HELO":
			say("250 mail.example.com")
		case "MAIL":
			m = Mail{From: address(line)}
			say("250 ok")
		case "RCPT":
			s.mu.Lock()
			reply := s.refuse[address(line)]
			s.mu.Unlock()
			if reply != "" {
				say(reply)
				continue
			}
			m.To = address(line)
			say("250 ok")
		case "DATA":
			if m.To == "" {
				say("503 no recipient")
				continue
			}
			say("354 go ahead")
			if !s.data(r, &m, say) {
				return
			}
		case "RSET", "NOOP":
			m = Mail{}
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 unknown command")
		}
	}
}

// data reads a mail up to the dot; false when the connection is to end.
func (s *SMTP) data(r *bufio.Reader, m *Mail, say func(string)) bool {
	var data bytes.Buffer
	long := false
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if bytes.Equal(bytes.TrimRight(line, "\r\n"), []byte(".")) {
			break
		}
		long = long || len(line) > 1000
		data.Write(bytes.TrimPrefix(line, []byte(".")))
	}
	if long {
		say("500 line too long")
		return true
	}
	m.Data = data.Bytes()
	s.mu.Lock()
	s.mails = append(s.mails, *m)
	drop := s.dropDots > 0
	if drop {
		s.dropDots--
	}
	s.mu.Unlock()
	*m = Mail{}
	if drop {
		return false
	}
	say("250 queued")
	return true
}

func address(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	a, _, _ := strings.Cut(rest, ">")
	return a
}
