package ingest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	commonconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// authority signs certificates.
type authority struct {
	dir, file string // of its own certificate
	cert      *x509.Certificate
	key       crypto.Signer
}

func newAuthority(t testing.TB, dir, name string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	a.file, _ = a.issue(t, name, &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue makes a certificate for an hour, and the files of it and its key. The first is that of the authority itself.
func (a *authority) issue(t testing.TB, name string, template *x509.Certificate) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, template.Subject, template.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}, true
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = template, k
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(t, err)
	cert, key = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return cert, key
}

// tlsServer is the TLS listener of a RabbitMQ, which has a certificate for 127.0.0.1 alone.
type tlsServer struct {
	addr              string
	authority         *authority
	clientCert, ofKey string
}

// newTLSServer writes the settings of a RabbitMQ with such a listener.
func newTLSServer(t testing.TB, dir string, required bool) *tlsServer {
	t.Helper()
	s := &tlsServer{authority: newAuthority(t, dir, "authority")}
	cert, key := s.authority.issue(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s.clientCert, s.ofKey = s.authority.issue(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	s.addr = testbedtest.FreeAddress(t)
	conf := fmt.Sprintf("listeners.ssl.1 = %s\nssl_options.cacertfile = %s\nssl_options.certfile = %s\nssl_options.keyfile = %s\n"+
		"ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = %t\n", s.addr, s.authority.file, cert, key, required)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rabbitmq.conf"), []byte(conf), 0o600))
	return s
}

// secured returns a source that is reached in another way: its URL is in a file.
func secured(t *testing.T, source Source, url, tlsConfig string) Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "amqp.url")
	require.NoError(t, os.WriteFile(file, []byte(url+"\n"), 0o600))
	q := *source.RabbitMQ
	q.RabbitMQServer = RabbitMQServer{URLFile: file}
	if tlsConfig != "" {
		q.TLS = &commonconfig.TLSConfig{}
		require.NoError(t, yaml.Unmarshal([]byte(tlsConfig), q.TLS))
	}
	source.RabbitMQ = &q
	if source.Publish != nil {
		to := *source.Publish.RabbitMQ
		to.RabbitMQServer = RabbitMQServer{}
		source.Publish = &Publish{RabbitMQ: &to}
	}
	require.Empty(t, source.Validate("s"))
	return source
}

// assertFault checks what is said of a source that can't be read, by a check and while it runs, and as what it is counted.
func assertFault(t *testing.T, source Source, kind string, words ...string) {
	t.Helper()
	err := Check(t.Context(), &source)
	require.Error(t, err)
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
	for _, secret := range []string{"guest:guest", "hunter2", "a-guess"} {
		assert.NotContains(t, err.Error(), secret)
	}
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	defer c.stop()
	errs := c.in.metrics.faults
	eventually(t, "a fault of kind "+kind, func() bool { return testutil.ToFloat64(errs.WithLabelValues("orders", kind)) > 0 })
	for _, other := range faultKinds() {
		if other != kind {
			assert.Zero(t, testutil.ToFloat64(errs.WithLabelValues("orders", other)), other)
		}
	}
	eventually(t, "that it is not read", func() bool { return testutil.ToFloat64(c.in.metrics.connected.WithLabelValues("orders")) == 0 })
}

// assertRead checks that points, dead letters and events go their ways.
func assertRead(t *testing.T, r *rabbit, source Source) {
	t.Helper()
	require.NoError(t, Check(t.Context(), &source))
	c := start(t, testRules, openStore(t, tempDB(t)), source)
	defer c.stop()
	now := time.Now().Truncate(time.Second).Add(-time.Minute)
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf(`{"name":"order_failure_rate","value":9,"timestamp":%d}`, now.Unix()+int64(i)))
	}
	r.send(source.RabbitMQ.Queue, append(lines, "poison")...)
	eventually(t, "all points", func() bool { return c.learned() == 5 })
	assert.Len(t, r.get(source.RabbitMQ.Queue+"-dead", 1), 1)
	assert.Len(t, r.get(source.RabbitMQ.Queue+"-events", 1), 1)
}

// TestRabbitMQTLS: a real RabbitMQ is reached by TLS, and who can't reach it is told why, and what to do.
func TestRabbitMQTLS(t *testing.T) {
	r := newRabbit(t)
	s := rabbitServer.tls
	other := newAuthority(t, t.TempDir(), "other")
	otherCert, otherKey := other.issue(t, "stranger", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	at := func(userinfo, host string) string {
		_, port, _ := net.SplitHostPort(s.addr)
		return "amqps://" + userinfo + "@" + net.JoinHostPort(host, port) + "/"
	}
	here := at("guest:guest", "127.0.0.1")
	plainURL, err := url.Parse(rabbitServer.server.URL)
	require.NoError(t, err)
	ca := "ca_file: " + s.authority.file
	for name, c := range map[string]struct{ url, tls string }{
		"its authority":        {here, ca},
		"a name of its own":    {at("guest:guest", "localhost"), ca + "\nserver_name: 127.0.0.1"},
		"a certificate":        {here, ca + "\ncert_file: " + s.clientCert + "\nkey_file: " + s.ofKey},
		"insecure_skip_verify": {at("guest:guest", "localhost"), "insecure_skip_verify: true"},
	} {
		t.Run(name, func(t *testing.T) { assertRead(t, r, secured(t, r.queue("classic"), c.url, c.tls)) })
	}
	queue := r.queue("classic")
	for name, c := range map[string]struct {
		url, tls, kind string
		words          []string
	}{
		"another authority":      {here, "ca_file: " + other.file, faultTLS, []string{"set tls_config.ca_file to the authority"}},
		"no tls_config":          {here, "", faultTLS, []string{"set tls_config.ca_file to the authority"}},
		"another name":           {at("guest:guest", "localhost"), ca, faultTLS, []string{"localhost", "tls_config.server_name"}},
		"a strange certificate":  {here, ca + "\ncert_file: " + otherCert + "\nkey_file: " + otherKey, faultTLS, []string{"set tls_config.cert_file"}},
		"TLS on the plain port":  {strings.Replace(rabbitServer.server.URL, "amqp://", "amqps://", 1), ca, faultTLS, []string{"write amqp://"}},
		"plain on the TLS port":  {strings.Replace(here, "amqps://", "amqp://", 1), "", faultTLS, []string{"write amqps://"}},
		"a wrong password":       {at("guest:a-guess", "127.0.0.1"), ca, faultAuthentication, []string{"check user and password in url_file"}},
		"nobody by that name":    {"amqp://nobody:a-guess@" + plainURL.Host + "/", "", faultAuthentication, []string{"check user and password in url_file"}},
		"another virtual host":   {here + "nowhere", ca, faultPermission, []string{"nowhere", "virtual host"}},
		"nobody listens":         {"amqp://guest:hunter2@127.0.0.1:1/", "", faultUnreachable, []string{"connection refused"}},
		"a name that nobody has": {"amqp://guest:hunter2@rabbit.invalid/", "", faultUnreachable, []string{"rabbit.invalid"}},
	} {
		t.Run(name, func(t *testing.T) { assertFault(t, secured(t, queue, c.url, c.tls), c.kind, c.words...) })
	}
	t.Run("no queue", func(t *testing.T) {
		missing := secured(t, queue, here, ca)
		missing.RabbitMQ.Queue = "none"
		assertFault(t, missing, faultMissing, "queue none", "create it")
	})
}

// TestRabbitMQAlone: a RabbitMQ that lets in who has a certificate alone, and that is killed and comes back.
func TestRabbitMQAlone(t *testing.T) {
	dir := t.TempDir()
	s := newTLSServer(t, dir, true)
	server, err := testbedtest.SharedRabbitMQ(t, dir)
	testbedtest.SkipWithoutRabbitMQ(t, err)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Kill() })
	r := connect(t, server.URL)
	url := "amqps://guest:guest@" + s.addr + "/"
	with := "ca_file: " + s.authority.file + "\ncert_file: " + s.clientCert + "\nkey_file: " + s.ofKey
	t.Run("client certificate", func(t *testing.T) {
		assertRead(t, r, secured(t, r.queue("quorum"), url, with))
		assertFault(t, secured(t, r.queue("quorum"), url, "ca_file: "+s.authority.file), faultTLS, "set tls_config.cert_file and key_file")
	})
	t.Run("killed", func(t *testing.T) {
		source := secured(t, r.queue("quorum"), url, with)
		c := start(t, testRules, openStore(t, tempDB(t)), source)
		now := time.Now().Truncate(time.Second)
		for i := range 5 {
			r.send(source.RabbitMQ.Queue, fmt.Sprintf(`{"name":"order_failure_rate","value":9,"timestamp":%d}`, now.Unix()-5+int64(i)))
		}
		eventually(t, "an alert", func() bool { return c.told.firing("shop/Failing") == 1 })
		require.NoError(t, server.Kill())
		faults := c.in.metrics.faults.WithLabelValues("orders", faultUnreachable)
		eventually(t, "that it is away", func() bool { return testutil.ToFloat64(faults) > 0 })
		eventually(t, "that it is not read", func() bool { return testutil.ToFloat64(c.in.metrics.connected.WithLabelValues("orders")) == 0 })
		assert.Equal(t, 1, c.told.firing("shop/Failing"), "nobody knows better")
		server, err = testbed.StartRabbitMQ(context.WithoutCancel(t.Context()), dir, server.Addr)
		require.NoError(t, err)
		back := connect(t, server.URL)
		back.send(source.RabbitMQ.Queue, fmt.Sprintf(`{"name":"order_failure_rate","value":1,"timestamp":%d}`, time.Now().UnixMilli()))
		eventually(t, "the end of the alert", func() bool { return c.learned() == 6 && c.told.firing("shop/Failing") == 0 })
		assert.Zero(t, c.messages(messageDeadLettered))
	})
}
