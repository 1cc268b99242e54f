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

// scrapeLimit bounds how long a request waits for the kernel.
const scrapeLimit = 5 * time.Second

const contentType = "text/plain; version=0.0.4; charset=utf-8"

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
		"/events":           s.forBrowsers(s.serveEvents),
		"/metrics":          func(w http.ResponseWriter, r *http.Request) { serveMetrics(s.page, w, r) },
		"/":                 s.forBrowsers(s.serveBoard),
		"/dashboard.css":    s.forBrowsers(serveFile("text/css; charset=utf-8", board.Style)),
		"/dashboard.js":     s.forBrowsers(serveFile("text/javascript; charset=utf-8", board.Script)),
		"/dashboard.svg":    s.forBrowsers(serveFile("image/svg+xml", board.Icon)),
		"/dashboard/stream": s.forBrowsers(s.streamBoard),
	}
}

func serveMetrics(p *page[[]byte], w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeLimit)
	defer cancel()
	text, err := p.get(ctx)
	switch {
	case errors.Is(err, errSlow):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(text) // a client that went away is not worth a line in the log
}
