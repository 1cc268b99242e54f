package cluster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

var secret = bytes.Repeat([]byte("s"), MinSecret)

func credentials(t *testing.T, secret []byte, clusterName, node string) *Credentials {
	t.Helper()
	c, err := CredentialsFromSecret(secret, clusterName, node)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// handshake lets client dial server and returns both sides' errors. In TLS 1.3
// a client learns of its refusal at its first read.
func handshake(client, server *tls.Config) (clientErr, serverErr error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err, err
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		b, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer b.Close()
		b.SetDeadline(time.Now().Add(5 * time.Second))
		conn := tls.Server(b, server)
		err = conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x"))
		}
		done <- err
	}()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err, <-done
	}
	defer a.Close()
	a.SetDeadline(time.Now().Add(5 * time.Second))
	_, clientErr = tls.Client(a, client).Read(make([]byte, 1))
	return clientErr, <-done
}

func TestPeersOfOneClusterAcceptEachOther(t *testing.T) {
	lb1, lb2 := credentials(t, secret, "edge", "lb1"), credentials(t, secret, "edge", "lb2")
	for _, protocol := range []string{protocolRaft, protocolAPI} {
		if err1, err2 := handshake(lb1.clientTLS(protocol, "lb2"), lb2.serverTLS(only("lb1"))); err1 != nil || err2 != nil {
			t.Errorf("%s: client: %v, server: %v", protocol, err1, err2)
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	good := credentials(t, secret, "edge", "lb1")
	server := credentials(t, secret, "edge", "lb2").serverTLS(only("lb1", "lb3"))
	noALPN := good.clientTLS(protocolRaft, "lb2")
	noALPN.NextProtos = nil
	noCert := good.clientTLS(protocolRaft, "lb2")
	noCert.Certificates = nil
	old := good.clientTLS(protocolRaft, "lb2")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	otherName := credentials(t, secret, "other", "lb1")
	otherName.cluster = "edge" // lies in its ALPN
	tests := map[string]*tls.Config{
		"another secret":       credentials(t, bytes.Repeat([]byte("t"), MinSecret), "edge", "lb1").clientTLS(protocolRaft, "lb2"),
		"another cluster":      credentials(t, secret, "other", "lb1").clientTLS(protocolRaft, "lb2"),
		"another cluster's CA": otherName.clientTLS(protocolRaft, "lb2"),
		"an unknown node":      credentials(t, secret, "edge", "lb9").clientTLS(protocolRaft, "lb2"),
		"the server itself":    credentials(t, secret, "edge", "lb2").clientTLS(protocolRaft, "lb2"),
		"no certificate":       noCert,
		"no protocol":          noALPN,
		"TLS 1.2":              old,
	}
	for name, client := range tests {
		t.Run(name, func(t *testing.T) {
			if err1, err2 := handshake(client, server); err1 == nil || err2 == nil {
				t.Errorf("client: %v, server: %v; want errors", err1, err2)
			}
		})
	}
}

func TestClientRefusesAnotherNode(t *testing.T) {
	lb1, lb3 := credentials(t, secret, "edge", "lb1"), credentials(t, secret, "edge", "lb3")
	if err, _ := handshake(lb1.clientTLS(protocolRaft, "lb2"), lb3.serverTLS(only("lb1"))); err == nil {
		t.Error("lb3 answered in place of lb2 and was accepted")
	}
}

// Certificates that perch issues itself hold at any time, also on a node whose
// clock stands at the epoch; those of an operator's CA end.
func TestWrongClockKeepsNobodyOut(t *testing.T) {
	own := credentials(t, secret, "edge", "lb2")
	leaf, err := x509.ParseCertificate(credentials(t, secret, "edge", "lb1").cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if !leaf.NotBefore.Equal(time.Unix(0, 0)) {
		t.Errorf("valid from %s: the certificate depends on the clock", leaf.NotBefore)
	}
	leaf.NotAfter = leaf.NotBefore.Add(time.Hour)
	state := tls.ConnectionState{NegotiatedProtocol: own.alpn(protocolRaft), PeerCertificates: []*x509.Certificate{leaf}}
	if err := own.serverTLS(only("lb1")).VerifyConnection(state); err != nil {
		t.Errorf("a certificate that has ended by the clock: %v", err)
	}
}

// operators returns the PEM of a certificate for node from a CA of the test's.
func operators(t *testing.T, node string, ca *x509.Certificate, caKey ed25519.PrivateKey) (caPEM, certPEM, keyPEM PEM) {
	t.Helper()
	cert, err := issue(ca, caKey, node)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(name, kind string, der []byte) PEM {
		return PEM{name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})}
	}
	return encode("tls_ca", "CERTIFICATE", ca.Raw), encode("tls_cert", "CERTIFICATE", cert.Certificate[0]), encode("tls_key", "PRIVATE KEY", key)
}

func TestOwnPKI(t *testing.T) {
	_, caKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := selfSign(caKey, "operator's")
	if err != nil {
		t.Fatal(err)
	}
	load := func(node, clusterName string) *Credentials {
		caPEM, certPEM, keyPEM := operators(t, node, ca, caKey)
		c, err := CredentialsFromPEM(caPEM, certPEM, keyPEM, clusterName)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server := load("lb2", "edge").serverTLS(only("lb1"))
	if err1, err2 := handshake(load("lb1", "edge").clientTLS(protocolRaft, "lb2"), server); err1 != nil || err2 != nil {
		t.Errorf("client: %v, server: %v", err1, err2)
	}
	if _, err := handshake(load("lb1", "other").clientTLS(protocolRaft, "lb2"), server); err == nil {
		t.Error("a node of another cluster under the same CA was accepted")
	}
	late := load("lb2", "edge")
	late.cert.Leaf = nil
	expired := late.serverTLS(only("lb1"))
	state := tls.ConnectionState{NegotiatedProtocol: late.alpn(protocolRaft)}
	leaf, err := x509.ParseCertificate(load("lb1", "edge").cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	leaf.NotAfter = time.Now().Add(-time.Second)
	state.PeerCertificates = []*x509.Certificate{leaf}
	if err := expired.VerifyConnection(state); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired certificate of the operator's CA: %v", err)
	}
}

func TestPEMThatCannotServe(t *testing.T) {
	_, caKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := selfSign(caKey, "operator's")
	if err != nil {
		t.Fatal(err)
	}
	caPEM, certPEM, keyPEM := operators(t, "lb1", ca, caKey)
	_, _, otherKey := operators(t, "lb1", ca, caKey)
	junk := PEM{"junk", []byte("junk")}
	tests := []struct {
		ca, cert, key PEM
		want          string
	}{
		{junk, certPEM, keyPEM, "read junk: no PEM certificate in it"},
		{caPEM, junk, keyPEM, "read junk with tls_key: tls: failed to find any PEM data in certificate input"},
		{caPEM, certPEM, junk, "read tls_cert with junk: tls: failed to find any PEM data in key input"},
		{caPEM, certPEM, otherKey, "read tls_cert with tls_key: tls: private key does not match public key"},
	}
	for _, tt := range tests {
		if _, err := CredentialsFromPEM(tt.ca, tt.cert, tt.key, "edge"); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

// A person must read what is wrong, not only which TLS alert came of it.
func TestStrangersAreExplained(t *testing.T) {
	server := credentials(t, secret, "edge", "lb2").serverTLS(only("lb1"))
	tests := map[string]struct {
		client *Credentials
		want   error
	}{
		"another secret":  {credentials(t, []byte(strings.Repeat("another", 6)), "edge", "lb1"), errOtherSecret},
		"another cluster": {credentials(t, secret, "core", "lb1"), errOtherCluster},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client, served := handshake(tt.client.clientTLS(protocolRaft, "lb2"), server)
			if err := explain(client); !errors.Is(err, tt.want) {
				t.Errorf("the client reads %v, want %v", err, tt.want)
			}
			if err := explain(served); !errors.Is(err, tt.want) {
				t.Errorf("the server reads %v, want %v", err, tt.want)
			}
		})
	}
	if err := explain(net.ErrClosed); err != net.ErrClosed {
		t.Errorf("another error is explained as %v", err)
	}
}

func only(names ...string) func() []string { return func() []string { return names } }
