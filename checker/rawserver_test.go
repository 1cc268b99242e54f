package checker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// rawServer serves each connection to host with handle, which must return when the
// connection is closed, as it is at the end of the test at the latest.
func rawServer(t testing.TB, host string, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &rawConns{open: map[net.Conn]bool{}}
	s.running.Go(func() { s.accept(listener, handle) })
	t.Cleanup(func() {
		listener.Close()
		s.closeAll()
		s.running.Wait()
	})
	return listener.Addr().String()
}

// rawConns are the connections of a rawServer.
type rawConns struct {
	running sync.WaitGroup
	mu      sync.Mutex
	open    map[net.Conn]bool
}

func (s *rawConns) accept(listener net.Listener, handle func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.running.Go(func() {
			handle(conn)
			conn.Close()
			s.mu.Lock()
			delete(s.open, conn)
			s.mu.Unlock()
		})
	}
}

func (s *rawConns) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		conn.Close()
	}
}

// packetServer answers each datagram to host with those that handle returns.
func packetServer(t testing.TB, host string, handle func(query []byte) (answers [][]byte)) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		query := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			for _, answer := range handle(query[:n]) {
				conn.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); running.Wait() })
	return conn.LocalAddr().String()
}

// What a rawServer does with a connection.

func closeAtOnce(net.Conn) {}

func reset(conn net.Conn) {
	readSome(conn)
	conn.(*net.TCPConn).SetLinger(0)
}

func mute(conn net.Conn) { io.Copy(io.Discard, conn) }

func tells(text string) func(net.Conn) {
	return func(conn net.Conn) { io.WriteString(conn, text); mute(conn) }
}

func saysAndCloses(text string) func(net.Conn) {
	return func(conn net.Conn) { io.WriteString(conn, text) }
}

func endless(text string) func(net.Conn) {
	many := bytes.Repeat([]byte(text), 1+16384/len(text))
	return func(conn net.Conn) {
		for {
			if _, err := conn.Write(many); err != nil {
				return
			}
		}
	}
}

// drips sends a text one byte after the other, over and over.
func drips(text string) func(net.Conn) {
	return func(conn net.Conn) {
		for i := 0; ; i = (i + 1) % len(text) {
			if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func readSome(conn net.Conn) string {
	buf := make([]byte, 4096)
	n, _ := conn.Read(buf)
	return string(buf[:n])
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB, host string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// testCertificate makes a certificate for host, and the file of it in PEM.
func testCertificate(t testing.TB, host string) (certificate tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "perch test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// overTLS has handle serve TLS.
func overTLS(certificate tls.Certificate, handle func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		defer server.Close()
		if server.Handshake() == nil {
			handle(server)
		}
	}
}
