package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/web/board"
)

// boardLimit bounds how long a browser waits for the page.
const boardLimit = 5 * time.Second

// maxHas bounds what a browser says that it has, in bytes.
const maxHas = 1 << 10

// policy lets a page load from this server only, and nobody put it into another page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// noName is said to who asks by a name that is not known.
const noName = "this is no name of this node: ask for its address, localhost or the name of a node of its cluster, " +
	"or have this name be one of node.listen_names in its perch.toml"

// forBrowsers answers those only that ask for this host by a name of it; see isOurs.
func (s *Server) forBrowsers(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Content-Security-Policy", policy)
		if !isOurs(r.Host, s.names()) {
			http.Error(w, noName, http.StatusMisdirectedRequest)
			return
		}
		answer(w, r)
	}
}

func (s *Server) serveBoard(w http.ResponseWriter, r *http.Request) {
	e, err := s.pages.board.within(r.Context(), boardLimit)
	if err != nil {
		fail(w, err)
		return
	}
	e.file.serve(w, r)
}

// showing is the dashboard at one moment, with its page as browsers get it.
type showing struct {
	*board.Edition
	file file
}

// edition is that of what was shown; nil where nothing was.
func (s *showing) edition() *board.Edition {
	if s == nil {
		return nil
	}
	return s.Edition
}

func newShowing(v *board.View) *showing {
	e := board.Make(v)
	return &showing{e, newFile("text/html; charset=utf-8", e.Page())}
}

// file is what is served again and again, and compressed once, when that is first wanted.
type file struct {
	kind   string
	plain  []byte
	zipped func() []byte
}

func newFile(kind string, text []byte) file {
	return file{kind, text, sync.OnceValue(func() []byte { return compressed(text) })}
}

// serve answers with a file, compressed where that is understood.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	body := f.plain
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		body = f.zipped()
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that went away is not worth a line in the log
	}
}

func takesGzip(r *http.Request) bool {
	for each := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(each), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return weight == "" || err == nil && q > 0
		}
	}
	return false
}

func compressed(file []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // fails for other levels only
	_, _ = z.Write(file)                              // a Buffer takes all
	_ = z.Close()
	return out.Bytes()
}

// streamBoard sends what is new on the dashboard, which is made once for all who look.
func (s *Server) streamBoard(w http.ResponseWriter, r *http.Request) {
	has := r.URL.Query().Get("has")
	s.streams.serve(w, r, s.follow(keysOf(has[:min(len(has), maxHas)])))
}

func keysOf(has string) map[string]bool {
	keys := map[string]bool{}
	for key := range strings.SplitSeq(has, ",") {
		keys[key] = true
	}
	return keys
}

// follow feeds a browser that has sections of these keys: at once, then each second.
func (s *Server) follow(has map[string]bool) feed {
	var last *showing
	var next time.Time
	return func(ctx context.Context) ([]message, error) {
		if err := until(ctx, next); err != nil {
			return nil, err
		}
		e, err := s.pages.board.get(ctx)
		switch {
		case errors.Is(err, errSlow):
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		}
		next = time.Now().Add(freshFor)
		if e == last {
			return nil, nil
		}
		var messages []message
		for _, c := range e.Changes(has, last.edition()) {
			messages = append(messages, message{name: c.Event, data: string(c.Data)})
		}
		has, last = e.Keys(), e
		return append(messages, message{name: "tick", data: string(e.Tick())}), nil
	}
}

func until(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
		return nil
	}
}
