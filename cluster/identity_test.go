package cluster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
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

// writePKI issues a certificate for node from a CA of the test's and writes all
// three files.
func writePKI(t *testing.T, dir, node string, ca *x509.Certificate, caKey ed25519.PrivateKey) (caFile, certFile, keyFile string) {
	t.Helper()
	cert, err := issue(ca, caKey, node)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, node+name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("-ca.pem", "CERTIFICATE", ca.Raw), write(".pem", "CERTIFICATE", cert.Certificate[0]), write("-key.pem", "PRIVATE KEY", key)
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
	dir := t.TempDir()
	load := func(node, clusterName string) *Credentials {
		caFile, certFile, keyFile := writePKI(t, dir, node, ca, caKey)
		c, err := CredentialsFromFiles(caFile, certFile, keyFile, clusterName)
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

func TestCredentialFilesThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent.pem")
	for _, tt := range []struct{ ca, cert, want string }{
		{absent, junk, "read tls_ca"},
		{junk, junk, "no PEM certificate"},
	} {
		_, err := CredentialsFromFiles(tt.ca, tt.cert, tt.cert, "edge")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q in it", err, tt.want)
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
