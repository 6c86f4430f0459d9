package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// Why a source is not read, a closed set.
const (
	faultAuthentication = "authentication" // the broker does not take us for who we say we are
	faultPermission     = "permission"     // it does, and does not let us
	faultTLS            = "tls"            // no connection that both sides trust
	faultUnreachable    = "unreachable"    // no connection, or it ended
	faultMissing        = "missing"        // a topic, queue or exchange that is not there
	faultOccupied       = "occupied"       // another program reads the queue
	faultDamaged        = "damaged"        // messages on the broker's disk are not those that were written
	faultStore          = "store"          // what is known of the part can't be read
	faultOther          = "other"
)

func faultKinds() []string {
	return []string{faultAuthentication, faultPermission, faultTLS, faultUnreachable, faultMissing, faultOccupied, faultDamaged, faultStore, faultOther}
}

// errCertificate says that a broker ended the first connection after it had asked for a certificate. Of its alert that is often all that
// comes: in TLS 1.3 it follows the handshake.
var errCertificate = errors.New("the broker ended the connection after it had asked for a certificate")

// noteCertificate notes when a broker asks for a certificate.
func noteCertificate(c *tls.Config) *atomic.Bool {
	var asked atomic.Bool
	if c == nil {
		return &asked
	}
	give := c.GetClientCertificate
	c.GetClientCertificate = func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.Store(true)
		if give == nil {
			return &tls.Certificate{}, nil
		}
		return give(i)
	}
	return &asked
}

// ended tells whether an error is that the other side ended the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// errNotIn says that a broker ended the connection while we told who we are: some say no in no other way.
var errNotIn = errors.New("the broker ended the connection when it was told who we are")

// fault is why a source is not read, with the way out.
type fault struct {
	kind, way string
	err       error
}

func (f *fault) Error() string {
	if f.way == "" {
		return f.err.Error()
	}
	return f.err.Error() + "; " + f.way
}

func (f *fault) Unwrap() error { return f.err }

// explain finds out of which kind an error of a broker is, and what helps. One that was explained stays as it is.
func explain(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return &fault{f.kind, "", err}
	}
	for _, of := range []func(error) *fault{ofTLS, ofKafka, ofRabbitMQ} {
		if f := of(err); f != nil {
			f.err = err
			return f
		}
	}
	if unreachable(err) {
		return &fault{kind: faultUnreachable, err: err}
	}
	return &fault{kind: faultOther, err: err}
}

func unreachable(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, amqp.ErrClosed)
}

const noTLS = "the port speaks no TLS: leave tls_config out (Kafka), write amqp:// (RabbitMQ), or use its TLS port"

// ofTLS explains what certificates can be wrong with.
func ofTLS(err error) *fault {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	said := err.Error() // what clients of brokers make of an alert holds its text alone
	switch {
	case unknown:
		return &fault{kind: faultTLS, way: "set tls_config.ca_file to the authority that has signed the broker's certificate"}
	case name:
		return &fault{kind: faultTLS, way: "reach the broker by a name that its certificate has, or set tls_config.server_name to one"}
	case plain:
		return &fault{kind: faultTLS, way: noTLS}
	case errors.Is(err, errCertificate), strings.Contains(said, "tls: certificate required"), strings.Contains(said, "tls: bad certificate"), strings.Contains(said, "tls: unknown certificate authority"):
		return &fault{kind: faultTLS, way: "the broker asks for a certificate that it knows: set tls_config.cert_file and key_file"}
	case invalid, alert, strings.Contains(said, "tls: "):
		return &fault{kind: faultTLS}
	}
	return nil
}

// ofKafka explains what brokers of Kafka answer, and what its client makes of silence.
func ofKafka(err error) *fault {
	_, silent := errors.AsType[*kgo.ErrFirstReadEOF](err)
	switch {
	case errors.Is(err, errNotIn), errors.Is(err, kerr.SaslAuthenticationFailed):
		return &fault{kind: faultAuthentication, way: "check sasl.username and sasl.password_file"}
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return &fault{kind: faultAuthentication, way: "set sasl.mechanism to one that the broker has"}
	case silent && strings.Contains(err.Error(), "is SASL missing"):
		return &fault{kind: faultAuthentication, way: "set sasl"}
	case silent && strings.Contains(err.Error(), "client is using TLS"):
		return &fault{kind: faultTLS, way: noTLS}
	case silent:
		return &fault{kind: faultTLS, way: "where the port speaks TLS, set tls_config, {} for the system's authorities"}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return &fault{kind: faultPermission, way: "let the user read the topic, and write those of dead letters and anomalies"}
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return &fault{kind: faultPermission, way: "let the user read the group, or set another one"}
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return &fault{kind: faultPermission}
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return &fault{kind: faultMissing, way: "create the topic"}
	}
	return nil
}

// ofRabbitMQ explains what RabbitMQ answers.
func ofRabbitMQ(err error) *fault {
	const login = "check user and password in url_file (or url)"
	e, ok := errors.AsType[*amqp.Error](err)
	switch {
	case !ok:
		return nil
	case e == amqp.ErrCredentials, strings.Contains(e.Reason, "Login was refused"):
		return &fault{kind: faultAuthentication, way: login}
	case e == amqp.ErrSASL:
		return &fault{kind: faultAuthentication, way: "the server takes no password: enable its mechanism PLAIN"}
	case e.Code == amqp.NotFound:
		return &fault{kind: faultMissing, way: "create it"}
	case e == amqp.ErrVhost, e.Code == amqp.NotAllowed:
		return &fault{kind: faultPermission, way: "write an existing virtual host that the user may use behind the last slash of the URL"}
	case e.Code == amqp.AccessRefused && strings.Contains(e.Reason, "in exclusive use"), e.Code == amqp.ResourceLocked:
		return &fault{kind: faultOccupied, way: "another program reads the queue: end it, or bind a queue of its own for alertscribe to the same exchange"}
	case e.Code == amqp.PreconditionFailed && strings.Contains(e.Reason, "timed out"):
		return &fault{kind: faultUnreachable, way: "the store took no messages for longer than the server waits (consumer_timeout): they come again, and count once; see why the store is slow"}
	case e.Code == amqp.AccessRefused:
		return &fault{kind: faultPermission, way: "the user must be allowed to read the queue, to configure, write and read alertscribe.reads.*, and to write to the exchanges"}
	case e.Code == amqp.ConnectionForced, e.Code == amqp.ChannelError, e.Code == amqp.FrameError:
		return &fault{kind: faultUnreachable}
	}
	return nil
}

// knocking is a mechanism of SASL that notes whether the broker has answered what it was told.
type knocking struct {
	sasl.Mechanism

	knocks *atomic.Bool
}

func (k knocking) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	s, first, err := k.Mechanism.Authenticate(ctx, host)
	if err != nil {
		return nil, nil, fmt.Errorf("authentication: %w", err)
	}
	k.knocks.Store(true)
	return &knock{s, k.knocks}, first, nil
}

type knock struct {
	sasl.Session

	knocks *atomic.Bool
}

func (k *knock) Challenge(answer []byte) (done bool, next []byte, err error) {
	done, next, err = k.Session.Challenge(answer)
	if done {
		k.knocks.Store(false)
	}
	return done, next, err
}
