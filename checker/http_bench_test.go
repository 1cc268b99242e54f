package checker

import (
	"context"
	"net"
	"testing"
	"time"
)

// serveRaw answers each connection with an answer, after the first bytes that come.
func serveRaw(t testing.TB, answer string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		request := make([]byte, 4096)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(request)
			_, _ = conn.Write([]byte(answer))
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

func BenchmarkHTTPCheck(b *testing.B) {
	answer := "HTTP/1.1 200 OK\r\nServer: raw\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n"
	for name, request := range map[string]Request{"head": {}, "body": {Contains: "OK"}} {
		b.Run(name, func(b *testing.B) {
			spec := Spec{Kind: "http", Target: "http://" + serveRaw(b, answer) + "/health"}
			spec.HTTP.Requests = []Request{request}
			check, err := testHost().New(spec)
			must(b, err)
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
				if _, err := check.Check(ctx); err != nil {
					b.Fatal(err)
				}
				cancel()
			}
		})
	}
}
