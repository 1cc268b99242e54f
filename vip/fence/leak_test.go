package fence

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// quiet is how long the client listens for what must not come.
const quiet = 250 * time.Millisecond

// lasting is longer than any test.
const lasting = time.Hour

// probe is something that the node answers or says by itself.
type probe struct {
	name string
	// always means that it must come through whatever the fence does, else only
	// while it is open.
	always bool
	send   func()
	seen   func(frames []frame) bool
}

// TestNothingLeaks tries every way out that is known, with every mechanism.
func TestNothingLeaks(t *testing.T) {
	for _, candidate := range strong {
		t.Run(string(candidate.kind), func(t *testing.T) {
			testLeaks(t, candidate.kind, candidate.open)
		})
	}
}

// testLeaks runs all probes against an open fence, which shows that they would be
// seen, and against one that was shut and one that ended by itself.
func testLeaks(t *testing.T, kind Kind, open func(*slog.Logger) (mechanism, error)) {
	h := newHouse(t)
	f := startFence(t, kind, open)
	h.must(f.Protect(h.protected()))
	for _, name := range []string{"eth0", "eth1", "eth2", "lo", "macvlan0"} {
		h.must(f.Guard(h.index(name)))
	}
	h.addVIPs()
	h.must(f.Open(f.Epoch(), boottime()+lasting))
	probes := append(h.kernels(), h.announcements()...)

	h.try("open", probes, true)
	h.must(f.Shut())
	h.try("shut", probes, false)
	until := boottime() + 100*time.Millisecond
	h.must(f.Open(f.Epoch(), until))
	time.Sleep(until - boottime())
	h.try("expired", probes, false)
	h.must(f.Open(f.Epoch(), boottime()+lasting))
	h.try("open again", probes, true)
}

// kernels are the probes of what passes the kernel's network stack, and of what must
// pass. The VIPs must be there, and answered for.
func (h *house) kernels() []probe {
	return slices.Concat(h.pings(), h.resolutions(), h.transports(), h.connections(), h.assertions(), h.notifications(),
		h.translations(), h.ranges(), h.stacked(), h.bystanders(), h.standby())
}

// startFence opens a fence in the namespace of the test, and runs it outside.
func startFence(t testing.TB, kind Kind, open func(*slog.Logger) (mechanism, error)) *Fence {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	kernel, err := open(log)
	if err != nil {
		t.Fatal(err)
	}
	f := &Fence{kind: kind, log: log, kernel: kernel}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx, func() {}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := f.Trouble(); err != nil {
			t.Error("trouble at the end:", err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// try runs all probes at once, and waits until those are seen that must be, and long
// enough for those that must not.
func (h *house) try(state string, probes []probe, open bool) {
	h.t.Helper()
	h.frames()
	for _, p := range probes {
		p.send()
	}
	var frames []frame
	came := make([]bool, len(probes))
	missing := func() (names []string) {
		frames = append(frames, h.frames()...)
		for i, p := range probes {
			came[i] = came[i] || p.seen(frames)
			if !came[i] && (open || p.always) {
				names = append(names, p.name)
			}
		}
		return names
	}
	start := time.Now()
	lost := missing()
	for ; len(lost) > 0 && time.Since(start) < 10*time.Second; lost = missing() {
		time.Sleep(5 * time.Millisecond)
	}
	if len(lost) > 0 {
		h.t.Errorf("%s: not seen:\n%s", state, strings.Join(lost, "\n"))
	}
	if open {
		return
	}
	time.Sleep(quiet - time.Since(start))
	missing()
	for i, p := range probes {
		if came[i] && !p.always {
			h.t.Errorf("%s: leaked: %s", state, p.name)
		}
	}
}

// frames returns what has come to the client since the last call.
func (h *house) frames() []frame {
	h.t.Helper()
	return slices.Concat(h.arrived("peer0"), h.arrived("peer1"), h.arrived("peer2"))
}

// sees makes a probe that looks for one frame.
func sees(name string, send func(), match func(frame) bool) probe {
	return probe{name: name, send: send, seen: func(frames []frame) bool { return slices.ContainsFunc(frames, match) }}
}

// passing turns probes into ones that must always pass.
func passing(probes ...probe) []probe {
	for i := range probes {
		probes[i].always = true
	}
	return probes
}

// both runs a function for an IPv4 and an IPv6 address.
func both(a, b netip.Addr, f func(netip.Addr) []probe) []probe {
	return append(f(a), f(b)...)
}
