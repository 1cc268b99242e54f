package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var webhookTime = time.Date(2026, 11, 27, 18, 49, 44, 500, time.UTC)

func webhookTo(t *testing.T, address string) *Webhook {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &Webhook{
		Node: "lb1", Agent: "perch/1.2", URL: u, TLS: &tls.Config{MinVersion: tls.VersionTLS12},
		Timeout: 20 * time.Second, Now: func() time.Time { return webhookTime },
	}
}

func ownerEvent() Event {
	return Event{Kind: Owner, Before: Standby, Subject: Subject{About: Cluster, Name: "edge"}, Priority: 100, Term: 7, At: webhookTime}
}

// The body is what the documentation says: others depend on it.
func TestReports(t *testing.T) {
	server := Subject{About: Server, Name: "web", Server: netip.MustParseAddrPort("10.0.0.11:80")}
	for want, e := range map[string]Event{
		`{"version":1,"id":"%s","node":"lb1","kind":"owner","before":"standby","subject":"cluster","name":"edge","priority":100,"reason":"","time":"2026-11-27T18:49:44.0000005Z","term":7}`: ownerEvent(),
		`{"version":1,"id":"%s","node":"lb1","kind":"server_down","subject":"server","name":"web","server":"10.0.0.11:80","reason":"it \"broke\"","time":"2026-11-27T18:49:44.0000005Z"}`:    {Kind: ServerDown, Subject: server, Reason: `it "broke"`, At: webhookTime},
		`{"version":1,"id":"%s","node":"lb1","kind":"fault","before":"master","subject":"vrrp","name":"gw","priority":0,"reason":"eth0 is down","time":"2026-11-27T18:49:44.0000005Z"}`:      {Kind: Fault, Before: Master, Subject: Subject{About: Router, Name: "gw"}, Reason: "eth0 is down", At: webhookTime},
	} {
		r := reportOf("lb1", e)
		body, err := r.body()
		if err != nil || string(body) != fmt.Sprintf(want, r.ID) {
			t.Errorf("%s (%v)\nwant %s", body, err, want)
		}
	}
}

// An event has one name, also when it is tried again, and another one has another.
func TestEventIDs(t *testing.T) {
	first := eventID("lb1", ownerEvent())
	settled := ownerEvent()
	settled.Settled = func() bool { return true }
	if got := eventID("lb1", settled); got != first || len(got) != 32 {
		t.Errorf("%s, want %s", got, first)
	}
	later, other := ownerEvent(), ownerEvent()
	later.At, other.Kind = later.At.Add(1), Standby
	if eventID("lb1", later) == first || eventID("lb1", other) == first || eventID("lb2", ownerEvent()) == first {
		t.Error("two events have one name")
	}
}

func TestWebhookRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	w := webhookTo(t, server.URL+"/hook?token=geheim")
	w.Secret, w.Token = []byte("key"), "bearer"
	if err := w.Tell(t.Context(), ownerEvent()); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.String() != "/hook?token=geheim" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	var r report
	if err := json.Unmarshal(body, &r); err != nil || r.Kind != Owner || r.Term != 7 {
		t.Errorf("%s: %v", body, err)
	}
	for name, want := range map[string]string{
		"Content-Type":    "application/json",
		"User-Agent":      "perch/1.2",
		"Idempotency-Key": r.ID,
		"Authorization":   "Bearer bearer",
		"Perch-Signature": signature([]byte("key"), body, webhookTime),
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

// Without a secret or a token nothing is signed or shown.
func TestWebhookRequestWithoutSecrets(t *testing.T) {
	r, err := webhookTo(t, "http://h/").request(t.Context(), ownerEvent())
	if err != nil || r.Header.Get("Perch-Signature") != "" || r.Header.Get("Authorization") != "" {
		t.Errorf("%v, %v", r.Header, err)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for code, c := range map[int]struct {
		want  string
		later bool
	}{
		200: {"", false},
		204: {"", false},
		302: {"post: answer 302 Found, and no redirect is followed", false},
		307: {"post: answer 307 Temporary Redirect, and no redirect is followed", false},
		400: {"post: answer 400 Bad Request: why", false},
		404: {"post: answer 404 Not Found: why", false},
		408: {"post: answer 408 Request Timeout: why", true},
		425: {"post: answer 425 Too Early: why", true},
		429: {"post: answer 429 Too Many Requests: why", true},
		500: {"post: answer 500 Internal Server Error: why", true},
		503: {"post: answer 503 Service Unavailable: why", true},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
				if code != 204 {
					fmt.Fprint(w, "why\n")
				}
			}))
			defer server.Close()
			got := ""
			err := webhookTo(t, server.URL).Tell(t.Context(), ownerEvent())
			if err != nil {
				got = err.Error()
			}
			if got != c.want || errors.Is(err, ErrLater) != c.later {
				t.Errorf("%q, later %v; want %q, %v", got, errors.Is(err, ErrLater), c.want, c.later)
			}
			if asked.Load() != 1 {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}

// Nothing that only the other side and perch may know is in what is logged.
func TestWebhookConceals(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		fmt.Fprintf(w, "no %s for %s\x1b[31m with key-of-hmac, see %s", r.URL, r.Header.Get("Authorization"), r.URL.Path)
	}))
	defer server.Close()
	w := webhookTo(t, server.URL+"/services/T0/XXX?key=geheim")
	w.Secret, w.Token = []byte("key-of-hmac"), "bearer-of-tests"
	err := w.Tell(t.Context(), ownerEvent())
	if want := "post: answer 403 Forbidden: no *** for Bearer *** [31m with ***, see ***"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	server.Close()
	if err := w.Tell(t.Context(), ownerEvent()); err == nil || !errors.Is(err, ErrLater) || strings.Contains(err.Error(), "services") {
		t.Errorf("%v", err)
	}
}

// Who answers without end is read of no more than is needed, and who does not answer is left.
func TestWebhookThatIsHostile(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var said atomic.Int64
	answers := map[string]func(net.Conn){
		"/silent": func(net.Conn) {},
		"/header": func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n")
			for _, err := fmt.Fprint(c, "A: b\r\n"); err == nil; _, err = fmt.Fprint(c, "A: b\r\n") {
			}
		},
		"/body": func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 500 No\r\n\r\n")
			for _, err := fmt.Fprint(c, "no "); err == nil; _, err = fmt.Fprint(c, "no ") {
				said.Add(3)
			}
		},
		"/nonsense": func(c net.Conn) { fmt.Fprint(c, "220 here\r\n"); c.Close() },
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				head := make([]byte, 64)
				n, _ := conn.Read(head)
				answers[strings.Fields(string(head[:n]))[1]](conn)
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	for path, want := range map[string]string{
		"/silent":   "post: no answer within 200ms",
		"/header":   "exceeded",
		"/body":     "post: answer 500 Internal Server Error: no no",
		"/nonsense": "malformed",
	} {
		w := webhookTo(t, "http://"+listener.Addr().String()+path)
		if path == "/silent" {
			w.Timeout = 200 * time.Millisecond
		}
		err := w.Tell(t.Context(), ownerEvent())
		if err == nil || !errors.Is(err, ErrLater) || !strings.Contains(err.Error(), want) || len(err.Error()) > 500 {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if n := said.Load(); n > 16<<20 {
		t.Errorf("%d bytes of an answer were taken", n)
	}
}

// A proxy that the environment names would hear of all.
func TestWebhookUsesNoProxy(t *testing.T) {
	if webhookTo(t, "https://h/").transport(t.Context()).Proxy != nil {
		t.Error("it uses a proxy")
	}
}

// The end of perch ends a request.
func TestWebhookAtTheEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := listener.Accept(); err == nil {
			defer conn.Close()
			cancel()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	if err := webhookTo(t, "http://"+listener.Addr().String()).Tell(ctx, ownerEvent()); !errors.Is(err, errEnded) || errors.Is(err, ErrLater) {
		t.Error(err)
	}
}

// A certificate must be good: that of an authority of the file, or of the system.
func TestWebhookVerifiesCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	w := webhookTo(t, server.URL)
	err := w.Tell(t.Context(), ownerEvent())
	if err == nil || errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger: %v", err)
	}
	w.TLS.RootCAs = x509.NewCertPool()
	w.TLS.RootCAs.AddCert(server.Certificate())
	if err := w.Tell(t.Context(), ownerEvent()); err != nil {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0,
		webhookTime.Add(time.Minute).Format(http.TimeFormat):  time.Minute - 500,
		webhookTime.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(text, webhookTime); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := leastPause(busy{errBusy, time.Hour}); got != longestPause {
		t.Errorf("an hour is %s", got)
	}
}

// A target that says how long it wants to be left alone is.
func TestTargetIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		d, e := s.dead(time.Minute, Master)
		d.fails = busy{errBusy, 2 * time.Minute}
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(time.Hour)
		s.want(t, "no master of VI_1 at 0s", "master of VI_1 at 2m0s")
	})
}
