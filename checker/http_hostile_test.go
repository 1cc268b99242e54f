package checker

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// hostile serves each connection with a function of its own, and returns the address.
func hostile(t testing.TB, serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// answer sends a text once something has come.
func answer(conn net.Conn, text string) {
	_, _ = conn.Read(make([]byte, 4096))
	_, _ = io.WriteString(conn, text)
}

// answers answers with a text and closes, without a reset for what it has not read.
func answers(text string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(conn, text)
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
}

// forever answers with a text and then with another one, time and again.
func forever(text, again string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(conn, text)
		for again := []byte(again); ; {
			if _, err := conn.Write(again); err != nil {
				return
			}
		}
	}
}

// slowly answers with a text and then with a byte at a time.
func slowly(text string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(conn, text)
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// silentAfter answers with a text and then waits until it is left.
func silentAfter(text string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// resets answers with a text and then resets the connection.
func resets(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		// Once this is over, what was written has been read or never will be.
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// bomb is a small body that becomes a large one.
func bomb(t testing.TB) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 8 {
		_, err := w.Write(make([]byte, 1<<20))
		must(t, err)
	}
	must(t, w.Close())
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", packed.Len(), packed.String())
}

var someTime = regexp.MustCompile(`within [0-9.]+m?s`)

// One hostile server per mistake, with its exact reason.
func TestHTTPHostileServers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	chunks := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat("x", 1<<16))
	deep := strings.Repeat("[", 1<<19)
	many := "[" + strings.Repeat("0,", 1<<18) + "1]"
	sized := func(body string) string { return fmt.Sprintf(ok+"Content-Length: %d\r\n\r\n%s", len(body), body) }
	for _, c := range []struct {
		name   string
		serve  func(net.Conn)
		scheme string
		http   HTTP
		want   string
	}{
		{"closes", answers(""), "http", HTTP{}, "connection closed, no answer"},
		{"closes in the status line", answers("HTTP/1.1 200"), "http", HTTP{}, "connection closed, no answer"},
		{"closes in the headers", answers(ok + "A: b\r\n"), "http", HTTP{}, "connection closed, no answer"},
		{"closes in the body", answers(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "connection closed, no end of the body"},
		{"closes in a chunk", answers(ok + "Transfer-Encoding: chunked\r\n\r\n10\r\nshort"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "connection closed, no end of the body"},
		{"resets at once", resets(""), "http", HTTP{}, "connection reset by the other side"},
		{"resets in the headers", resets(ok + "A: b\r\n"), "http", HTTP{}, "connection reset by the other side"},
		{"resets in the body", resets(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "connection reset by the other side"},
		{"says nothing", silentAfter(""), "http", HTTP{}, "no answer within T"},
		{"stops in the headers", silentAfter(ok), "http", HTTP{}, "no answer within T"},
		{"stops in the body", silentAfter(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "no end of the body within T"},
		{"slow status line", slowly("HTTP/1.1 200 "), "http", HTTP{}, "no answer within T"},
		{"slow headers", slowly(ok + "A: "), "http", HTTP{}, "no answer within T"},
		{"slow body", slowly(ok + "\r\n"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "no end of the body within T"},
		{"slow chunks", slowly(ok + "Transfer-Encoding: chunked\r\n\r\n1000\r\n"), "http", HTTP{Requests: []Request{{Contains: "short"}}}, "no end of the body within T"},
		{"endless status line", forever("HTTP/1.1 200 ", "xxxxxxxx"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"endless header", forever(ok+"A: ", "xxxxxxxx"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"endless headers", forever(ok, "A: b\r\n"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"endless folded header", forever(ok+"A: b\r\n", " c\r\n"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"endless interim answers", forever("", "HTTP/1.1 100 Continue\r\n\r\n"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"endless early hints", forever("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "http", HTTP{}, "headers longer than 64 KiB"},
		{"an interim answer alone", silentAfter("HTTP/1.1 100 Continue\r\n\r\n"), "http", HTTP{}, "no answer within T"},
		{"endless body", forever(ok+"\r\n", "xxxxxxxx"), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "body longer than 1 MiB"},
		{"endless body that has it", forever(ok+"\r\n", "xxxxxxxx"), "http", HTTP{Requests: []Request{{Contains: "x"}}}, "body longer than 1 MiB"},
		{"endless body, nothing asked", forever(ok+"\r\n", chunks), "http", HTTP{}, "body longer than 16 MiB"},
		{"endless chunks, nothing asked", forever(ok+"Transfer-Encoding: chunked\r\n\r\n", chunks), "http", HTTP{}, "body longer than 16 MiB"},
		{"huge length, nothing asked", silentAfter(ok + "Content-Length: 9223372036854775807\r\n\r\n"), "http", HTTP{}, "body longer than 16 MiB"},
		{"slow body, nothing asked", slowly(ok + "\r\n"), "http", HTTP{}, "no end of the body within T"},
		{"slow chunks, nothing asked", slowly(ok + "Transfer-Encoding: chunked\r\n\r\n1000\r\n"), "http", HTTP{}, "no end of the body within T"},
		{"stops in the body, nothing asked", silentAfter(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{}, "no end of the body within T"},
		{"closes in the body, nothing asked", answers(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{}, "connection closed, no end of the body"},
		{"closes in a chunk, nothing asked", answers(ok + "Transfer-Encoding: chunked\r\n\r\n10\r\nshort"), "http", HTTP{}, "connection closed, no end of the body"},
		{"closes without the last chunk", answers(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"), "http", HTTP{}, "connection closed, no end of the body"},
		{"resets in the body, nothing asked", resets(ok + "Content-Length: 10\r\n\r\nshort"), "http", HTTP{}, "connection reset by the other side"},
		{"keeps the connection open", silentAfter(ok + "Content-Length: 5\r\n\r\nshort"), "http", HTTP{}, ""},
		{"no body after 204", silentAfter("HTTP/1.1 204 No Content\r\n\r\n"), "http", HTTP{}, ""},
		{"no body after 304", silentAfter("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "http", HTTP{Requests: []Request{{Status: []Range{{304, 304}}}}}, ""},
		{"no body after HEAD", silentAfter(ok + "Content-Length: 9223372036854775807\r\n\r\n"), "http", HTTP{Method: "HEAD"}, ""},
		{"endless chunks", forever(ok+"Transfer-Encoding: chunked\r\n\r\n", chunks), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "body longer than 1 MiB"},
		{"endless tiny chunks", forever(ok+"Transfer-Encoding: chunked\r\n\r\n", "1;extension="+strings.Repeat("e", 200)+"\r\nx\r\n"), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "chunked encoding contains too much non-data"},
		{"endless trailers", forever(ok+"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "A: b\r\n"), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "suspiciously long trailer after chunked body"},
		{"huge length", silentAfter(ok + "Content-Length: 9223372036854775807\r\n\r\n"), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "body longer than 1 MiB"},
		{"impossible length", answers(ok + "Content-Length: 9223372036854775808\r\n\r\n"), "http", HTTP{}, `bad Content-Length "9223372036854775808"`},
		{"negative length", answers(ok + "Content-Length: -1\r\n\r\n"), "http", HTTP{}, `bad Content-Length "-1"`},
		{"two lengths", answers(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), "http", HTTP{}, `message cannot contain multiple Content-Length headers; got ["1" "2"]`},
		{"too small a length", answers(ok + "Content-Length: 2\r\n\r\nOK or so"), "http", HTTP{Requests: []Request{{Matches: "^OK$"}}}, ""},
		{"no chunk", answers(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "http", HTTP{Requests: []Request{{Contains: "y"}}}, "invalid byte in chunk length"},
		{"unknown coding", answers(ok + "Transfer-Encoding: gzip\r\n\r\n"), "http", HTTP{}, `unsupported transfer encoding: "gzip"`},
		{"gzip bomb", answers(bomb(t)), "http", HTTP{Requests: []Request{{Contains: "y"}}}, `body lacks "y"`},
		{"deep JSON", answers(sized(deep)), "http", HTTP{Requests: []Request{{JSONPath: "a"}}}, "body is not JSON"},
		{"long to match", answers(sized(strings.Repeat("a", 1<<18))), "http", HTTP{Requests: []Request{{Matches: ".{0,1000}ready"}}}, "no verdict on the body within T"},
		{"long to mismatch", answers(sized(strings.Repeat("a", 1<<18))), "http", HTTP{Requests: []Request{{Mismatch: ".{0,1000}ready"}}}, "no verdict on the body within T"},
		{"long JSON", answers(sized(many)), "http", HTTP{Requests: []Request{{JSONPath: "[262145]"}}}, "[262145] is not there"},
		{"garbage", answers("\x00\x01\x02garbage\r\n\r\n"), "http", HTTP{}, `malformed HTTP response "\x00\x01\x02garbage"`},
		{"long garbage", answers(strings.Repeat("g", 1000) + "\r\n"), "http", HTTP{}, `malformed HTTP response "` + strings.Repeat("g", 172) + "..."},
		{"bad status", answers("HTTP/1.1 2x0 OK\r\n\r\n"), "http", HTTP{}, `malformed HTTP status code "2x0"`},
		{"bad version", answers("HTTP/x 200 OK\r\n\r\n"), "http", HTTP{}, `malformed HTTP version "HTTP/x"`},
		{"bad header", answers(ok + "no colon\x1b[31m\r\n\r\n"), "http", HTTP{}, `malformed MIME header: missing colon: "no colon\x1b[31m"`},
		{"an SSH server", answers("SSH-2.0-OpenSSH_9.2\r\n"), "http", HTTP{}, `malformed HTTP response "SSH-2.0-OpenSSH_9.2"`},
		{"a TLS server", answers("\x15\x03\x01\x00\x02\x02\x16"), "http", HTTP{}, "server speaks TLS, not plain HTTP"},
		{"redirect to nowhere", answers("HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n"), "http", HTTP{Redirect: true}, `failed to parse Location header "http://[": parse "http://[": missing ']' in host`},
		{"redirect without a place", answers("HTTP/1.1 302 Found\r\n\r\n"), "http", HTTP{Redirect: true}, "status 302, wanted 200-299"},
		{"redirect to a closed port", answers("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "http", HTTP{Redirect: true}, "connection refused"},
		{"redirect with an endless body", forever("HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n", "xxxx"), "http", HTTP{Redirect: true}, "more than 10 redirects"},
		{"redirect with a slow body", slowly("HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n"), "http", HTTP{Redirect: true}, "no end of the body within T"},

		{"closes in the handshake", answers(""), "https", HTTP{}, "connection closed, no TLS handshake"},
		{"resets in the handshake", resets(""), "https", HTTP{}, "connection reset by the other side"},
		{"silent in the handshake", silentAfter(""), "https", HTTP{}, "no TLS handshake within T"},
		{"plain HTTP", answers("HTTP/1.1 400 Bad Request\r\n\r\n"), "https", HTTP{}, "server speaks plain HTTP, not TLS"},
		{"TLS garbage", answers("garbage, much of it\r\n"), "https", HTTP{}, "server does not speak TLS"},
		{"garbage in a TLS record", answers("\x16\x03\x03\x00\x04\xff\xff\xff\xff"), "https", HTTP{}, "handshake message of length 16777215 bytes exceeds maximum of 65536 bytes"},
		{"a TLS alert", answers("\x15\x03\x03\x00\x02\x02\x28"), "https", HTTP{}, "server refused TLS: handshake failure"},
		{"endless TLS warnings", forever("", "\x15\x03\x03\x00\x02\x01\x5a"), "https", HTTP{}, "too many ignored records"},

		{"h2: closes", answers(""), "http", HTTP{Protocol: "h2"}, "connection closed, no answer"},
		{"h2: silent", silentAfter(""), "http", HTTP{Protocol: "h2"}, "no answer within T"},
		{"h2: says HTTP/1.1", answers("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "http", HTTP{Protocol: "h2"}, "server does not speak h2"},
		{"h2: goes away", frames(func(f *http2.Framer) error { return f.WriteGoAway(0, http2.ErrCodeInternal, []byte("\x1b[31m")) }), "http", HTTP{Protocol: "h2"}, "server goes away: INTERNAL_ERROR"},
		{"h2: resets the stream", frames(func(f *http2.Framer) error { return f.WriteRSTStream(1, http2.ErrCodeEnhanceYourCalm) }), "http", HTTP{Protocol: "h2"}, "stream error: stream ID 1; ENHANCE_YOUR_CALM; received from peer"},
		{"h2: pings without end", frames(func(f *http2.Framer) error {
			for {
				if err := f.WritePing(false, [8]byte{}); err != nil {
					return err
				}
			}
		}), "http", HTTP{Protocol: "h2"}, "no answer within T"},
		{"h2: headers without end", frames(func(f *http2.Framer) error {
			block := bytes.Repeat([]byte("\x00\x01a\x01b"), 3000)
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: append([]byte{0x88}, block...)}); err != nil {
				return err
			}
			for {
				if err := f.WriteContinuation(1, false, block); err != nil {
					return err
				}
			}
		}), "http", HTTP{Protocol: "h2"}, "server breaks the rules of HTTP/2: PROTOCOL_ERROR"},
		{"h2: many headers", frames(func(f *http2.Framer) error {
			block := bytes.Repeat([]byte("\x00\x01a\x01b"), 2000) // each counts 32 bytes more
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: append([]byte{0x88}, block...)})
		}), "http", HTTP{Protocol: "h2"}, "headers longer than 64 KiB"},
		{"h2: closes in the body", frames(func(f *http2.Framer) error {
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x88}}); err != nil {
				return err
			}
			return cmp.Or(f.WriteData(1, false, []byte("short")), io.EOF)
		}), "http", HTTP{Protocol: "h2"}, "connection closed, no end of the body"},
		{"h2: stops in the body", frames(func(f *http2.Framer) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x88}})
		}), "http", HTTP{Protocol: "h2"}, "no end of the body within T"},
		{"h2: body beyond the window", frames(func(f *http2.Framer) error {
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x88}}); err != nil {
				return err
			}
			for {
				if err := f.WriteData(1, false, make([]byte, 16<<10)); err != nil {
					return err
				}
			}
		}), "http", HTTP{Protocol: "h2", Requests: []Request{{Contains: "y"}}}, "server breaks the rules of HTTP/2: FLOW_CONTROL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := Spec{Kind: "http", Target: c.scheme + "://" + hostile(t, c.serve), HTTP: c.http}
			timeout := 20 * time.Second
			if strings.Contains(c.want, "within T") {
				timeout = 300 * time.Millisecond
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := lookWithin(t, spec, timeout)
			runtime.ReadMemStats(&after)
			if err != nil {
				err = &reason{text: someTime.ReplaceAllString(err.Error(), "within T")}
			}
			wantError(t, err, c.want)
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("%d bytes were allocated", got)
			}
		})
	}
}

// frames serves HTTP/2 until the headers of the first request are there, then frames, and
// no more after io.EOF.
func frames(write func(*http2.Framer) error) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
		framer := http2.NewFramer(conn, conn)
		_ = framer.WriteSettings()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			if frame.Header().Type == http2.FrameHeaders {
				break
			}
		}
		left := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			close(left)
		}()
		if write(framer) == io.EOF {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		<-left
	}
}

func TestHTTPBodyInTheMiddleOfH2(t *testing.T) {
	server := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	for want, request := range map[string]Request{"body longer than 1 MiB": {Contains: "y"}, "body longer than 16 MiB": {}} {
		_, err := lookAt(t, Spec{Kind: "http", Target: server, HTTP: HTTP{Protocol: "h2", Requests: []Request{request}}})
		wantError(t, err, want)
	}
}

// HTTP/2 says the same in several ways, by who is the first to notice.
func TestHTTPProtocolReason(t *testing.T) {
	for text, want := range map[string]string{
		`http2: server sent GOAWAY and closed the connection; LastStreamID=0, ErrCode=NO_ERROR, debug="x"`: "server goes away: NO_ERROR",
		"http2: Transport received GOAWAY from server ErrCode:INTERNAL_ERROR":                              "server goes away: INTERNAL_ERROR",
		"http2: Transport received Server's graceful shutdown GOAWAY":                                      "server goes away",
		"http2: invalid header: x": "invalid header: x",
		"dial tcp: refused":        "",
	} {
		if got := protocolReason(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	look := httpLook{stage: asking}
	wantError(t, look.explain(t.Context(), errors.New("http2: client connection lost")), "connection closed, no answer")
}
