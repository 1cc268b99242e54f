package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// programs are run for hooks, each for as long as its argument says.
type programs struct {
	begin time.Time
	mu    sync.Mutex
	ran   []string
}

func (p *programs) run(ctx context.Context, argv []string) error {
	takes, err := time.ParseDuration(argv[1])
	if err != nil {
		return err
	}
	end := "ended"
	select {
	case <-ctx.Done():
		end = "killed"
	case <-time.After(takes):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ran = append(p.ran, fmt.Sprintf("%s %s at %s", argv[0], end, time.Since(p.begin)))
	return ctx.Err()
}

func (p *programs) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.ran)
	slices.Sort(want)
	if !slices.Equal(p.ran, want) {
		t.Errorf("ran %q, want %q", p.ran, want)
	}
}

func testHooks(log *slog.Logger) (*hooks, *programs) {
	h, p := newHooks(nil, log), &programs{begin: time.Now()}
	h.run = p.run
	return h, p
}

func hooked(name, takes string) *config.Service {
	return &config.Service{Name: name, QuorumUp: []string{name + " up", takes}, QuorumDown: []string{name + " down", takes}}
}

func TestHooksRunProgramsOfTheQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := testHooks(slog.New(slog.DiscardHandler))
		go func() { _ = h.follow(t.Context()) }()
		h.tell(hooked("a", "0s"), ipvs.Event{Kind: ipvs.QuorumUp})
		h.tell(hooked("b", "0s"), ipvs.Event{Kind: ipvs.QuorumDown})
		h.tell(hooked("c", "0s"), ipvs.Event{Kind: ipvs.ServerDown})
		h.tell(&config.Service{Name: "d"}, ipvs.Event{Kind: ipvs.QuorumUp})
		p.want(t, "a up ended at 0s", "b down ended at 0s")
	})
}

// One that hangs keeps back no other service's, whatever is told when.
func TestHooksDoNotWaitForThoseOfOtherServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := testHooks(slog.New(slog.DiscardHandler))
		go func() { _ = h.follow(t.Context()) }()
		h.tell(hooked("hangs", "1h"), ipvs.Event{Kind: ipvs.QuorumUp})
		time.Sleep(time.Second)
		b := hooked("b", "1s")
		h.tell(b, ipvs.Event{Kind: ipvs.QuorumDown})
		time.Sleep(5 * time.Second)
		h.tell(b, ipvs.Event{Kind: ipvs.QuorumUp})
		time.Sleep(time.Minute)
		p.want(t, "hangs up killed at 30s", "b down ended at 2s", "b up ended at 7s")
	})
}

// Programs of many services, such as at a take-over, are not all run at once.
func TestHooksAreNotRunAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := testHooks(slog.New(slog.DiscardHandler))
		for i := range hooksAtOnce + 1 {
			h.tell(hooked(fmt.Sprint("s", i), "1s"), ipvs.Event{Kind: ipvs.QuorumUp})
		}
		go func() { _ = h.follow(t.Context()) }()
		time.Sleep(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		late := 0
		for _, ran := range p.ran {
			if strings.HasSuffix(ran, " at 2s") {
				late++
			}
		}
		if len(p.ran) != hooksAtOnce+1 || late != 1 {
			t.Errorf("ran %q, want %d, and one of them later", p.ran, hooksAtOnce+1)
		}
	})
}

// Of programs of one service only the newest waits.
func TestHooksOfOneServiceComeOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := testHooks(slog.New(slog.DiscardHandler))
		go func() { _ = h.follow(t.Context()) }()
		a, b := hooked("a", "10s"), hooked("b", "1s")
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumUp})
		h.tell(b, ipvs.Event{Kind: ipvs.QuorumUp})
		synctest.Wait()
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumDown})
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumUp})
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumDown})
		time.Sleep(time.Minute)
		p.want(t, "a up ended at 10s", "b up ended at 1s", "a down ended at 20s")
	})
}

// What waits is not run when there is nothing to run for what came after it.
func TestHooksForgetWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := testHooks(slog.New(slog.DiscardHandler))
		a := hooked("a", "0s")
		a.QuorumUp = nil
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumDown})
		h.tell(a, ipvs.Event{Kind: ipvs.QuorumUp})
		go func() { _ = h.follow(t.Context()) }()
		p.want(t)
	})
}

// What was told before the end is run, whatever is noticed first.
func TestHooksForgetNothingAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			h, p := testHooks(slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			h.tell(hooked("a", "0s"), ipvs.Event{Kind: ipvs.QuorumDown})
			cancel()
			_ = h.follow(ctx)
			p.want(t, "a down ended at 0s")
		}
	})
}

// At the end what was told is run, but not for ever.
func TestHooksAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := captured()
		h, p := testHooks(log)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Duration, 1)
		go func() {
			_ = h.follow(ctx)
			ended <- time.Since(p.begin)
		}()
		h.tell(hooked("under way", "2s"), ipvs.Event{Kind: ipvs.QuorumUp})
		synctest.Wait()
		h.tell(hooked("under way", "500ms"), ipvs.Event{Kind: ipvs.QuorumDown})
		h.tell(hooked("last", "30s"), ipvs.Event{Kind: ipvs.QuorumDown})
		h.tell(hooked("short", "500ms"), ipvs.Event{Kind: ipvs.QuorumDown})
		cancel()
		if at := <-ended; at != hookEndLimit {
			t.Errorf("ended after %s", at)
		}
		p.want(t, "short down ended at 500ms", "under way up ended at 2s", "under way down ended at 2.5s", "last down killed at 3s")
		if lines := said(); len(lines) != 1 || !strings.Contains(lines[0], "service=last") {
			t.Errorf("said %q", lines)
		}
	})
}

// A program for which there is no time any more is named.
func TestHooksTellWhatIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := captured()
		h, p := testHooks(log)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.follow(ctx) }()
		h.tell(hooked("a", "30s"), ipvs.Event{Kind: ipvs.QuorumUp})
		synctest.Wait()
		h.tell(hooked("a", "0s"), ipvs.Event{Kind: ipvs.QuorumDown})
		cancel()
		<-ended
		if lines := said(); len(lines) != 2 || !strings.Contains(lines[1], `program="a down"`) {
			t.Errorf("said %q", lines)
		}
		p.want(t, "a up killed at 3s")
	})
}

func TestHooksRunRealPrograms(t *testing.T) {
	h := newHooks(checker.NewHost(slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
	if err := h.run(t.Context(), []string{"/bin/true"}); err != nil {
		t.Error(err)
	}
	if err := h.run(t.Context(), []string{"/bin/false"}); err == nil || !strings.Contains(err.Error(), "exit code 1") {
		t.Error(err)
	}
	if err := h.run(t.Context(), []string{"true"}); err == nil {
		t.Error("a program without a path was run")
	}
}
