package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Ports of the servers of a lobby.
const (
	portTCP   = 7001
	portTLS   = 7002
	portUDP   = 7003
	portHTTP  = 7004
	portHTTPS = 7005
	portDNS   = 53
	portDoT   = 853
	portSMTP  = 25
	portSMTPS = 465
	portGRPC  = 7006
)

// lobby is a host with a small server of each kind that a check can ask.
type lobby struct {
	t      *testing.T
	host   *lab.Host
	server *tls.Config
	mutual *tls.Config // asks for a certificate of the client

	open    []io.Closer
	running sync.WaitGroup
}

func (l *lobby) at(port int) string {
	return netip.AddrPortFrom(l.host.Eth0.IPv4.Addr(), uint16(port)).String()
}

// start opens all servers.
func (l *lobby) start() {
	l.t.Helper()
	l.stream(portTCP, nil, pong)
	l.stream(portTLS, l.server, pong)
	l.stream(portDNS, nil, answerFramed)
	l.stream(portDoT, l.server, answerFramed)
	l.stream(portSMTP, nil, func(c net.Conn) { answerMail(c, l.server) })
	l.stream(portSMTPS, l.server, func(c net.Conn) { answerMail(c, nil) })
	l.packets(portUDP, func([]byte) []byte { return []byte("pong") })
	l.packets(portDNS, answerQuery)
	l.web(portHTTP, nil, well)
	l.web(portHTTPS, l.mutual, well)
	l.web(portGRPC, nil, serving)
}

// stop closes all servers: what asks is refused.
func (l *lobby) stop() {
	for _, c := range l.open {
		_ = c.Close()
	}
	l.running.Wait()
	l.open = nil
}

func (l *lobby) listen(port int, config *tls.Config) (listener net.Listener) {
	l.t.Helper()
	must(l.t, l.host.Do(func() (err error) {
		listener, err = net.Listen("tcp", l.at(port))
		return err
	}))
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return listener
}

// stream serves each connection with handle, over TLS if there is a config.
func (l *lobby) stream(port int, config *tls.Config, handle func(net.Conn)) {
	l.t.Helper()
	listener := l.listen(port, config)
	l.open = append(l.open, listener)
	l.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.running.Go(func() {
				defer conn.Close()
				if conn.SetDeadline(time.Now().Add(2*time.Second)) == nil {
					handle(conn)
				}
			})
		}
	})
}

// packets answers each packet.
func (l *lobby) packets(port int, answer func(question []byte) []byte) {
	l.t.Helper()
	var conn net.PacketConn
	must(l.t, l.host.Do(func() (err error) {
		conn, err = new(net.ListenConfig).ListenPacket(context.Background(), "udp", l.at(port))
		return err
	}))
	l.open = append(l.open, conn)
	l.running.Go(func() {
		question := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(question[:n]), from)
		}
	})
}

// web serves HTTP/1.1, and HTTP/2 where it is asked for without TLS.
func (l *lobby) web(port int, config *tls.Config, handle http.HandlerFunc) {
	l.t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handle, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	listener := l.listen(port, config)
	l.open = append(l.open, server)
	l.running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.t.Error(err)
		}
	})
}

func well(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all is well\n") }

// serving answers grpc.health.v1.Health/Check with SERVING.
func serving(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = io.WriteString(w, "\x00\x00\x00\x00\x02\x08\x01")
	w.Header().Set("Grpc-Status", "0")
}

func pong(conn net.Conn) {
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil && line == "PING\r\n" {
		_, _ = io.WriteString(conn, "+PONG\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}
}

// answerQuery answers a DNS query with what was asked, and no records.
func answerQuery(query []byte) []byte {
	if len(query) > 2 {
		query[2] |= 0x80 // an answer
	}
	return query
}

func answerFramed(conn net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	query := make([]byte, int(size[0])<<8|int(size[1]))
	if _, err := io.ReadFull(conn, query); err == nil {
		_, _ = conn.Write(append(size[:], answerQuery(query)...))
		_, _ = io.Copy(io.Discard, conn)
	}
}

// answerMail speaks SMTP, and offers STARTTLS if there is a config for it.
func answerMail(conn net.Conn, config *tls.Config) {
	say := func(lines string) { _, _ = fmt.Fprint(conn, lines) }
	say("220 mail\r\n")
	for commands := bufio.NewReader(conn); ; {
		line, err := commands.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case verb == "EHLO" && config != nil:
			say("250-mail\r\n250 STARTTLS\r\n")
		case verb == "EHLO":
			say("250 mail\r\n")
		case verb == "STARTTLS" && config != nil:
			say("220 go ahead\r\n")
			conn = tls.Server(conn, config)
			commands, config = bufio.NewReader(conn), nil
		case verb == "QUIT":
			say("221 bye\r\n")
			return
		default:
			say("500 what?\r\n")
		}
	}
}
