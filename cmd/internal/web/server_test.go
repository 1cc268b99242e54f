package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// patience is for what happens at once, on a machine that is busy.
const patience = 20 * time.Second

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running runs a server until the test ends.
func running(t *testing.T) (*Server, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	s := NewServer(sources(), slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s, log
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen: %s", what)
		}
	}
}

// free is an address of this machine at which nobody listens.
func free(t *testing.T) netip.AddrPort {
	t.Helper()
	ln := taken(t, "127.0.0.1:0")
	defer ln.Close()
	return addressOf(ln)
}

func taken(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func addressOf(ln net.Listener) netip.AddrPort { return ln.Addr().(*net.TCPAddr).AddrPort() }

// answers tells whether metrics are served at an address.
func answers(at netip.AddrPort) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + at.String() + "/metrics")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return err == nil && response.StatusCode == 200 && strings.Contains(string(body), "\nperch_service_up{service=\"web\"} 1\n")
}

// following opens a stream of events.
func following(t *testing.T, at netip.AddrPort, header http.Header, query string) *bufio.Reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at.String()+"/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return bufio.NewReader(response.Body)
}

// field returns the next field of a stream that has this name.
func field(t *testing.T, in *bufio.Reader, name string) string {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if value, found := strings.CutPrefix(line, name+": "); found {
			return strings.TrimSpace(value)
		}
	}
}

// A client goes on where it was, and a stream ends when another address is served.
func TestEventsAreStreamed(t *testing.T) {
	s, _ := running(t)
	at := free(t)
	s.Listen(at)
	eventually(t, "the address answers", func() bool { return answers(at) })
	for _, subject := range []string{"one", "two"} {
		s.events.Add(events.Event{Kind: events.CheckDown, Subject: subject})
	}
	in := following(t, at, nil, "")
	first := field(t, in, "id")
	if text := field(t, in, "data"); !strings.Contains(text, `"kind":"check_down"`) || !strings.Contains(text, `"subject":"one"`) {
		t.Errorf("%s", text)
	}
	for name, again := range map[string]*bufio.Reader{
		"header": following(t, at, http.Header{"Last-Event-Id": {first}}, "?after=0"),
		"query":  following(t, at, nil, "?after="+first),
	} {
		if text := field(t, again, "data"); !strings.Contains(text, `"subject":"two"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
	older := following(t, at, http.Header{"Last-Event-Id": {"0a-7"}}, "")
	if text := field(t, older, "data"); !strings.Contains(text, `"kind":"new_run"`) {
		t.Errorf("behind another run: %s", text)
	}
	s.Listen(netip.AddrPort{})
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Errorf("the stream ends by %v", err)
	}
	eventually(t, "all streams end", func() bool { return s.streams.Count() == 0 })
}

func TestEventsBehindNonsense(t *testing.T) {
	serving(t, func(s *site) {
		s.routes["/events"] = NewServer(sources(), quiet).serveEvents
		if response, body := s.ask("GET /events?after=x HTTP/1.1\r\nHost: a\r\n\r\n"); response.StatusCode != 400 || !strings.Contains(body, "RUN-NUMBER") {
			t.Errorf("%s %q", response.Status, body)
		}
	})
}

func TestAddressChanges(t *testing.T) {
	s, log := running(t)
	first, second := free(t), free(t)
	s.Listen(first)
	eventually(t, "the first address answers", func() bool { return answers(first) })
	s.Listen(second)
	eventually(t, "the second address answers", func() bool { return answers(second) })
	if answers(first) {
		t.Error("the first address answers, too")
	}
	s.Listen(netip.AddrPort{})
	eventually(t, "no address answers", func() bool { return !answers(second) })
	if trouble := s.Trouble(); trouble != "" || strings.Contains(log.String(), "level=WARN") {
		t.Errorf("trouble %q, log:\n%s", trouble, log)
	}
}

// An address that is taken is had once it is free.
func TestAddressIsTaken(t *testing.T) {
	s, log := running(t)
	other := taken(t, "127.0.0.1:0")
	at := addressOf(other)
	s.Listen(at)
	want := "neither dashboard nor metrics are served at " + at.String() + " (node.listen): address already in use; that is tried again every 5s"
	eventually(t, want, func() bool { return s.Trouble() == want })
	for range 3 {
		s.Listen(at)
		eventually(t, "it is tried again", func() bool { return len(s.poke) == 0 })
	}
	_ = other.Close()
	s.Listen(at) // else it takes seconds
	eventually(t, "the address answers", func() bool { return answers(at) })
	if trouble := s.Trouble(); trouble != "" {
		t.Errorf("trouble %q", trouble)
	}
	if n := strings.Count(log.String(), "dashboard and metrics are not served"); n != 1 {
		t.Errorf("said %d times that there are none, want once:\n%s", n, log)
	}
}

func TestAddressThatIsNotThere(t *testing.T) {
	s, _ := running(t)
	s.Listen(netip.MustParseAddrPort("192.0.2.1:7401"))
	eventually(t, "trouble", func() bool { return strings.Contains(s.Trouble(), "cannot assign requested address") })
	s.Listen(netip.AddrPort{})
	eventually(t, "no trouble", func() bool { return s.Trouble() == "" })
}

// 0.0.0.0 is for IPv4 alone.
func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{"0.0.0.0:1": "tcp4", "127.0.0.1:1": "tcp4", "[::]:1": "tcp", "[::1]:1": "tcp"} {
		if got := network(netip.MustParseAddrPort(address)); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}

// A client that is gone without a word does not keep its connection for long.
func TestGoneClientsAreGivenUp(t *testing.T) {
	ln, err := listen(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	_ = raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) })
	if want := int(goneAfter.Milliseconds()); got != want || err != nil {
		t.Errorf("TCP_USER_TIMEOUT is %d ms, %v, want %d", got, err, want)
	}
}
