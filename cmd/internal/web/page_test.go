package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// countingPage is a page that says how often it was made, after a while.
func countingPage(takes time.Duration) (p *page[[]byte], made *atomic.Int32) {
	made = new(atomic.Int32)
	return &page[[]byte]{log: quiet, render: func([]byte) []byte {
		n := made.Add(1)
		time.Sleep(takes)
		return strconv.AppendInt(nil, int64(n), 10)
	}}, made
}

func TestOnePageForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, made := countingPage(100 * time.Millisecond)
		texts := make(chan string, 50)
		for range cap(texts) {
			go func() {
				text, err := p.get(t.Context())
				if err != nil {
					t.Error(err)
				}
				texts <- string(text)
			}()
		}
		for range cap(texts) {
			if text := <-texts; text != "1" {
				t.Errorf("page %s, want the first", text)
			}
		}
		for _, step := range []struct {
			wait time.Duration
			want string
		}{{freshFor - 101*time.Millisecond, "1"}, {time.Millisecond, "2"}, {0, "2"}, {freshFor, "3"}} {
			time.Sleep(step.wait)
			if text, err := p.get(t.Context()); string(text) != step.want || err != nil {
				t.Errorf("page %s, %v, want %s", text, err, step.want)
			}
		}
		if made.Load() != 3 {
			t.Errorf("made %d times, want 3", made.Load())
		}
	})
}

// One reading that hangs is all that hangs, and whoever asks is told.
func TestPageThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, made := countingPage(time.Minute)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), scrapeLimit)
			if _, err := p.get(ctx); !errors.Is(err, errSlow) {
				t.Errorf("%v, want %v", err, errSlow)
			}
			cancel()
		}
		if text, err := p.get(t.Context()); string(text) != "1" || made.Load() != 1 {
			t.Errorf("page %s, %v, made %d times; want one that comes late", text, err, made.Load())
		}
	})
}

func TestPageThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broken := true
		p := &page[[]byte]{log: slog.New(slog.NewTextHandler(&log, nil)), render: func(b []byte) []byte {
			if broken {
				panic("no map")
			}
			return append(b, "well"...)
		}}
		if _, err := p.get(t.Context()); !errors.Is(err, errBroken) || !strings.Contains(log.String(), "no map") {
			t.Errorf("%v, want %v; log:\n%s", err, errBroken, log.String())
		}
		broken = false
		time.Sleep(freshFor)
		if text, err := p.get(t.Context()); string(text) != "well" || err != nil {
			t.Errorf("page %q, %v", text, err)
		}
	})
}

func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := countingPage(time.Second)
		p.settle(t.Context()) // there is nothing yet
		begin := time.Now()
		p.latest()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		p.settle(ctx)
		if since := time.Since(begin); since != time.Millisecond {
			t.Errorf("gave up after %v", since)
		}
		p.settle(t.Context())
		if since := time.Since(begin); since != time.Second {
			t.Errorf("waited %v, want until it is made", since)
		}
	})
}
