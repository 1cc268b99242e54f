package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// scrapeLimit bounds how long a request waits for the kernel.
const scrapeLimit = 5 * time.Second

const contentType = "text/plain; version=0.0.4; charset=utf-8"

// handler answers all requests. It goes by the path as it is: nothing is cleaned,
// redirected or looked up.
type handler struct{ metrics *page }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // else net/http would wait for the body
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
	case r.URL.Path == "/metrics":
		h.serveMetrics(w, r)
	default:
		http.Error(w, "no such resource, only /metrics", http.StatusNotFound)
	}
}

func (h *handler) serveMetrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeLimit)
	defer cancel()
	text, err := h.metrics.get(ctx)
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
