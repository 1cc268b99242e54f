package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// handshake returns what a client meets: in the handshake, or in the first read.
func handshake(client, server *tls.Config) error {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		_ = tls.Server(far, server).Handshake()
		_ = far.Close()
	}()
	conn := tls.Client(near, client)
	if err := conn.Handshake(); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

func TestPeerErrorsOfTheHandshake(t *testing.T) {
	config := selfSigned(t)
	stranger, foreign, picky := config.Clone(), config.Clone(), config.Clone()
	stranger.RootCAs = x509.NewCertPool()
	foreign.NextProtos = []string{"perch-peer/1 of another cluster"}
	picky.ClientAuth = tls.RequireAnyClientCert
	picky.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not a peer") }
	tests := []struct {
		name           string
		client, server *tls.Config
		want           string
	}{
		{"another secret", stranger, config, "node lb3 has another secret or CA (x509: certificate signed by unknown authority"},
		{"another cluster", foreign, config, "node lb3 belongs to another cluster: its cluster.name differs (tls: no application protocol)"},
		{"refused", config, picky, "node lb3 does not let this node in (tls: bad certificate)"},
	}
	for _, tt := range tests {
		err := explainPeer("lb3", fmt.Errorf("dial lb3: %w", handshake(tt.client, tt.server)))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !errors.Is(err, ErrNotNow) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

// One sentence, with the node's name once and without a "dial" in it.
func TestPeerErrorsOfTheNetwork(t *testing.T) {
	dial := func(err error) error {
		return fmt.Errorf("dial lb3: %w", &net.OpError{Op: "dial", Net: "tcp", Err: err})
	}
	tests := []struct {
		err  error
		want string
	}{
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "node lb3 cannot be reached: connection refused"},
		{dial(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)), "node lb3 cannot be asked: the address that the list of peers has for this node is not on this host"},
		{dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), "node lb3 cannot be reached: cannot assign requested address"},
		{dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "node lb3 cannot be reached: no route to host"},
		{dial(os.ErrDeadlineExceeded), "node lb3 does not answer in time"},
		{dial(syscall.ETIMEDOUT), "node lb3 does not answer in time"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "node lb3 went away before it answered"},
		{fmt.Errorf("dial lb3: %w", errors.New("certificate is of lb2")), "node lb3: certificate is of lb2"},
	}
	for _, tt := range tests {
		err := explainPeer("lb3", tt.err)
		if err.Error() != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%v:\n got %v\nwant %s", tt.err, err, tt.want)
		}
	}
}
