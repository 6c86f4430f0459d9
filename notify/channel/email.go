package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	mail "github.com/wneessen/go-mail"

	"github.com/alertscribe/alertscribe/text"
)

const (
	mailBytes   = 100_000
	mailSubject = 150 // characters
)

var mailHTML = markup{
	escape: html.EscapeString,
	bold:   func(s string) string { return "<strong>" + s + "</strong>" },
	link:   func(label, url string) string { return `<a href="` + html.EscapeString(url) + `">` + label + "</a>" },
	line:   "<br>\n",
}

// email sends one mail to each recipient over one connection, so that one whom the server refuses does not keep it from the
// others. The mails of an incident are one thread: they refer to a first one that is never sent, as Alertmanager does it.
type email struct {
	*core

	to          []string
	from        *netmail.Address
	host        string
	options     []mail.Option
	tls         *tls.Config
	implicitTLS bool // from the first byte on
	mu          sync.Mutex
	delivered   map[string][]string // recipients that have a message whose other recipients are still to get it, by its id
	lastPruned  time.Time
}

func newEmail(s *Settings, c *core) (Channel, error) {
	e := &email{core: c, delivered: map[string][]string{}}
	var errs []error
	var err error
	if e.from, err = netmail.ParseAddress(s.From); err != nil {
		errs = append(errs, fmt.Errorf("from: %q is no address, such as alerts@example.com", s.From))
	}
	for i, to := range s.To {
		address, err := netmail.ParseAddress(to)
		if err != nil {
			errs = append(errs, fmt.Errorf("to[%d]: %q is no address", i, to))
			continue
		}
		e.to = append(e.to, address.Address)
	}
	host, port, err := net.SplitHostPort(s.Smarthost) // an IPv6 address is in brackets
	number, invalid := strconv.Atoi(port)
	if err != nil || host == "" || invalid != nil || number < 1 || number > 65535 {
		errs = append(errs, fmt.Errorf("smarthost: %q is not HOST:PORT, such as mail.example.com:587", s.Smarthost))
	}
	if (s.AuthUsername == "") != (s.AuthPassword == "") {
		errs = append(errs, errors.New("auth_username, auth_password: set both or neither"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	e.host = host
	policy := mail.TLSMandatory
	if s.RequireTLS != nil && !*s.RequireTLS {
		policy = mail.TLSOpportunistic
	}
	e.tls = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	e.options = []mail.Option{
		mail.WithPort(number), mail.WithTLSPolicy(policy), mail.WithTLSConfig(e.tls),
		mail.WithTimeout(15 * time.Second), mail.WithoutNoop(),
	}
	const implicitTLS = 465
	if number == implicitTLS {
		e.implicitTLS = true
		e.options = append(e.options, mail.WithSSL())
	}
	if s.Hello != "" {
		e.options = append(e.options, mail.WithHELO(s.Hello))
	}
	if s.AuthUsername != "" {
		e.options = append(e.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.AuthUsername), mail.WithPassword(s.AuthPassword.Reveal()))
	}
	return e, nil
}

func (*email) Pace() (time.Duration, int) { return 500 * time.Millisecond, 10 }

func (e *email) Send(ctx context.Context, d Delivery) (Receipt, error) {
	var messages []*mail.Msg
	var recipients []string
	for _, to := range e.missing(d.Message.ID) {
		m, err := e.compose(d, to)
		if err != nil {
			return Receipt{}, failed(BadContent, "composing the mail: %s", e.hide(err.Error()))
		}
		messages, recipients = append(messages, m), append(recipients, to)
	}
	dial, hangUp := e.dialer(ctx)
	defer hangUp()
	client, err := mail.NewClient(e.host, append(slices.Clone(e.options), mail.WithDialContextFunc(dial))...)
	if err != nil {
		return Receipt{}, failed(BadConfig, "setting up SMTP: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, messages...)
	if ctx.Err() != nil {
		return Receipt{}, failed(Retry, "the mail server takes too long")
	}
	return e.sum(d.Message.ID, recipients, messages, err)
}

// dialer returns how to connect, and what ends the connection. The library leaves it open where the handshake fails, and waits for
// a reply beyond the end of ctx.
func (e *email) dialer(ctx context.Context) (dial mail.DialContextFunc, hangUp func()) {
	var open net.Conn
	stop := func() bool { return true }
	return func(dialing context.Context, network, address string) (net.Conn, error) {
			d := &net.Dialer{}
			dial := d.DialContext
			if e.implicitTLS {
				dial = (&tls.Dialer{NetDialer: d, Config: e.tls}).DialContext
			}
			conn, err := dial(dialing, network, address)
			if err == nil {
				open = conn
				stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		}, func() {
			stop()
			if open != nil {
				_ = open.Close()
			}
		}
}

// sum draws the conclusions of what became of each recipient's mail.
func (e *email) sum(id string, recipients []string, messages []*mail.Msg, err error) (Receipt, error) {
	var refused []string
	var first, later *Failure
	for i, m := range messages {
		switch {
		case m.IsDelivered(): // also where the server hung up on our QUIT
			e.deliveredTo(id, recipients[i])
		case m.HasSendError():
			f := e.smtpFailure(m.SendError())
			if f.Kind == Retry {
				later = f
			} else if first == nil {
				first = f
			}
			refused = append(refused, recipients[i])
		case err != nil:
			later = e.smtpFailure(err) // there was no connection
		}
	}
	missing := e.missing(id)
	switch {
	case later != nil:
		return Receipt{}, later
	case len(missing) == len(e.to) && first != nil:
		return Receipt{}, first
	}
	e.mu.Lock()
	delete(e.delivered, id)
	e.mu.Unlock()
	receipt := Receipt{}
	if len(refused) > 0 {
		receipt.Warning = fmt.Sprintf("the mail server refused %s: %v", strings.Join(refused, ", "), first)
	}
	return receipt, nil
}

// smtpFailure reads an SMTP reply: 4yz is temporary, 5yz is not.
func (e *email) smtpFailure(err error) *Failure {
	code, said := 0, e.hide(err.Error())
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		code, said = reply.Code, e.hide(reply.Error())
	}
	if send, ok := errors.AsType[*mail.SendError](err); ok {
		code = send.ErrorCode()
		if code >= 500 && (send.Reason == mail.ErrSMTPData || send.Reason == mail.ErrSMTPDataClose || send.Reason == mail.ErrWriteContent) {
			return failed(BadContent, "SMTP: %s", said)
		}
	}
	const tooLarge = 552
	switch {
	case code == tooLarge:
		return failed(BadContent, "SMTP: %s", said)
	case code >= 500:
		return failed(BadConfig, "SMTP: %s", said)
	case strings.Contains(said, "STARTTLS"):
		return failed(BadConfig, "SMTP: %s; set require_tls: false to send without encryption", said)
	}
	return failed(Retry, "SMTP: %s", said)
}

// missing returns the recipients that do not have the message.
func (e *email) missing(id string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.to), func(to string) bool { return slices.Contains(e.delivered[id], to) })
}

func (e *email) deliveredTo(id, to string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); now.Sub(e.lastPruned) > 24*time.Hour { // messages that were given up on
		e.delivered, e.lastPruned = map[string][]string{id: e.delivered[id]}, now
	}
	e.delivered[id] = append(e.delivered[id], to)
}

// compose writes the mail to one recipient.
func (e *email) compose(d Delivery, to string) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(e.from)
	if err := m.To(to); err != nil {
		return nil, err
	}
	domain := e.from.Address[strings.LastIndex(e.from.Address, "@")+1:] // what is quoted before it may have one, too
	root := "<inc-" + d.Message.Incident + "@" + domain + ">"
	m.Subject(d.Message.subject())
	m.SetDateWithValue(e.now())
	m.SetMessageIDWithValue(d.Message.ID + "@" + domain) // the same when it is sent again: mail stores keep one
	m.SetGenHeader("References", root)
	m.SetGenHeader("In-Reply-To", root)
	m.SetGenHeader("List-Id", "alertscribe <alertscribe."+domain+">")
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(mail.TypeTextPlain, fitted(d, mailBytes, bytesOf, func(c content) string { return plain.whole(c, d.Message.colon()) }))
	m.AddAlternativeString(mail.TypeTextHTML, fitted(d, mailBytes, bytesOf, func(c content) string {
		return "<p>" + mailHTML.whole(c, d.Message.colon()) + "</p>"
	}))
	return m, nil
}

// subject is the same for all messages of an incident, since mail readers make threads of those: how it stands is in the body.
func (m *Message) subject() string {
	first := *m
	first.Firing, first.Labels, first.ResolvedAt = 0, nil, time.Time{}
	w := wordsOf(m.Language)
	title := m.heading(w, maxTitleRunes)
	if tags := first.tags(w, maxTagRunes); tags != "" {
		title += " · " + tags
	}
	return text.Cut(unencoded(text.OneLine(title)), mailSubject)
}
