package checker

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTCP(t *testing.T) {
	pong := Pattern{Contains: "PONG"}
	binary := Pattern{Bytes: []byte{0x0a, 0xf0}, Mask: []byte{0xff, 0xf0}}
	tests := []struct {
		name    string
		serve   func(net.Conn)
		tcp     TCP
		timeout time.Duration
		want    string
	}{
		{"connects", mute, TCP{}, enough, ""},
		{"closes at once", closeAtOnce, TCP{}, enough, ""},
		{"answers", func(c net.Conn) {
			if readSome(c) == "PING\r\n" {
				io.WriteString(c, "+PONG\r\n")
			}
			mute(c)
		}, TCP{Send: []byte("PING\r\n"), Expect: pong}, enough, ""},
		{"answers in parts", drips("+PONG\r\n"), TCP{Expect: pong}, enough, ""},
		{"answers in bytes", tells("\x0a\xf7 and more"), TCP{Expect: binary}, enough, ""},
		{
			"answers in other bytes", tells("\x0a\xe7 and more"),
			TCP{Expect: binary},
			enough, `answer "\n\xe7 and more", wanted "\n\xf0"`,
		},
		{"one byte too few", saysAndCloses("\x0a"), TCP{Expect: binary}, enough, `answer "\n", wanted "\n\xf0", then connection closed by the other side`},
		{"closes without an answer", closeAtOnce, TCP{Expect: pong}, enough, "connection closed by the other side"},
		{"resets", reset, TCP{Send: []byte("x"), Expect: pong}, enough, "connection reset by the other side"},
		{"never answers", mute, TCP{Expect: pong}, soonOver, "no answer within 300ms"},
		{"stops in between", tells("+PO"), TCP{Expect: pong}, soonOver, `answer "+PO", wanted "PONG", then no answer within 300ms`},
		{"sends without end", endless("nothing to see here\n"), TCP{Expect: pong}, enough, `65536 bytes of answer without "PONG"`},
		{"drips without end", drips("+"), TCP{Expect: pong}, soonOver, `answer "+*, wanted "PONG", then no answer within 300ms`},
		{"does not read", endless("PING?"), TCP{Send: make([]byte, 64<<20), Expect: pong}, soonOver, "no answer within 300ms"},
		{"control characters", saysAndCloses("\x1b[2J\x00\"\u202e"), TCP{Expect: pong}, enough, `answer "\x1b[2J\x00\"\u202e", wanted "PONG", then connection closed by the other side`},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range tests {
			t.Run(host+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				spec := Spec{Kind: "tcp", Target: rawServer(t, host, test.serve), TCP: test.tcp}
				if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
		t.Run(host+"/refused", func(t *testing.T) {
			spec := Spec{Kind: "tcp", Target: closedPort(t, host)}
			if got := lookOnce(t, spec, enough); got != "connection refused" {
				t.Errorf("reason %q", got)
			}
		})
	}
}

func TestTCPOverTLS(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	_, otherCA := testCertificate(t, "127.0.0.1")
	pong := TCP{Send: []byte("PING"), Expect: Pattern{Contains: "PONG"}}
	tests := []struct {
		name    string
		serve   func(net.Conn)
		tls     TLS
		timeout time.Duration
		want    string
	}{
		{"answers", overTLS(certificate, tells("PONG")), TLS{CAFile: ca}, enough, ""},
		{"unverified", overTLS(certificate, tells("PONG")), TLS{Insecure: true}, enough, ""},
		{"signed by another", overTLS(certificate, tells("PONG")), TLS{CAFile: otherCA}, enough, "certificate signed by unknown authority"},
		{"closes", overTLS(certificate, closeAtOnce), TLS{CAFile: ca}, enough, "connection closed by the other side"},
		{"never answers", overTLS(certificate, mute), TLS{CAFile: ca}, soonOver, "no answer within 300ms"},
		{"no TLS", tells("220 mail ESMTP\r\n"), TLS{CAFile: ca}, enough, "server does not speak TLS"},
		{"no handshake", mute, TLS{CAFile: ca}, soonOver, "no answer within 300ms"},
		{"resets the handshake", reset, TLS{CAFile: ca}, enough, "connection reset by the other side"},
		{"huge records", endless("\x16\x03\x03\xff\xff"), TLS{CAFile: ca}, enough, "server does not speak TLS"},
		{"endless alerts", endless("\x15\x03\x03\x00\x02\x01\x5a"), TLS{CAFile: ca}, enough, "too many ignored records"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.tls.Enabled = true
			spec := Spec{Kind: "tcp", Target: rawServer(t, "127.0.0.1", test.serve), TLS: test.tls, TCP: pong}
			if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
				t.Errorf("reason\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// A look ends its connection in order though it has not read all that came.
func TestTCPDoesNotReset(t *testing.T) {
	ends := make(chan error, 1)
	target := rawServer(t, "127.0.0.1", func(conn net.Conn) {
		io.WriteString(conn, strings.Repeat("welcome", 2000))
		_, err := io.Copy(io.Discard, conn)
		ends <- err
	})
	spec := Spec{Kind: "tcp", Target: target, TCP: TCP{Expect: Pattern{Bytes: []byte("w")}}}
	for range 50 {
		if got := lookOnce(t, spec, enough); got != "" {
			t.Fatal(got)
		}
		if err := <-ends; err != nil {
			t.Fatalf("the server saw: %v", err)
		}
	}
}

// A look that only connects leaves no port that waits; one that talks ends in order.
func TestTCPEndsBySilence(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	ends := make(chan error, 1)
	tellEnd := func(conn net.Conn) {
		_, err := io.Copy(io.Discard, conn)
		ends <- err
	}
	for _, test := range []struct {
		name  string
		serve func(net.Conn)
		spec  Spec
		want  error
	}{
		{"silent", tellEnd, Spec{}, syscall.ECONNRESET},
		{"sends", tellEnd, Spec{TCP: TCP{Send: []byte("PING")}}, nil},
		{"expects", func(conn net.Conn) { io.WriteString(conn, "PONG"); tellEnd(conn) }, Spec{TCP: TCP{Expect: Pattern{Contains: "PONG"}}}, nil},
		{"speaks TLS", overTLS(certificate, tellEnd), Spec{TLS: TLS{Enabled: true, CAFile: ca}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.spec.Kind, test.spec.Target = "tcp", rawServer(t, "127.0.0.1", test.serve)
			if got := lookOnce(t, test.spec, enough); got != "" {
				t.Fatal(got)
			}
			if err := <-ends; !errors.Is(err, test.want) {
				t.Errorf("the server saw %v, want %v", err, test.want)
			}
		})
	}
}

// TLS ends with a notice, so that the server does not log that it was cut off.
func TestTLSEndsInOrder(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	last := make(chan byte, 1)
	target := rawServer(t, "127.0.0.1", func(conn net.Conn) {
		heard := &hearing{Conn: conn}
		// Later versions hide what a record is.
		server := tls.Server(heard, &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: tls.VersionTLS12})
		io.Copy(io.Discard, server)
		last <- heard.lastRecord()
	})
	if got := lookOnce(t, Spec{Kind: "tcp", Target: target, TLS: TLS{Enabled: true, CAFile: ca}}, enough); got != "" {
		t.Fatal(got)
	}
	if kind := <-last; kind != 21 { // an alert: RFC 5246, section 6.2.1
		t.Errorf("the last record is of type %d", kind)
	}
}

// hearing is a connection that keeps what it has read.
type hearing struct {
	net.Conn
	heard []byte
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.heard = append(h.heard, p[:n]...)
	return n, err
}

// lastRecord returns the type of the last record of TLS.
func (h *hearing) lastRecord() (kind byte) {
	for rest := h.heard; len(rest) >= 5; {
		kind = rest[0]
		rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
	}
	return kind
}

func TestWrongTCPSpecs(t *testing.T) {
	tests := []struct {
		spec Spec
		want string
	}{
		{Spec{Target: "host"}, `target "host": must be "host:port"`},
		{Spec{Target: ""}, `target "": must be "host:port"`},
		{Spec{Target: ":80"}, `target ":80": must be "host:port"`},
		{Spec{Target: "::1"}, `target "::1": must be "host:port"`},
		{Spec{Target: "host:0"}, `target "host:0": port "0": must be 1 to 65535`},
		{Spec{Target: "host:http"}, `target "host:http": port "http": must be 1 to 65535`},
		{Spec{Target: "host:65536"}, `target "host:65536": port "65536": must be 1 to 65535`},
		{Spec{Target: "h:1", TCP: TCP{Expect: Pattern{Contains: "a", Bytes: []byte("a")}}}, "expect: a text or bytes, not both"},
		{Spec{Target: "h:1", TCP: TCP{Expect: Pattern{Bytes: []byte("a"), Mask: []byte("ab")}}}, "expect: the mask has 2 bytes; must have 1, as the bytes"},
		{Spec{Target: "h:1", TCP: TCP{Expect: Pattern{Contains: strings.Repeat("a", 1<<20)}}}, "expect: must have at most 65536 bytes"},
	}
	for _, test := range tests {
		if _, err := newTCP(nil, test.spec); err == nil || err.Error() != test.want {
			t.Errorf("%+v: error %v, want %s", test.spec, err, test.want)
		}
	}
}
