package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Limits of package api.
const (
	heartbeatEvery = 15 * time.Second
	streamWrite    = 5 * time.Second
)

// counting feeds a number each period, up to a last one; 0 is for none ever.
func counting(every time.Duration, last int) feed {
	n := 0
	return func(ctx context.Context) ([]message, error) {
		if n == last && last > 0 {
			return nil, io.EOF
		}
		var tick <-chan time.Time
		if every > 0 {
			tick = time.After(every)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick:
			n++
			return []message{{id: strconv.Itoa(n), data: "no. " + strconv.Itoa(n)}}, nil
		}
	}
}

// streaming serves streams of feeds at /events, for a test.
func streaming(t *testing.T, make func() feed, test func(*site, streams)) {
	t.Helper()
	open := newStreams()
	servingAlso(t, routes{"/events": func(w http.ResponseWriter, r *http.Request) { open.serve(w, r, make()) }},
		func(s *site) { test(s, open) })
}

func (s *site) follow() (net.Conn, *http.Response) {
	s.t.Helper()
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn, response
}

func TestStreamIsReadToItsEnd(t *testing.T) {
	streaming(t, func() feed { return counting(time.Second, 3) }, func(s *site, open streams) {
		_, response := s.follow()
		body, err := io.ReadAll(response.Body)
		want := "retry: 2000\n\nid: 1\ndata: no. 1\n\nid: 2\ndata: no. 2\n\nid: 3\ndata: no. 3\n\n"
		if err != nil || string(body) != want {
			t.Errorf("%q, %v, want %q", body, err, want)
		}
		kind, cache := response.Header.Get("Content-Type"), response.Header.Get("Cache-Control")
		if response.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") || cache != "no-store, no-transform" || response.Header.Get("X-Accel-Buffering") != "no" {
			t.Errorf("%s, %q, %q", response.Status, kind, cache)
		}
		synctest.Wait()
		if open.Count() != 0 {
			t.Errorf("%d streams are open still", open.Count())
		}
	})
}

// A stream outlives the limits of other requests, and beats while there is nothing.
func TestStreamBeats(t *testing.T) {
	streaming(t, func() feed { return counting(0, 0) }, func(s *site, _ streams) {
		_, response := s.follow()
		in := bufio.NewReader(response.Body)
		_, _ = in.ReadString('\n')
		_, _ = in.ReadString('\n')
		begin := time.Now()
		for i := range 20 {
			line, err := in.ReadString('\n')
			if took := time.Since(begin); err != nil || line != ":\n" || took != time.Duration(i+1)*heartbeatEvery {
				t.Fatalf("beat %d: %q, %v after %v", i, line, err, took)
			}
			_, _ = in.ReadString('\n')
		}
	})
}

// Further streams are refused, and what else there is answers still.
func TestManyStreams(t *testing.T) {
	streaming(t, func() feed { return counting(0, 0) }, func(s *site, open streams) {
		var first net.Conn
		for i := range api.MaxStreams {
			conn, response := s.follow()
			if response.StatusCode != 200 {
				t.Fatalf("stream %d: %s", i, response.Status)
			}
			if first == nil {
				first = conn
			}
			go func() { _, _ = io.Copy(io.Discard, response.Body) }()
		}
		response, body := s.ask("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
		if response.StatusCode != 503 || body != "16 streams are open, which is the limit\n" || response.Header.Get("Retry-After") == "" || !response.Close {
			t.Errorf("one more: %s %q", response.Status, body)
		}
		if response, _ := s.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"); response.StatusCode != 200 {
			t.Errorf("metrics beside streams: %s", response.Status)
		}
		_ = first.Close()
		synctest.Wait()
		if open.Count() != api.MaxStreams-1 {
			t.Errorf("%d streams are open when one client went", open.Count())
		}
		if _, response := s.follow(); response.StatusCode != 200 {
			t.Errorf("in its place: %s", response.Status)
		}
	})
}

// Who does not read is let go, be it that something happens or not.
func TestStreamThatIsNotRead(t *testing.T) {
	for name, tt := range map[string]struct{ every, within time.Duration }{
		"busy":  {time.Second, time.Second + streamWrite},
		"quiet": {0, heartbeatEvery + streamWrite},
	} {
		streaming(t, func() feed { return counting(tt.every, 0) }, func(s *site, open streams) {
			s.follow() // and read no further
			time.Sleep(tt.within + time.Second)
			synctest.Wait()
			if open.Count() != 0 {
				t.Errorf("%s: %d streams are open after %v", name, open.Count(), tt.within)
			}
		})
	}
}

// Streams do not hold up the end: serving sees to that, with clients that read and others.
func TestStreamsAtTheEnd(t *testing.T) {
	streaming(t, func() feed { return counting(time.Millisecond, 0) }, func(s *site, _ streams) {
		s.follow()
		_, response := s.follow()
		go func() { _, _ = io.Copy(io.Discard, response.Body) }()
		synctest.Wait()
	})
}

func TestHeadOfStream(t *testing.T) {
	streaming(t, func() feed { return counting(0, 0) }, func(s *site, open streams) {
		response, body := s.ask("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n")
		if response.StatusCode != 200 || body != "" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s %q %q", response.Status, body, response.Header)
		}
		synctest.Wait()
		if open.Count() != 0 {
			t.Errorf("%d streams are open", open.Count())
		}
	})
}

// A feed that fails ends its stream.
func TestFeedThatFails(t *testing.T) {
	broken := func(context.Context) ([]message, error) { return nil, errors.New("broken") }
	streaming(t, func() feed { return broken }, func(s *site, _ streams) {
		_, response := s.follow()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "retry: 2000\n\n" {
			t.Errorf("%q, %v", body, err)
		}
	})
}
