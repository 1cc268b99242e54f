package checker

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A thousand looks and more, most of which go wrong, leave no goroutine and no open file.
func TestLooksLeaveNothing(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	checks := netChecks(t, certificate, ca)
	round := func() {
		var looks sync.WaitGroup
		for _, check := range checks {
			looks.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				defer cancel()
				check.Check(ctx)
			})
		}
		looks.Wait()
	}
	round()
	goroutines := goleak.IgnoreCurrent()
	settle(t, 0)
	files := openFiles(t)
	// The garbage collector closes what is forgotten, so it must not run at first.
	percent := debug.SetGCPercent(-1)
	for range 20 {
		round()
	}
	settle(t, files)
	debug.SetGCPercent(percent)
	for range 30 {
		round()
	}
	settle(t, files)
	goleak.VerifyNone(t, goroutines)
}

// netChecks are checks of the kinds of the network, against servers of all sorts.
func netChecks(t *testing.T, certificate tls.Certificate, ca string) []Checker {
	t.Helper()
	const host = "127.0.0.1"
	var checks []Checker
	add := func(spec Spec) {
		check, err := testHost().New(spec)
		if err != nil {
			t.Fatal(err)
		}
		checks = append(checks, check)
	}
	for _, serve := range []func(net.Conn){mute, closeAtOnce, reset, saysAndCloses("220 mail\r\n"), tells(settings), endless("220-x\r\n")} {
		target := rawServer(t, host, serve)
		add(Spec{Kind: "tcp", Target: target, TCP: TCP{Send: []byte("x"), Expect: Pattern{Contains: "PONG"}}})
		add(Spec{Kind: "tcp", Target: target, TLS: TLS{Enabled: true, CAFile: ca}})
		add(Spec{Kind: "smtp", Target: target})
		add(Spec{Kind: "grpc", Target: target})
		add(Spec{Kind: "dns", Target: target, DNS: DNS{TCP: true}})
	}
	add(Spec{Kind: "tcp", Target: rawServer(t, host, overTLS(certificate, tells("PONG"))), TLS: TLS{Enabled: true, CAFile: ca}})
	add(Spec{Kind: "tcp", Target: closedPort(t, host)})
	add(Spec{Kind: "udp", Target: closedPort(t, host)})
	add(Spec{Kind: "udp", Target: packetServer(t, host, func([]byte) [][]byte { return nil }), UDP: UDP{Answer: true}})
	add(Spec{Kind: "dns", Target: packetServer(t, host, func(query []byte) [][]byte { return [][]byte{query, query} })})
	add(Spec{Kind: "grpc", Target: grpcServer(t, host, tls.Certificate{}, grpcAnswer(serving, "0", ""))})
	add(Spec{Kind: "grpc", Target: grpcServer(t, host, tls.Certificate{}, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})})
	return checks
}

// settle waits until no more than so many files are open, or, for 0, until their number
// stays as it is.
func settle(t *testing.T, files int) {
	t.Helper()
	last := -1
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		now := openFiles(t)
		if files > 0 && now <= files || files == 0 && now == last {
			return
		}
		last = now
	}
	t.Fatalf("%d files are open, want %d", openFiles(t), files)
}

// Whatever a server sends, a look takes little memory: all that both have allocated.
func TestLooksTakeLittle(t *testing.T) {
	const most = 1 << 20 // the buffers of the test's server are in it
	specs := map[string]Spec{
		"tcp":      {Kind: "tcp", TCP: TCP{Expect: Pattern{Contains: "PONG"}}},
		"smtp":     {Kind: "smtp"},
		"dns":      {Kind: "dns", DNS: DNS{TCP: true}},
		"grpc":     {Kind: "grpc"},
		"tcp, TLS": {Kind: "tcp", TLS: TLS{Enabled: true, Insecure: true}},
	}
	for name, spec := range specs {
		for _, text := range []string{
			"\x00", "220-more\r\n", "220 a line without end ", "\xff\xff", settings,
			"\x16\x03\x03\x3f\xff", settings + "\x00\x3f\xff\x01\x00\x00\x00\x00\x01",
		} {
			if name == "grpc" && text == settings {
				continue // net/http answers each of them, with memory that it does not keep
			}
			spec.Target = rawServer(t, "127.0.0.1", endless(text))
			lookOnce(t, spec, 20*time.Millisecond)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := lookOnce(t, spec, 100*time.Millisecond)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%s, %q without end: %d bytes (%s)", name, text, took, got)
			}
		}
	}
}
