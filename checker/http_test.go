package checker

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// site is a server with an answer for each need.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all OK\n") })
	mux.HandleFunc("/sick", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status": "UP", "db": [{"status": "DOWN", "lag": 3, "off": false}], "nothing": null}`)
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\nhost: %s\nbody: %s\n", r.Method, r.RequestURI, r.Proto, r.Host, body)
		r.Header.Write(w)
	})
	mux.HandleFunc("/hop/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.PathValue("n"), &n)
		if n == 0 {
			io.WriteString(w, "arrived")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), http.StatusMovedPermanently)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	return mux
}

func TestHTTPAnswers(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	for _, c := range []struct {
		name string
		http HTTP
		want string
	}{
		{"well", HTTP{Requests: []Request{{URL: "/ok"}}}, ""},
		{"not found", HTTP{}, "status 404, wanted 200-299"},
		{"sick", HTTP{Requests: []Request{{URL: "/sick"}}}, "status 503, wanted 200-299"},
		{"status wanted", HTTP{Requests: []Request{{URL: "/sick", Status: []Range{{200, 200}, {500, 599}}}}}, ""},
		{"no such status", HTTP{Requests: []Request{{URL: "/ok", Status: []Range{{201, 201}, {500, 599}}}}}, "status 200, wanted 201, 500-599"},
		{"contains", HTTP{Requests: []Request{{URL: "/ok", Contains: "all OK"}}}, ""},
		{"lacks", HTTP{Requests: []Request{{URL: "/ok", Contains: "all well"}}}, `body lacks "all well"`},
		{"matches", HTTP{Requests: []Request{{URL: "/ok", Matches: "^a.* OK"}}}, ""},
		{"does not match", HTTP{Requests: []Request{{URL: "/ok", Matches: "^OK"}}}, `body does not match "^OK"`},
		{"mismatch", HTTP{Requests: []Request{{URL: "/ok", Mismatch: "sick"}}}, ""},
		{"matches a mismatch", HTTP{Requests: []Request{{URL: "/ok", Mismatch: "O[JK]"}}}, `body matches "O[JK]"`},
		{"md5", HTTP{Requests: []Request{{URL: "/ok", Digest: fmt.Sprintf("md5:%x", md5.Sum([]byte("all OK\n")))}}}, ""},
		{"sha256", HTTP{Requests: []Request{{URL: "/ok", Digest: fmt.Sprintf("sha256:%X", sha256.Sum256([]byte("all OK\n")))}}}, ""},
		{
			"another digest",
			HTTP{Requests: []Request{{URL: "/ok", Digest: "md5:00112233445566778899aabbccddeeff"}}},
			fmt.Sprintf("md5 digest %x, wanted 00112233445566778899aabbccddeeff", md5.Sum([]byte("all OK\n"))),
		},
		{"json", HTTP{Requests: []Request{{URL: "/json", JSONPath: "status", JSONValue: "UP"}}}, ""},
		{"json number", HTTP{Requests: []Request{{URL: "/json", JSONPath: `["db"][0].lag`, JSONValue: "3"}}}, ""},
		{"json there", HTTP{Requests: []Request{{URL: "/json", JSONPath: "db"}}}, ""},
		{"json differs", HTTP{Requests: []Request{{URL: "/json", JSONPath: "db[0].status", JSONValue: "UP"}}}, `db[0].status is "DOWN", wanted "UP"`},
		{"json false", HTTP{Requests: []Request{{URL: "/json", JSONPath: "db[0].off"}}}, "db[0].off is false"},
		{"json false wanted", HTTP{Requests: []Request{{URL: "/json", JSONPath: "db[0].off", JSONValue: "false"}}}, ""},
		{"json null", HTTP{Requests: []Request{{URL: "/json", JSONPath: "nothing"}}}, "nothing is null"},
		{"json absent", HTTP{Requests: []Request{{URL: "/json", JSONPath: "db[1].status"}}}, "db[1].status is not there"},
		{"no json", HTTP{Requests: []Request{{URL: "/ok", JSONPath: "status"}}}, "body is not JSON"},
		{"several", HTTP{Requests: []Request{{URL: "/ok"}, {URL: "/json"}}}, ""},
		{"one of several", HTTP{Requests: []Request{{URL: "/ok"}, {URL: "/sick?all=1"}, {URL: "/none"}}}, "/sick?***: status 503, wanted 200-299"},
		{"redirects off", HTTP{Requests: []Request{{URL: "/hop/1"}}}, "status 301, wanted 200-299"},
		{"redirects off and wanted", HTTP{Requests: []Request{{URL: "/hop/1", Status: []Range{{301, 301}}}}}, ""},
		{"ten redirects", HTTP{Redirect: true, Requests: []Request{{URL: "/hop/10", Contains: "arrived"}}}, ""},
		{"eleven redirects", HTTP{Redirect: true, Requests: []Request{{URL: "/hop/11"}}}, "more than 10 redirects"},
		{"endless redirects", HTTP{Redirect: true, Requests: []Request{{URL: "/loop"}}}, "more than 10 redirects"},
		{"redirect elsewhere", HTTP{Redirect: true, Requests: []Request{{URL: "/away?to=ftp://a/b"}}}, `redirect to "ftp://a/b"`},
		{"redirect with secrets", HTTP{Redirect: true, Requests: []Request{{URL: "/away?to=ftp://u:pw@a/b%3Ftoken=t"}}}, `redirect to "ftp://u:xxxxx@a/b?***"`},
		{"method", HTTP{Method: "POST", Body: "ping", Requests: []Request{{URL: "/echo", Matches: "^POST /echo HTTP/1.1\nhost: .*\nbody: ping\n"}}}, ""},
		{"head", HTTP{Method: "HEAD", Requests: []Request{{URL: "/ok"}}}, ""},
		{"host", HTTP{Host: "www.example.com:81", Requests: []Request{{URL: "/echo", Contains: "host: www.example.com:81\n"}}}, ""},
		{"host that is an address", HTTP{Host: "2001:db8::1", Requests: []Request{{URL: "/echo", Contains: "host: [2001:db8::1]\n"}}}, ""},
		{"own agent", HTTP{Requests: []Request{{URL: "/echo", Contains: "User-Agent: perch\r\n"}}}, ""},
		{"no compression", HTTP{Requests: []Request{{URL: "/echo", Mismatch: "Accept-Encoding"}}}, ""},
		{"no keep-alive", HTTP{Requests: []Request{{URL: "/echo", Contains: "Connection: close\r\n"}}}, ""},
		{
			"headers",
			HTTP{Headers: []string{"user-agent: other", "X-A: 1", "X-A:2", "Cookie: a=b"}, Requests: []Request{{URL: "/echo", Matches: "(?s)Cookie: a=b\r\nUser-Agent: other\r\nX-A: 1\r\nX-A: 2\r\n"}}},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := lookAt(t, Spec{Kind: "http", Target: server.URL, HTTP: c.http})
			wantError(t, err, c.want)
		})
	}
}

func TestHTTPTargetWithPathAndPassword(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	target := strings.Replace(server.URL, "://", "://me:secret@", 1) + "/echo?q=1"
	spec := Spec{Kind: "http", Target: target, HTTP: HTTP{Requests: []Request{{Matches: `(?s)^GET /echo\?q=1 .*Authorization: Basic bWU6c2VjcmV0`}}}}
	_, err := lookAt(t, spec)
	wantError(t, err, "")
}

func TestHTTPConnectsElsewhere(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	spec := Spec{Kind: "http", Target: "http://www.example.com/echo"}
	spec.HTTP = HTTP{Connect: server.Listener.Addr().String(), Requests: []Request{{Contains: "host: www.example.com\n"}}}
	_, err := lookAt(t, spec)
	wantError(t, err, "")
}

func TestHTTPNeverUsesAProxy(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
	spec := Spec{Kind: "http", Target: "http://www.example.com/ok", HTTP: HTTP{Connect: server.Listener.Addr().String()}}
	_, err := lookAt(t, spec)
	wantError(t, err, "")
}

func TestHTTPOverIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: site()}}
	server.Start()
	defer server.Close()
	_, err = lookAt(t, Spec{Kind: "http", Target: server.URL + "/ok"})
	wantError(t, err, "")
}

func TestHTTPFromSource(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	defer server.Close()
	spec := Spec{Kind: "http", Target: server.URL, Network: Network{Source: netip.MustParseAddr("127.0.0.9")}}
	spec.HTTP.Requests = []Request{{Matches: `^127\.0\.0\.9:`}}
	_, err := lookAt(t, spec)
	wantError(t, err, "")
}

func TestHTTPProtocols(t *testing.T) {
	ca := newCA(t, time.Now().Add(time.Hour))
	both := httptest.NewUnstartedServer(site())
	both.EnableHTTP2 = true
	both.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(-time.Hour, time.Hour, "127.0.0.1")}}
	both.StartTLS()
	defer both.Close()
	// One that closes with something unread resets the connection, and its answer may be lost.
	older := "http://" + rawServer(t, "127.0.0.1", func(c net.Conn) {
		readSome(c)
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		mute(c)
	})
	old := httptest.NewUnstartedServer(site())
	old.TLS = both.TLS.Clone()
	old.TLS.NextProtos = []string{"http/1.1"}
	old.StartTLS()
	defer old.Close()
	prior := startH2C(t, site())
	plain := httptest.NewServer(site())
	defer plain.Close()

	for _, c := range []struct{ name, url, protocol, answered, want string }{
		{"negotiated", both.URL, "", "HTTP/2.0", ""},
		{"negotiated with an old server", old.URL, "", "HTTP/1.1", ""},
		{"1.1 asked for", both.URL, "http/1.1", "HTTP/1.1", ""},
		{"h2 asked for", both.URL, "h2", "HTTP/2.0", ""},
		{"h2 of an old server", old.URL, "h2", "", "server does not speak h2"},
		{"prior knowledge", prior, "h2", "HTTP/2.0", ""},
		{"prior knowledge of an old server", older, "h2", "", "server does not speak h2"},
		{"plain", plain.URL, "", "HTTP/1.1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := Spec{Kind: "http", Target: c.url + "/echo", TLS: TLS{CAFile: ca.file()}}
			spec.HTTP = HTTP{Method: "POST", Body: "ping", Protocol: c.protocol, Requests: []Request{{Matches: "^POST /echo " + c.answered + "\nhost: 127.0.0.1:[0-9]+\nbody: ping\n", Mismatch: "Accept-Encoding"}}}
			_, err := lookAt(t, spec)
			wantError(t, err, c.want)
		})
	}
}

// genhash is part of keepalived: the digest that it prints is what its config holds.
func TestHTTPDigestIsThatOfGenhash(t *testing.T) {
	genhash, err := exec.LookPath("genhash")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("genhash of keepalived is missing")
		}
		t.Skip("genhash of keepalived is not installed")
	}
	server := httptest.NewServer(site())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	sum, err := exec.CommandContext(t.Context(), genhash, "-s", "127.0.0.1", "-p", port, "-u", "/json").Output()
	must(t, err)
	spec := Spec{Kind: "http", Target: server.URL}
	spec.HTTP.Requests = []Request{{URL: "/json", Digest: "md5:" + strings.TrimSpace(string(sum))}}
	_, err = lookAt(t, spec)
	wantError(t, err, "")
}

// startH2C starts a server of HTTP/2 without TLS and returns its URL.
func startH2C(t *testing.T, handler http.Handler) string {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}
