package checker

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// startAt starts a server at an address of this machine and returns its URL.
func startAt(t *testing.T, host string, handler http.Handler, config *tls.Config) string {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}, TLS: config}
	if config != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}

// A name that a redirect leads to may be on another node, so connect must cover it.
func TestHTTPRedirectWithConnect(t *testing.T) {
	server := startAt(t, "127.0.0.1", site(), nil)
	for _, c := range []struct{ to, want string }{
		{"/ok", ""},
		{"http://www.example.com/ok", ""},
		{"http://WWW.example.com:80/ok", ""},
		{"//www.example.com/ok", ""},
		{"https://www.example.com/", "redirected to https://www.example.com/, which connect does not cover"},
		{"http://example.com/ok", "redirected to http://example.com/ok, which connect does not cover"},
		{"http://www.example.com:8080/ok", "redirected to http://www.example.com:8080/ok, which connect does not cover"},
		{server + "/ok", "redirected to " + server + "/ok, which connect does not cover"},
		{
			"http://a/" + strings.Repeat("x", 300),
			"redirected to http://a/" + strings.Repeat("x", 88) + "..., which connect does not cover",
		},
	} {
		spec := Spec{Kind: "http", Target: "http://www.example.com/away?to=" + c.to}
		spec.HTTP = HTTP{Connect: strings.TrimPrefix(server, "http://"), Redirect: true}
		_, err := lookAt(t, spec)
		wantError(t, err, c.want)
	}
}

// The Host header is that of the target's host, and of no other one.
func TestHTTPRedirectAndHostHeader(t *testing.T) {
	first, second := startAt(t, "127.0.0.1", site(), nil), startAt(t, "127.0.0.1", site(), nil)
	other := startAt(t, "127.0.0.2", site(), nil)
	for to, want := range map[string]string{
		"/echo":          "shop.example.com",
		first + "/echo":  "shop.example.com",
		second + "/echo": "shop.example.com",
		other + "/echo":  strings.TrimPrefix(other, "http://"),
		strings.TrimPrefix(other, "http:") + "/echo": strings.TrimPrefix(other, "http://"),
	} {
		spec := Spec{Kind: "http", Target: first + "/away?to=" + to}
		spec.HTTP = HTTP{Host: "shop.example.com", Redirect: true, Requests: []Request{{Contains: "\nhost: " + want + "\n"}}}
		_, err := lookAt(t, spec)
		if err != nil {
			t.Errorf("redirected to %s: %v", to, err)
		}
	}
}

// A client certificate is shown to the target's host alone, whatever its port, and so is
// the server name.
func TestHTTPRedirectAndTLS(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	tells := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, fmt.Sprintf("%d certificates for %q", len(r.TLS.PeerCertificates), r.TLS.ServerName))
	})
	start := func(host string, names ...string) string {
		return startAt(t, host, tells, &tls.Config{
			Certificates: []tls.Certificate{ca.issue(-day, day, names...)}, ClientAuth: tls.RequestClientCert,
		})
	}
	first, second := start("127.0.0.1", "www.example.com"), start("127.0.0.1", "www.example.com")
	other := start("127.0.0.2", "127.0.0.2")
	plain := startAt(t, "127.0.0.1", site(), nil)
	files := TLS{CAFile: ca.file(), ServerName: "www.example.com"}
	files.CertFile, files.KeyFile = pairFiles(t, ca.issue(-day, day, "client"))
	for _, c := range []struct{ from, to, want string }{
		{first, "/", `1 certificates for "www.example.com"`},
		{first, second, `1 certificates for "www.example.com"`},
		{plain, first, `1 certificates for "www.example.com"`},
		{first, other, `0 certificates for ""`},
		{plain, other, `0 certificates for ""`},
	} {
		spec := Spec{Kind: "http", Target: c.from + "/away?to=" + c.to, TLS: files}
		spec.HTTP = HTTP{Redirect: true, Requests: []Request{{Contains: c.want}}}
		if _, err := lookAt(t, spec); err != nil {
			t.Errorf("from %s to %s: %v", c.from, c.to, err)
		}
	}
}
