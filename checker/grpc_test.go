package checker

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// grpcServer serves handle over HTTP/2, with TLS if there is a certificate.
func grpcServer(t testing.TB, host string, certificate tls.Certificate, handle http.HandlerFunc) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handle, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if len(certificate.Certificate) > 0 {
			server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.ServeTLS(listener, "", "")
			return
		}
		server.Serve(listener)
	}()
	t.Cleanup(func() { server.Close(); <-ended })
	return listener.Addr().String()
}

// grpcAnswer answers with a body and a grpc-status in the trailers.
func grpcAnswer(body, status, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		io.WriteString(w, body)
		w.Header().Set("Grpc-Status", status)
		w.Header().Set("Grpc-Message", message)
	}
}

// grpcOnly answers with headers alone.
func grpcOnly(status, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/grpc+proto")
		w.Header().Set("Grpc-Status", status)
		w.Header().Set("Grpc-Message", message)
	}
}

const serving = "\x00\x00\x00\x00\x02\x08\x01"

func TestGRPC(t *testing.T) {
	tests := []struct {
		name    string
		serve   http.HandlerFunc
		timeout time.Duration
		want    string
	}{
		{"serves", grpcAnswer(serving, "0", ""), enough, ""},
		{"has other fields", grpcAnswer("\x00\x00\x00\x00\x16\x12\x02hi\x08\x02\x19\x01\x02\x03\x04\x05\x06\x07\x08\x25\x01\x02\x03\x04\x08\x01", "0", ""), enough, ""},
		{"does not serve", grpcAnswer("\x00\x00\x00\x00\x02\x08\x02", "0", ""), enough, "NOT_SERVING, wanted SERVING"},
		{"does not know the service", grpcAnswer("\x00\x00\x00\x00\x02\x08\x03", "0", ""), enough, "SERVICE_UNKNOWN, wanted SERVING"},
		{"knows nothing", grpcAnswer("\x00\x00\x00\x00\x00", "0", ""), enough, "UNKNOWN, wanted SERVING"},
		{"a status of its own", grpcAnswer("\x00\x00\x00\x00\x03\x08\xac\x02", "0", ""), enough, "status 300, wanted SERVING"},
		{"headers alone", grpcOnly("5", "unknown service"), enough, "NOT_FOUND: unknown service"},
		{"no such method", grpcOnly("12", ""), enough, "UNIMPLEMENTED"},
		{"an encoded message", grpcOnly("14", "caf%C3%A9 is %zz 100%%0A"), enough, `UNAVAILABLE: café is %zz 100%\n`},
		{"a long message", grpcOnly("14", strings.Repeat("long ", 200)), enough, "UNAVAILABLE: long *..."},
		{"an unknown code", grpcOnly("99", ""), enough, "grpc-status 99"},
		{"no code", grpcOnly("x", ""), enough, `malformed answer: grpc-status "x"`},
		{"headers alone that are well", grpcOnly("0", ""), enough, "malformed answer: without a message"},
		{"fails in the trailers", grpcAnswer("", "13", "oops"), enough, "INTERNAL: oops"},
		{"fails after a message", grpcAnswer(serving, "13", "oops"), enough, "INTERNAL: oops"},
		{"no trailers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			io.WriteString(w, serving)
		}, enough, "malformed answer: without grpc-status"},
		{"ends within a message", grpcAnswer(serving[:6], "0", ""), enough, "malformed answer: ends within a message"},
		{"ends within a head", grpcAnswer(serving[:3], "0", ""), enough, "malformed answer: ends within a message"},
		{"compressed", grpcAnswer("\x01"+serving[1:], "0", ""), enough, "malformed answer: compressed, which was not asked for"},
		{"two messages", grpcAnswer(serving+serving, "0", ""), enough, "malformed answer: more than one message"},
		{"a huge message", grpcAnswer("\x00\xff\xff\xff\xff"+strings.Repeat("x", 1<<20), "0", ""), enough, "an answer of 4294967295 bytes; must be at most 4096"},
		{"not protobuf", grpcAnswer("\x00\x00\x00\x00\x02\xff\xff", "0", ""), enough, "malformed answer: no message of protobuf"},
		{"a field behind the end", grpcAnswer("\x00\x00\x00\x00\x02\x12\x7f", "0", ""), enough, "malformed answer: no message of protobuf"},
		{"another server", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, enough, `content type "text/html; charset=utf-8", wanted application/grpc`},
		{"not found", http.NotFound, enough, "HTTP status 404, wanted 200"},
		{"without end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			for {
				if _, err := io.WriteString(w, serving); err != nil {
					return
				}
			}
		}, enough, "malformed answer: more than one message"},
		{"never answers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, soonOver, "no answer within 300ms"},
		{"never ends", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			io.WriteString(w, serving)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, soonOver, "no answer within 300ms"},
		{"huge headers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Huge", strings.Repeat("x", 200<<10))
		}, enough, "server breaks the rules of HTTP/2: COMPRESSION_ERROR"},
		{"aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, enough, "stream error: stream ID 1; INTERNAL_ERROR; received from peer"},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range tests {
			t.Run(host+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				spec := Spec{Kind: "grpc", Target: grpcServer(t, host, tls.Certificate{}, test.serve)}
				if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
		t.Run(host+"/refused", func(t *testing.T) {
			if got := lookOnce(t, Spec{Kind: "grpc", Target: closedPort(t, host)}, enough); got != "connection refused" {
				t.Errorf("reason %q", got)
			}
		})
	}
}

// What a server of HTTP/2 begins with: SETTINGS without any.
const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// untilAsked reads to the HEADERS of a request.
func untilAsked(conn net.Conn) {
	io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
		if head[3] == 1 {
			return
		}
	}
}

// A server that is none of gRPC, or of HTTP/2, or not for long.
func TestGRPCHostile(t *testing.T) {
	h2 := func(text string) func(net.Conn) {
		return func(c net.Conn) { io.WriteString(c, settings); untilAsked(c); tells(text)(c) }
	}
	flood := func(text string) func(net.Conn) {
		return func(c net.Conn) { io.WriteString(c, settings); endless(text)(c) }
	}
	tests := []struct {
		name    string
		serve   func(net.Conn)
		timeout time.Duration
		want    string
	}{
		{"closes at once", closeAtOnce, enough, "*"},
		{"gives up at once", tells(settings + "\x00\x00\x01\x00\x00\x00\x00\x00\x00x"), enough, "server *"},
		{"resets", func(c net.Conn) { io.WriteString(c, settings); untilAsked(c); reset(c) }, enough, "connection *"},
		{"is mute", mute, soonOver, "no answer within 300ms"},
		{"speaks HTTP/1.1", func(c net.Conn) {
			untilAsked(c)
			tells("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")(c)
		}, enough, "server does not speak h2"},
		{"garbage", endless("garbage"), enough, "*"},
		{"drips", drips("\x00\x00\x10\x04\x00\x00\x00\x00\x00"), soonOver, "*"},
		{"goes away", h2("\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), enough, "*GOAWAY"},
		{"a frame on no stream", h2("\x00\x00\x01\x00\x00\x00\x00\x00\x00x"), enough, "server breaks the rules of HTTP/2: PROTOCOL_ERROR"},
		{"broken header compression", h2("\x00\x00\x01\x01\x04\x00\x00\x00\x01\xff"), enough, "server breaks the rules of HTTP/2: COMPRESSION_ERROR"},
		{"headers that go on and on", func(c net.Conn) {
			io.WriteString(c, settings+"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x88")
			endless("\x00\x00\x01\x09\x00\x00\x00\x00\x01\x88")(c)
		}, enough, "*"},
		{"pings without end", flood("\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"), soonOver, "*"},
		{"settings without end", flood(settings), soonOver, "*"},
		{"a stream that nobody asked for", h2("\x00\x00\x01\x01\x04\x00\x00\x00\x02\x88"), soonOver, "*"},
		{"interim answers without end", flood("\x00\x00\x05\x01\x04\x00\x00\x00\x01\x08\x03103"), enough, "*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spec := Spec{Kind: "grpc", Target: rawServer(t, "127.0.0.1", test.serve)}
			got := lookOnce(t, spec, test.timeout)
			if got == "" || !isLike(got, test.want) {
				t.Errorf("reason\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestGRPCOverTLS(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	_, otherCA := testCertificate(t, "127.0.0.1")
	h2 := grpcServer(t, "127.0.0.1", certificate, grpcAnswer(serving, "0", ""))
	noALPN := rawServer(t, "127.0.0.1", overTLS(certificate, mute))
	plain := rawServer(t, "127.0.0.1", tells(settings))
	for _, test := range []struct {
		target, ca, want string
	}{
		{h2, ca, ""},
		{h2, otherCA, "certificate signed by unknown authority"},
		{noALPN, ca, "server does not speak h2 over TLS"},
		{plain, ca, "server does not speak TLS"},
	} {
		spec := Spec{Kind: "grpc", Target: test.target, TLS: TLS{Enabled: true, CAFile: test.ca}}
		if got := lookOnce(t, spec, enough); got != test.want {
			t.Errorf("reason %q, want %q", got, test.want)
		}
	}
	if got := lookOnce(t, Spec{Kind: "grpc", Target: h2}, enough); got == "" {
		t.Error("well without TLS")
	}
}

// What a server sees of a look, byte for byte where it matters.
func TestGRPCRequest(t *testing.T) {
	seen := make(chan string, 1)
	target := grpcServer(t, "127.0.0.1", tls.Certificate{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- fmt.Sprintf("%s %s %s %s %s %q", r.Proto, r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Te"), body)
		grpcAnswer(serving, "0", "")(w, r)
	})
	for service, body := range map[string]string{
		"":    "\x00\x00\x00\x00\x00",
		"foo": "\x00\x00\x00\x00\x05\n\x03foo",
	} {
		if got := lookOnce(t, Spec{Kind: "grpc", Target: target, GRPC: GRPC{Service: service}}, enough); got != "" {
			t.Fatal(got)
		}
		want := fmt.Sprintf("HTTP/2.0 POST /grpc.health.v1.Health/Check application/grpc trailers %q", body)
		if got := <-seen; got != want {
			t.Errorf("the server saw\n%s\nwant\n%s", got, want)
		}
	}
}

// The authority is the name of the server where one is set, as gRPC has it.
func TestGRPCAuthority(t *testing.T) {
	seen := make(chan string, 1)
	certificate, _ := testCertificate(t, "127.0.0.1")
	target := grpcServer(t, "127.0.0.1", certificate, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Host
		grpcAnswer(serving, "0", "")(w, r)
	})
	for name, want := range map[string]string{"": target, "cart.example.com": "cart.example.com", "2001:db8::1": "[2001:db8::1]"} {
		tls := TLS{Enabled: true, Insecure: true, ServerName: name}
		if got := lookOnce(t, Spec{Kind: "grpc", Target: target, TLS: tls}, enough); got != "" {
			t.Fatal(got)
		}
		if got := <-seen; got != want {
			t.Errorf("authority %q, want %q", got, want)
		}
	}
}

func TestHealthStatus(t *testing.T) {
	for message, want := range map[string]string{
		"":                  "0 <nil>",
		"\x08\x01":          "1 <nil>",
		"\x08\x02\x08\x01":  "1 <nil>",
		"\x12\x01x\x08\x01": "1 <nil>",
		"\x10\x01":          "0 <nil>",
		"\x08":              "0 no message of protobuf",
		"\x00\x01":          "0 no message of protobuf",
		"\x0b":              "0 no message of protobuf",
		"\x11\x01\x02":      "0 no message of protobuf",
		"\x15\x01\x02":      "0 no message of protobuf",
		"\x12\x02x":         "0 no message of protobuf",
		// A field of 2^64-5 bytes.
		"\x12\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x08\x01": "0 no message of protobuf",
	} {
		status, err := healthStatus([]byte(message))
		if got := fmt.Sprint(status, " ", err); got != want {
			t.Errorf("%q: %s, want %s", message, got, want)
		}
	}
}

func TestWrongGRPCSpecs(t *testing.T) {
	for want, spec := range map[string]Spec{
		`target "host": must be "host:port"`:     {Target: "host"},
		"service: must have at most 65536 bytes": {Target: "h:1", GRPC: GRPC{Service: strings.Repeat("x", 65537)}},
	} {
		if _, err := newGRPC(testHost(), spec); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func FuzzGRPCAnswer(f *testing.F) {
	f.Add([]byte(serving), "0", "")
	f.Add([]byte("\x00\x00\x00\x00\x04\x12\x02hi"), "13", "%41")
	f.Fuzz(func(t *testing.T, body []byte, code, text string) {
		message, err := readGRPC(bytes.NewReader(body))
		if err == nil {
			err = grpcStatus(code, text, message)
		}
		if err != nil {
			checkReason(t, explain(err).Error())
		}
	})
}
