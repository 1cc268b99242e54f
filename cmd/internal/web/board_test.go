package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/web/board"
)

// watched is what the dashboard shows in a test.
func watched() board.View {
	return board.View{Now: time.Unix(0, 0).UTC(), Status: api.Status{Node: "lb1"}}
}

func boardServer(look func() board.View) *Server {
	from := sources()
	from.Board = look
	return NewServer(from, quiet)
}

func browse(h http.Handler, path, host string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A page of somebody else who has his name point here reads nothing.
func TestOtherNamesAreRefused(t *testing.T) {
	h := boardServer(watched).routes()
	for _, path := range slices.Sorted(maps.Keys(h)) {
		if path == "/dashboard/stream" || path == "/events" { // goes on
			continue
		}
		for host, want := range map[string]int{
			"127.0.0.1:7401": 200, "[::1]:7401": 200, "198.18.0.1": 200, "localhost:7401": 200, "lb1:7401": 200, "lb2": 200, "LB1.": 200, "[fe80::1%25eth0]": 200,
			"evil.example:7401": 421, "lb1.evil.example": 421, "127.0.0.1.evil.example": 421, "": 421, "localhost.evil.example": 421, "127.1": 421,
			"[::1].evil.example": 421, "[::1": 200, "lb1.example.com:7401": 200, "LB1.EXAMPLE.COM.": 200, "lb1.example.com.evil.example": 421,
		} {
			if path == "/metrics" || path == "/healthz" || path == "/readyz" { // for programs
				want = 200
			}
			if w := browse(h, path, host); w.Code != want {
				t.Errorf("%s of %q: %d, want %d", path, host, w.Code, want)
			}
		}
	}
	if w := browse(h, "/dashboard/stream", "evil.example"); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("stream: %d", w.Code)
	}
}

func TestBoardHeaders(t *testing.T) {
	h := boardServer(watched).routes()
	for path, kind := range map[string]string{"/": "text/html", "/dashboard.css": "text/css", "/dashboard.js": "text/javascript", "/dashboard.svg": "image/svg+xml", "/dashboard-lost.svg": "image/svg+xml"} {
		w := browse(h, path, "lb1")
		head := w.Header()
		if !strings.HasPrefix(head.Get("Content-Type"), kind) || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Cache-Control") != "no-store" ||
			len(head.Values("Set-Cookie")) > 0 || head.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", path, head)
		}
		policy := head.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %q", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		zipped := browse(h, path, "lb1", "Accept-Encoding", "br, gzip;q=0.5")
		if zipped.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: is not compressed", path)
			continue
		}
		z, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, w.Body.Bytes()) {
			t.Errorf("%s: is another one when compressed: %v", path, err)
		}
		if w := browse(h, path, "lb1", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: is compressed though that was not wanted", path)
		}
	}
}

// keeper is a writer that keeps where what it is given stands.
type keeper struct {
	*httptest.ResponseRecorder
	first *byte
}

func (k *keeper) Write(b []byte) (int, error) {
	if len(b) > 0 {
		k.first = &b[0]
	}
	return k.ResponseRecorder.Write(b)
}

// Who asks often does not have the node compress often.
func TestCompressedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := boardServer(watched).routes()
		ask := func(path string) *byte {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = "lb1"
			r.Header.Set("Accept-Encoding", "gzip")
			k := &keeper{ResponseRecorder: httptest.NewRecorder()}
			h.ServeHTTP(k, r)
			return k.first
		}
		for _, path := range []string{"/", "/dashboard.css", "/dashboard.js", "/dashboard.svg"} {
			if first := ask(path); first == nil || ask(path) != first {
				t.Errorf("%s is compressed for each who asks", path)
			}
		}
		first := ask("/")
		time.Sleep(freshFor)
		if ask("/") == first {
			t.Error("the page stays as it was")
		}
	})
}

// The page has nothing in it that the policy would forbid.
func TestPageFitsItsPolicy(t *testing.T) {
	page := browse(boardServer(watched).routes(), "/", "lb1").Body.String()
	for _, bad := range []string{"<style", " style=", "<script>", "javascript:", "http://", "https://", "onclick", "<form", "<iframe"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// What is new is made once a second for all who look, and not at all when nobody does.
func TestStreamOfBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		s := boardServer(func() board.View {
			v := watched()
			v.Now = time.Now()
			v.Status.Warnings = []string{strings.Repeat("!", int(made.Add(1)))}
			return v
		})
		time.Sleep(time.Minute)
		if made.Load() != 0 {
			t.Errorf("made %d times for nobody", made.Load())
		}
		first, err := s.pages.board.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var feeds []feed
		for range 5 {
			feeds = append(feeds, s.follow(first.Keys()))
		}
		for second := range 4 {
			for i, next := range feeds {
				var names []string
				messages, err := next(t.Context())
				for _, m := range messages {
					names = append(names, m.name)
				}
				want := []string{"section", "section", "tick"} // the headline has it, too
				if second == 0 {
					want = want[2:] // it has the page
				}
				if err != nil || !slices.Equal(names, want) {
					t.Errorf("second %d, browser %d: %q, %v, want %q", second, i, names, err, want)
				}
			}
		}
		if made.Load() != 4 {
			t.Errorf("made %d times, want once a second", made.Load())
		}
	})
}
