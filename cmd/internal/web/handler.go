package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/web/board"
)

// How long a request waits for what it asks for.
const (
	scrapeLimit = 5 * time.Second // of the kernel's table
	probeLimit  = time.Second
)

// The types of what is answered.
const (
	exposition = "text/plain; version=0.0.4; charset=utf-8"
	plain      = "text/plain; charset=utf-8"
)

// routes answer all requests. They go by the path as it is: nothing is cleaned,
// redirected or looked up. What answers is asked by GET and HEAD alone.
type routes map[string]http.HandlerFunc

func (rs routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // else net/http would wait for the body
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
		return
	}
	answer, found := rs[r.URL.Path]
	if !found {
		known := strings.Join(slices.Sorted(maps.Keys(rs)), ", ")
		http.Error(w, "no such resource, only "+known, http.StatusNotFound)
		return
	}
	answer(w, r)
}

// routes are what the server has.
func (s *Server) routes() routes {
	return routes{
		"/events":             s.forBrowsers(s.serveEvents),
		"/metrics":            scraped(s.pages.metrics),
		"/healthz":            probed(s.pages.alive, aliveText),
		"/readyz":             probed(s.pages.ready, readyText),
		"/":                   s.forBrowsers(s.serveBoard),
		"/dashboard.css":      s.forBrowsers(newFile("text/css; charset=utf-8", board.Style).serve),
		"/dashboard.js":       s.forBrowsers(newFile("text/javascript; charset=utf-8", board.Script).serve),
		"/dashboard.svg":      s.forBrowsers(newFile("image/svg+xml", board.Icon("")).serve),
		"/dashboard-odd.svg":  s.forBrowsers(newFile("image/svg+xml", board.Icon("odd")).serve),
		"/dashboard-bad.svg":  s.forBrowsers(newFile("image/svg+xml", board.Icon("bad")).serve),
		"/dashboard-lost.svg": s.forBrowsers(newFile("image/svg+xml", board.Icon("lost")).serve),
		"/dashboard/stream":   s.forBrowsers(s.streamBoard),
	}
}

// scraped answers with a page of metrics.
func scraped(p *page[[]byte]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := p.within(r.Context(), scrapeLimit)
		if err != nil {
			fail(w, err)
			return
		}
		write(w, exposition, http.StatusOK, text)
	}
}

// fail answers that a page could not be made, or not in time.
func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if errors.Is(err, errSlow) {
		code = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), code)
}

// within is get for whoever waits so long and no longer.
func (p *page[T]) within(ctx context.Context, limit time.Duration) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return p.get(ctx)
}

// write answers. A client that went away is not worth a line in the log.
func write(w http.ResponseWriter, kind string, code int, text []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}
