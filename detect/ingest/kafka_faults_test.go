package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	commonconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// securedCluster is a kfake with TLS and SASL, and a client's certificate of its authority. Each mechanism has the user us.
func securedCluster(t *testing.T, change func(*tls.Config), o ...kfake.Opt) (c *kfake.Cluster, a *authority, cert, key string) {
	t.Helper()
	a = newAuthority(t, t.TempDir(), "authority")
	serverCert, serverKey := a.issue(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	cert, key = a.issue(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	require.NoError(t, err)
	known, err := os.ReadFile(a.file)
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, ClientCAs: x509.NewCertPool()}
	require.True(t, config.ClientCAs.AppendCertsFromPEM(known))
	if change != nil {
		change(config)
	}
	o = append(o, kfake.NumBrokers(1), kfake.SeedTopics(1, "metrics", "dead"), kfake.TLS(config), kfake.EnableSASL())
	for _, m := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		o = append(o, kfake.Superuser(m, "us", "hunter2"))
	}
	c, err = kfake.NewCluster(o...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, a, cert, key
}

func securedSource(c *kfake.Cluster, ca, mechanism, password string) Source {
	s := kafkaSource(c)
	s.Kafka.TLS = &commonconfig.TLSConfig{CAFile: ca}
	s.Kafka.SASL = &SASL{Mechanism: mechanism, Username: "us", Password: "hunter2"}
	if password != "" {
		s.Kafka.SASL.Password = "a-guess"
	}
	return s
}

// hangsUp listens as a broker does that knows no TLS: it takes what it is told for a message that is too large, and ends the connection.
func hangsUp(t *testing.T) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestKafkaFaults: who can't reach the brokers is told why, and what to do; a wrong password is told from a broker that is not there.
func TestKafkaFaults(t *testing.T) {
	c, a, cert, key := securedCluster(t, nil)
	for _, m := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run("a wrong password, "+m, func(t *testing.T) { // of which kfake says nothing: it hangs up
			assertFault(t, securedSource(c, a.file, m, "wrong"), faultAuthentication, "check sasl.username and sasl.password_file")
		})
	}
	change := func(f func(*Kafka)) Source {
		s := securedSource(c, a.file, "PLAIN", "")
		f(s.Kafka)
		return s
	}
	other := newAuthority(t, t.TempDir(), "other")
	plain := hangsUp(t)
	for name, tc := range map[string]struct {
		source Source
		kind   string
		words  string
	}{
		"no password":           {change(func(k *Kafka) { k.SASL = nil }), faultAuthentication, "set sasl"},
		"another authority":     {change(func(k *Kafka) { k.TLS = &commonconfig.TLSConfig{CAFile: other.file} }), faultTLS, "set tls_config.ca_file to the authority"},
		"another name":          {change(func(k *Kafka) { k.TLS.ServerName = "broker.example" }), faultTLS, "set tls_config.server_name"},
		"plain on the TLS port": {change(func(k *Kafka) { k.TLS, k.SASL = nil, nil }), faultTLS, "set tls_config"},
		"plain, with SASL":      {change(func(k *Kafka) { k.TLS = nil }), faultTLS, "set tls_config"},
		"TLS on the plain port": {change(func(k *Kafka) { k.Brokers = []string{plain} }), faultTLS, "speaks no TLS"},
		"nobody listens":        {change(func(k *Kafka) { k.Brokers = []string{"127.0.0.1:1"} }), faultUnreachable, "connection refused"},
		"a name nobody has":     {change(func(k *Kafka) { k.Brokers = []string{"kafka.invalid:9092"} }), faultUnreachable, "kafka.invalid"},
		"no topic":              {change(func(k *Kafka) { k.Topic = "none" }), faultMissing, "create the topic"},
	} {
		t.Run(name, func(t *testing.T) { assertFault(t, tc.source, tc.kind, tc.words) })
	}
	t.Run("a certificate is asked for", func(t *testing.T) {
		strict, a, cert, key := securedCluster(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert })
		s := securedSource(strict, a.file, "PLAIN", "")
		assertFault(t, s, faultTLS, "set tls_config.cert_file and key_file")
		s = securedSource(strict, a.file, "PLAIN", "")
		s.Kafka.TLS.CertFile, s.Kafka.TLS.KeyFile = cert, key
		require.NoError(t, Check(t.Context(), &s))
	})
	t.Run("skipped", func(t *testing.T) {
		s := securedSource(c, other.file, "SCRAM-SHA-512", "")
		s.Kafka.TLS = &commonconfig.TLSConfig{InsecureSkipVerify: true, CertFile: cert, KeyFile: key}
		require.NoError(t, Check(t.Context(), &s))
	})
}

// TestKafkaRefuses: what brokers answer by their codes, as Kafka does where kfake hangs up.
func TestKafkaRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		key   kmsg.Key
		code  *kerr.Error
		kind  string
		words string
	}{
		"a wrong password":  {kmsg.SASLAuthenticate, kerr.SaslAuthenticationFailed, faultAuthentication, "check sasl.username"},
		"another mechanism": {kmsg.SASLHandshake, kerr.UnsupportedSaslMechanism, faultAuthentication, "set sasl.mechanism"},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, _, _ := securedCluster(t, nil)
			c.ControlKey(tc.key.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				switch r := req.ResponseKind().(type) {
				case *kmsg.SASLAuthenticateResponse:
					r.ErrorCode = tc.code.Code
					return r, nil, true
				case *kmsg.SASLHandshakeResponse:
					r.ErrorCode = tc.code.Code
					r.SupportedMechanisms = []string{"GSSAPI"}
					return r, nil, true
				}
				return nil, nil, false
			})
			assertFault(t, securedSource(c, a.file, "PLAIN", ""), tc.kind, tc.words)
		})
	}
}

// TestKafkaPermission: a user who may not read the topic, or not the group, learns which.
func TestKafkaPermission(t *testing.T) {
	allow := func(kind kmsg.ACLResourceType, name string, o kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: o, Allow: true}
	}
	for name, tc := range map[string]struct {
		acls []kfake.ACL
		want string
	}{
		"no topic": {nil, "let the user read the topic"},
		"no group": {[]kfake.ACL{
			allow(kmsg.ACLResourceTypeTopic, "metrics", kmsg.ACLOperationRead), allow(kmsg.ACLResourceTypeTopic, "metrics", kmsg.ACLOperationDescribe),
			allow(kmsg.ACLResourceTypeTopic, "dead", kmsg.ACLOperationDescribe),
		}, "let the user read the group"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "metrics", "dead"), kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "them", "hunter2", tc.acls...))
			require.NoError(t, err)
			defer c.Close()
			s := kafkaSource(c)
			s.Kafka.SASL = &SASL{Mechanism: "PLAIN", Username: "them", Password: "hunter2"}
			copied := start(t, testRules, openStore(t, tempDB(t)), s)
			defer copied.stop()
			eventually(t, "a fault", func() bool {
				return testutil.ToFloat64(copied.in.metrics.faults.WithLabelValues("orders", faultPermission)) > 0
			})
			err = Check(t.Context(), &s)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tc.want)
		})
	}
}
