package channel_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/notify/notifytest"
)

func mailer(t *testing.T, to ...string) (*notifytest.SMTP, channel.Channel) {
	t.Helper()
	s, err := notifytest.NewSMTP()
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c, errs := channel.New("email", channel.Settings{
		To: to, From: "Alerts <alerts@example.com>", Smarthost: s.Address, RequireTLS: new(false),
	}, channel.Options{})
	require.Empty(t, errs)
	return s, c
}

// parts returns the header and the bodies of a mail by their types.
func parts(t *testing.T, data []byte) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	bodies := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, bodies
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", p.Header.Get("Content-Transfer-Encoding"))
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		require.NoError(t, err)
		bodies[kind] = string(b)
	}
}

func TestMail(t *testing.T) {
	s, c := mailer(t, "a@example.com", "b@example.com")
	m := hostile()
	m.Group = map[string]string{"path": "/订单\r\nBcc: x@evil.example"}
	_, err := c.Send(t.Context(), channel.Delivery{Message: m})
	require.NoError(t, err)
	m.Event, m.ID, m.Status, m.Firing = channel.Resolved, m.Incident+"-resolved-1", incident.Resolved, 0
	_, err = c.Send(t.Context(), channel.Delivery{Message: m})
	require.NoError(t, err)
	mails := s.Mails()
	require.Len(t, mails, 4)
	assert.Equal(t, []string{"a@example.com", "b@example.com"}, []string{mails[0].To, mails[1].To})

	header, bodies := parts(t, mails[0].Data)
	assert.Empty(t, header.Get("Bcc"), "no header from a subject")
	assert.Equal(t, "<abcdefghijklmnopqrstuvwxyz-analyzed-1h@example.com>", header.Get("Message-Id"))
	assert.Equal(t, "<inc-abcdefghijklmnopqrstuvwxyz@example.com>", header.Get("References"))
	assert.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	assert.Contains(t, header.Get("List-Id"), "<alertscribe.example.com>")
	assert.Contains(t, bodies["text/plain"], link)
	assert.Contains(t, bodies["text/plain"], "磁盘已满")
	assert.Contains(t, bodies["text/html"], `<a href="`+link+`">`)
	assert.NotContains(t, bodies["text/html"], "<script>")
	first, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	assert.Contains(t, first, "订单")
	header, bodies = parts(t, mails[2].Data)
	last, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	assert.Equal(t, first, last, "one thread")
	assert.Contains(t, bodies["text/plain"], "resolved")
}

// TestRecipients: each is judged by himself, and who has a mail does not get it again.
func TestRecipients(t *testing.T) {
	d := channel.Delivery{Message: message()}
	t.Run("one is unknown", func(t *testing.T) {
		s, c := mailer(t, "a@example.com", "b@example.com")
		s.Refuse("a@example.com", "550 no such user")
		receipt, err := c.Send(t.Context(), d)
		require.NoError(t, err)
		assert.Contains(t, receipt.Warning, "refused a@example.com")
		assert.Contains(t, receipt.Warning, "no such user")
		assert.Len(t, s.Mails(), 1)
	})
	t.Run("all are unknown", func(t *testing.T) {
		s, c := mailer(t, "a@example.com")
		s.Refuse("a@example.com", "550 no such user")
		_, err := c.Send(t.Context(), d)
		require.Error(t, err)
		assert.Equal(t, channel.BadConfig, channel.AsFailure(err).Kind)
	})
	t.Run("one has to wait", func(t *testing.T) {
		s, c := mailer(t, "a@example.com", "b@example.com")
		s.Refuse("b@example.com", "451 greylisted")
		_, err := c.Send(t.Context(), d)
		require.Error(t, err)
		assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
		s.Refuse("b@example.com", "")
		_, err = c.Send(t.Context(), d)
		require.NoError(t, err)
		var to []string
		for _, m := range s.Mails() {
			to = append(to, m.To)
		}
		assert.Equal(t, []string{"a@example.com", "b@example.com"}, to)
	})
	t.Run("the answer is lost", func(t *testing.T) {
		s, c := mailer(t, "a@example.com")
		s.DropAfterDot(1)
		_, err := c.Send(t.Context(), d)
		require.Error(t, err)
		assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
		_, err = c.Send(t.Context(), d)
		require.NoError(t, err)
		mails := s.Mails()
		require.Len(t, mails, 2)
		first, _ := parts(t, mails[0].Data)
		second, _ := parts(t, mails[1].Data)
		assert.Equal(t, first.Get("Message-Id"), second.Get("Message-Id"), "by which a mailbox knows that it is the same")
	})
	t.Run("no encryption", func(t *testing.T) {
		s, err := notifytest.NewSMTP()
		require.NoError(t, err)
		defer s.Close()
		c, errs := channel.New("email", channel.Settings{To: []string{"a@example.com"}, From: "b@example.com", Smarthost: s.Address}, channel.Options{})
		require.Empty(t, errs)
		_, err = c.Send(t.Context(), d)
		require.Error(t, err)
		assert.Equal(t, channel.BadConfig, channel.AsFailure(err).Kind)
		assert.Contains(t, strings.ToLower(err.Error()), "require_tls")
		assert.Empty(t, s.Mails())
	})
	t.Run("no server", func(t *testing.T) {
		s, c := mailer(t, "a@example.com")
		s.Close()
		_, err := c.Send(t.Context(), d)
		require.Error(t, err)
		assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
	})
}
