package web

import (
	"net/http"
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	var p pacer
	now := time.Unix(1_700_000_000, 0)
	const gap = time.Second / mostPerSecond
	for i := range mostAtOnce {
		if wait := p.turn(now); wait != 0 {
			t.Fatalf("number %d of a burst waits %v", i, wait)
		}
	}
	for i := range 3 {
		if wait, want := p.turn(now), time.Duration(i+1)*gap; wait != want {
			t.Errorf("number %d behind a burst waits %v, want %v", i, wait, want)
		}
	}
	if wait := p.turn(now.Add(10 * gap)); wait != 0 {
		t.Errorf("who comes later waits %v", wait)
	}
	now = now.Add(time.Hour)
	for range mostAtOnce {
		p.turn(now)
	}
	if wait := p.turn(now); wait != gap {
		t.Errorf("behind a burst after an hour one waits %v, want %v", wait, gap)
	}
}

// Whoever asks without a pause, by one connection or by many, is answered so often and no
// more.
func TestStorm(t *testing.T) {
	for name, request := range map[string]string{
		"one connection each": "GET /count HTTP/1.1\r\nHost: lb1\r\nConnection: close\r\n\r\n",
		"no request":          "\r\n\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			servingAlso(t, routes{"/count": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}, func(s *site) {
				const seconds = 3
				const most = mostAtOnce + seconds*mostPerSecond
				begin, asked := time.Now(), 0
				for time.Since(begin) < seconds*time.Second && asked <= most {
					s.ask(request)
					asked++
				}
				if asked > most || asked < most-2 {
					t.Errorf("%d answers in %d s, want %d", asked, seconds, most)
				}
			})
		})
	}
	t.Run("one connection", func(t *testing.T) {
		asked := 0
		servingAlso(t, routes{"/count": func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(http.StatusNoContent) }}, func(s *site) {
			conn := s.dial()
			defer conn.Close()
			const most = mostAtOnce + 2*mostPerSecond
			begin, answer := time.Now(), make([]byte, 1<<10)
			for time.Since(begin) < 2*time.Second && asked <= most+1 {
				if _, err := conn.Write([]byte("GET /count HTTP/1.1\r\nHost: lb1\r\n\r\n")); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(answer); err != nil {
					t.Fatal(err)
				}
			}
			if asked > most+1 || asked < most-2 {
				t.Errorf("%d answers in 2 s, want %d", asked, most)
			}
		})
	})
}
