package checker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// authorityCA signs certificates in a test.
type authorityCA struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newCA returns a CA whose certificate is valid from an hour ago until then.
func newCA(t *testing.T, until time.Time) *authorityCA {
	ca := &authorityCA{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca.certificate = sign(t, template, template, &ca.key.PublicKey, ca.key)
	return ca
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return certificate
}

// issue returns a certificate for hosts, valid between two times from now.
func (ca *authorityCA) issue(from, until time.Duration, hosts ...string) tls.Certificate {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: now.Add(from), NotAfter: now.Add(until),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key := newKey(ca.t)
	leaf := sign(ca.t, template, ca.certificate, &key.PublicKey, ca.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// file returns the name of a file with the CA's certificate.
func (ca *authorityCA) file() string {
	return writePEM(ca.t, "CERTIFICATE", ca.certificate.Raw)
}

// pool returns the CA's certificate as a root.
func (ca *authorityCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

func writePEM(t *testing.T, kind string, der []byte) string {
	name := filepath.Join(t.TempDir(), "file.pem")
	must(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return name
}

// pairFiles returns the names of files with a certificate and its key.
func pairFiles(t *testing.T, pair tls.Certificate) (certificate, key string) {
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	must(t, err)
	return writePEM(t, "CERTIFICATE", pair.Certificate[0]), writePEM(t, "PRIVATE KEY", der)
}

// startTLS starts a server with a certificate and returns its host:port.
func startTLS(t *testing.T, config *tls.Config) string {
	server := httptest.NewUnstartedServer(site())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = slices.Contains(config.NextProtos, "h2")
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// startTLSh2 is startTLS with HTTP/2 and a certificate for its address.
func startTLSh2(t *testing.T, ca *authorityCA) string {
	return startTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.issue(-day, day, "127.0.0.1")},
		NextProtos:   []string{"h2", "http/1.1"},
	})
}

const day = 24 * time.Hour

// What is said about a certificate is the same for both kinds.
func TestCertificates(t *testing.T) {
	ca := newCA(t, time.Now().Add(1000*day))
	ending := newCA(t, time.Now().Add(5*day+time.Hour))
	for _, c := range []struct {
		name          string
		ca            *authorityCA
		certificate   tls.Certificate
		tls           TLS
		warning, want string
	}{
		{"well", ca, ca.issue(-day, 90*day, "127.0.0.1"), TLS{}, "", ""},
		{"expired", ca, ca.issue(-9*day, -2*day-time.Hour, "127.0.0.1"), TLS{}, "", "certificate expired 2 days ago"},
		{"just expired", ca, ca.issue(-9*day, -10*time.Second, "127.0.0.1"), TLS{}, "", "certificate expired seconds ago"},
		{"not yet valid", ca, ca.issue(3*time.Hour+time.Minute, 9*day, "127.0.0.1"), TLS{}, "", "certificate is not valid before 3 hours from now"},
		{"wrong name", ca, ca.issue(-day, 9*day, "www.example.com"), TLS{ServerName: "lb1"}, "", "certificate is for www.example.com, not lb1"},
		{"wrong address", ca, ca.issue(-day, 9*day, "127.0.0.2", "::1"), TLS{}, "", "certificate is for 127.0.0.2, ::1, not 127.0.0.1"},
		{"many names", ca, ca.issue(-day, 9*day, "a", "b", "c", "d", "e"), TLS{ServerName: "lb1"}, "", "certificate is for a, b, c and 2 more, not lb1"},
		{"no name", ca, ca.issue(-day, 9*day), TLS{}, "", "certificate is for no name, not 127.0.0.1"},
		{"another name", ca, ca.issue(-day, 9*day, "www.example.com"), TLS{ServerName: "www.example.com"}, "", ""},
		{"unknown authority", nil, ca.issue(-day, 9*day, "127.0.0.1"), TLS{}, "", "certificate signed by unknown authority"},
		{"expired, insecure", nil, ca.issue(-9*day, -2*day-time.Hour, "x"), TLS{Insecure: true}, "", ""},
		{"expired, insecure, with a limit", nil, ca.issue(-9*day, -2*day-time.Hour, "x"), TLS{Insecure: true, ExpiryLimit: time.Hour}, "", "certificate expired 2 days ago"},
		{"expired, insecure, with a warning", nil, ca.issue(-9*day, -2*day-time.Hour, "x"), TLS{Insecure: true, ExpiryWarning: time.Hour}, "certificate expired 2 days ago", ""},
		{"far from expiry", ca, ca.issue(-day, 30*day, "127.0.0.1"), TLS{ExpiryWarning: 20 * day, ExpiryLimit: 10 * day}, "", ""},
		{"near expiry", ca, ca.issue(-day, 15*day+time.Hour, "127.0.0.1"), TLS{ExpiryWarning: 20 * day, ExpiryLimit: 10 * day}, "certificate expires in 15 days", ""},
		{"too near expiry", ca, ca.issue(-day, 9*day+time.Hour, "127.0.0.1"), TLS{ExpiryWarning: 20 * day, ExpiryLimit: 10 * day}, "", "certificate expires in 9 days, wanted 10 days at least"},
		{"hours from expiry", ca, ca.issue(-day, 20*time.Hour+time.Minute, "127.0.0.1"), TLS{ExpiryWarning: 2 * day}, "certificate expires in 20 hours", ""},
		{"minutes from expiry", ca, ca.issue(-day, 20*time.Minute+30*time.Second, "127.0.0.1"), TLS{ExpiryWarning: 2 * day}, "certificate expires in 20 minutes", ""},
		{"an authority near expiry", ending, ending.issue(-day, 90*day, "127.0.0.1"), TLS{ExpiryWarning: 20 * day}, "certificate expires in 5 days", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := startTLS(t, &tls.Config{Certificates: []tls.Certificate{c.certificate}})
			if c.ca != nil {
				c.tls.CAFile = c.ca.file()
			}
			for _, spec := range []Spec{
				{Kind: "tls", Target: address, TLS: c.tls},
				{Kind: "http", Target: "https://" + address + "/ok", TLS: c.tls},
			} {
				found, err := lookAt(t, spec)
				wantError(t, err, c.want)
				if found.Warning != c.warning {
					t.Errorf("kind %s: warning %q, want %q", spec.Kind, found.Warning, c.warning)
				}
			}
		})
	}
}

// A server with two certificates shows which name it was asked for.
func TestHTTPServerName(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	address := startTLS(t, &tls.Config{Certificates: []tls.Certificate{
		ca.issue(-day, day, "other.example.com"), ca.issue(-day, day, "www.example.com"),
	}})
	for _, c := range []struct {
		name, target, host, server, want string
	}{
		{"the URL's", "https://www.example.com/ok", "", "", ""},
		{"the Host header's", "https://" + address + "/ok", "www.example.com:1", "", ""},
		{"one of its own", "https://" + address + "/ok", "x", "www.example.com", ""},
		{"an unknown one", "https://x.example.com/ok", "", "", "certificate is for other.example.com, not x.example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := Spec{Kind: "http", Target: c.target, TLS: TLS{CAFile: ca.file(), ServerName: c.server}}
			spec.HTTP = HTTP{Host: c.host, Connect: address}
			_, err := lookAt(t, spec)
			wantError(t, err, c.want)
		})
	}
}

func TestHTTPClientCertificate(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	address := startTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.issue(-day, day, "127.0.0.1")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(),
	})
	spec := Spec{Kind: "http", Target: "https://" + address + "/ok", TLS: TLS{CAFile: ca.file()}}
	_, err := lookAt(t, spec)
	wantError(t, err, "server refused TLS: certificate required")
	spec.TLS.CertFile, spec.TLS.KeyFile = pairFiles(t, ca.issue(-day, day, "client"))
	_, err = lookAt(t, spec)
	wantError(t, err, "")
}

// What is written to a server that has refused the client already must not hide why.
func TestHTTP2ClientCertificate(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	server := httptest.NewUnstartedServer(site())
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(-day, day, "127.0.0.1")}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	spec := Spec{Kind: "http", Target: server.URL + "/ok", TLS: TLS{CAFile: ca.file()}}
	for range 20 {
		_, err := lookAt(t, spec)
		wantError(t, err, "server refused TLS: certificate required")
	}
}

// Files are read once for all checks, and again when they have changed.
func TestTLSFilesAreShared(t *testing.T) {
	name := newCA(t, time.Now().Add(day)).file()
	host := testHost()
	roots := func() *x509.CertPool {
		client, err := host.newTLS(TLS{CAFile: name}, "a")
		must(t, err)
		return client.config().RootCAs
	}
	first := roots()
	if roots() != first {
		t.Error("a file that did not change was read again")
	}
	other, err := os.ReadFile(newCA(t, time.Now().Add(2*day)).file())
	must(t, err)
	must(t, os.WriteFile(name, append(other, '\n'), 0o600))
	if again := roots(); again == first || again.Equal(first) {
		t.Error("a file that changed was not read again")
	}
}

func TestTLSFileErrors(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	certificate, key := pairFiles(t, ca.issue(-day, day, "client"))
	_, otherKey := pairFiles(t, ca.issue(-day, day, "client"))
	for _, c := range []struct {
		tls  TLS
		want string
	}{
		{TLS{CAFile: "/none.pem"}, "CA file: open /none.pem: no such file or directory"},
		{TLS{CAFile: key}, "CA file: " + key + " holds no certificate in PEM"},
		{TLS{CertFile: certificate}, "a client certificate and its key must be given together"},
		{TLS{KeyFile: key}, "a client certificate and its key must be given together"},
		{TLS{CertFile: certificate, KeyFile: otherKey}, "client certificate " + certificate + " with key " + otherKey + ": tls: private key does not match public key"},
	} {
		_, err := testHost().New(Spec{Kind: "tls", Target: "a:1", TLS: c.tls})
		wantError(t, err, c.want)
	}
}

func TestHandshakeOfAServerThatIsSilent(t *testing.T) {
	_, err := lookWithin(t, Spec{Kind: "tls", Target: hostile(t, silentAfter(""))}, 100*time.Millisecond)
	wantError(t, &reason{text: someTime.ReplaceAllString(err.Error(), "within T")}, "no answer within T")
}
