package fence

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeMechanism notes what it is told. What has a channel waits for it.
type fakeMechanism struct {
	mends
	mu      sync.Mutex
	until   []time.Duration
	trouble error
	refusal error // of Set, until the next Audit
	passing int   // so many audits fail, and then no more

	protects int // calls of Protect

	setting, auditing chan struct{} // wait for these if not nil
	change            chan struct{} // calls changed for each
	watchError        error
	audits            atomic.Int32
	closed            atomic.Bool
}

func (m *fakeMechanism) Protect([]netip.Prefix) error { m.protects++; return m.trouble }
func (m *fakeMechanism) Guard(int) error              { return m.trouble }
func (m *fakeMechanism) Close() error                 { m.closed.Store(true); return nil }

func (m *fakeMechanism) Set(until time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.setting != nil && until != 0 {
		<-m.setting // one who has been met here is under way
		<-m.setting
	}
	if m.refusal != nil {
		return m.refusal
	}
	m.until = append(m.until, until)
	return nil
}

func (m *fakeMechanism) Audit() error {
	m.audits.Add(1)
	if m.auditing != nil {
		<-m.auditing
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.trouble
	if err == nil {
		m.refusal = nil
	}
	if m.passing--; m.passing == 0 {
		m.trouble = nil
	}
	return err
}

func (m *fakeMechanism) Watch(ctx context.Context, changed func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.change:
			if m.watchError != nil {
				return m.watchError
			}
			changed()
		}
	}
}

func (m *fakeMechanism) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = err
}

func (m *fakeMechanism) sets() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Duration(nil), m.until...)
}

// around makes a Fence with a mechanism, and what it logs.
func around(m mechanism) (*Fence, *bytes.Buffer) {
	said := &bytes.Buffer{}
	return &Fence{kind: BPF, log: slog.New(slog.NewTextHandler(said, nil)), kernel: m}, said
}

func TestOpenAfterShut(t *testing.T) {
	m := &fakeMechanism{}
	f, _ := around(m)
	epoch := f.Epoch()
	if err := f.Open(epoch, 1); err != nil {
		t.Fatal(err)
	}
	if err := f.Open(epoch, 2); err != nil {
		t.Fatal("a second time:", err)
	}
	if err := f.Shut(); err != nil {
		t.Fatal(err)
	}
	if err := f.Open(epoch, 3); !errors.Is(err, ErrStale) {
		t.Fatal("after the fence was shut:", err)
	}
	if err := f.Open(f.Epoch(), 4); err != nil {
		t.Fatal("by a new epoch:", err)
	}
	want := []time.Duration{1, 2, 0, 4}
	if got := m.sets(); len(got) != len(want) || got[0] != 1 || got[1] != 2 || got[2] != 0 || got[3] != 4 {
		t.Errorf("the mechanism was told %v, not %v", got, want)
	}
}

// TestOpenWithoutMechanism is stale all the same: who asks goes by it.
// A firewall that is loaded anew may take the mechanism out of the kernel for a moment.
func TestOpenMendsFirst(t *testing.T) {
	gone := errors.New("no such table")
	m := &fakeMechanism{refusal: gone}
	f := &Fence{kind: NFTables, log: slog.New(slog.DiscardHandler), kernel: m}
	if err := f.Open(f.Epoch(), time.Minute); err != nil || len(m.until) != 1 {
		t.Errorf("%v, set %v", err, m.until)
	}
	m.refusal, m.trouble = gone, errors.New("no rights")
	if err := f.Open(f.Epoch(), time.Minute); !errors.Is(err, gone) || !errors.Is(err, m.trouble) {
		t.Errorf("what cannot be mended: %v", err)
	}
}

func TestOpenWithoutMechanism(t *testing.T) {
	for _, kind := range []Kind{Lifetime, Off} {
		f, err := New(kind, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind() != kind || f.Strict() {
			t.Errorf("%s became %s, strict %v", kind, f.Kind(), f.Strict())
		}
		epoch := f.Epoch()
		if err := errors.Join(f.Open(epoch, 1), f.Protect(nil), f.Guard(1), f.Run(t.Context(), nil), f.Shut()); err != nil {
			t.Error(err)
		}
		if err := f.Open(epoch, 1); !errors.Is(err, ErrStale) {
			t.Error("after the fence was shut:", err)
		}
		if err := errors.Join(f.Trouble(), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestShutDuringAudit has the mechanism be looked at for ever: the fence is shut
// nevertheless.
func TestShutDuringAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMechanism{auditing: make(chan struct{})}
		f, _ := around(m)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = f.Run(ctx, func() {}) })
		synctest.Wait() // the audit is under way
		if m.audits.Load() != 1 {
			t.Fatal("no audit at the start")
		}
		if err := errors.Join(f.Open(f.Epoch(), 1), f.Shut()); err != nil {
			t.Error(err)
		}
		if got := m.sets(); len(got) != 2 {
			t.Errorf("the mechanism was told %v", got)
		}
		close(m.auditing)
		cancel()
		run.Wait()
	})
}

// TestShutDuringOpen has an Open under way: the Shut comes after it, and stays.
func TestShutDuringOpen(t *testing.T) {
	m := &fakeMechanism{setting: make(chan struct{})}
	f, _ := around(m)
	epoch := f.Epoch()
	var calls sync.WaitGroup
	calls.Go(func() {
		if err := f.Open(epoch, 1); err != nil {
			t.Error(err)
		}
	})
	m.setting <- struct{}{} // the Open is under way
	calls.Go(func() {
		if err := f.Shut(); err != nil {
			t.Error(err)
		}
	})
	m.setting <- struct{}{}
	calls.Wait()
	if got := m.sets(); len(got) != 2 || got[1] != 0 {
		t.Errorf("the mechanism was told %v", got)
	}
	if err := f.Open(epoch, 2); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
}

func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMechanism{change: make(chan struct{})}
		f, said := around(m)
		ctx, cancel := context.WithCancel(t.Context())
		var changes int
		var run sync.WaitGroup
		run.Go(func() { _ = f.Run(ctx, func() { changes++ }) })
		step := func(err error, after func(), wantChanges int, wantSaid string) {
			t.Helper()
			said.Reset()
			m.fail(err)
			after()
			time.Sleep(auditAgain)
			synctest.Wait()
			if !errors.Is(f.Trouble(), err) || (err == nil) != (f.Trouble() == nil) {
				t.Errorf("trouble is %v, not %v", f.Trouble(), err)
			}
			if changes != wantChanges {
				t.Errorf("%d changes, not %d", changes, wantChanges)
			}
			if lines := strings.Count(said.String(), "\n"); (wantSaid == "") != (lines == 0) || lines > 1 || !strings.Contains(said.String(), wantSaid) {
				t.Errorf("it said %q, not %q", said, wantSaid)
			}
		}
		event := func() { m.change <- struct{}{} }
		second := func() { time.Sleep(auditEvery) }
		bypass, other := errors.New("somebody is in front"), errors.New("no memory")
		step(nil, synctest.Wait, 0, "")
		step(nil, event, 0, "")
		step(bypass, event, 1, "the fence does not hold")
		step(bypass, event, 1, "")
		step(bypass, second, 1, "")
		step(other, event, 1, "no memory")
		step(nil, second, 2, "the fence holds again")
		step(nil, second, 2, "")
		step(bypass, second, 3, "somebody is in front")
		cancel()
		run.Wait()
	})
}

// TestRunEnds with its context, and with the mechanism's inability to watch.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMechanism{change: make(chan struct{}), watchError: errors.New("socket closed")}
		f, _ := around(m)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx, func() {}) }()
		time.Sleep(time.Hour)
		if audits := m.audits.Load(); audits < 3600 {
			t.Errorf("%d audits in an hour", audits)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		go func() { ended <- f.Run(t.Context(), func() {}) }()
		m.change <- struct{}{}
		if err := <-ended; !errors.Is(err, m.watchError) || !strings.Contains(err.Error(), "bpf fence") {
			t.Error(err)
		}
		if err := errors.Join(f.Protect(nil), f.Close()); err != nil || !m.closed.Load() {
			t.Error("not closed:", err)
		}
	})
}

func TestNew(t *testing.T) {
	missing := errors.New("kernel too old")
	works := func(*slog.Logger) (mechanism, error) { return &fakeMechanism{}, nil }
	fails := func(*slog.Logger) (mechanism, error) { return nil, missing }
	type open = func(*slog.Logger) (mechanism, error)
	for name, test := range map[string]struct {
		kind          Kind
		bpf, nftables open
		want          Kind
		said, fails   string
	}{
		"the strongest":         {Auto, works, works, BPF, "", ""},
		"the second":            {Auto, fails, works, NFTables, "bpf fence: kernel too old", ""},
		"neither":               {Auto, fails, fails, Lifetime, "nftables fence: kernel too old", ""},
		"bpf wanted":            {BPF, works, works, BPF, "", ""},
		"bpf wanted in vain":    {BPF, fails, works, "", "", "bpf fence: kernel too old"},
		"nftables wanted":       {NFTables, works, works, NFTables, "", ""},
		"nftables wanted alone": {NFTables, fails, works, NFTables, "", ""},
		"lifetime wanted":       {Lifetime, fails, fails, Lifetime, "", ""},
		"off wanted":            {Off, works, works, Off, "", ""},
		"unknown":               {"moat", works, works, "", "", `unknown fence "moat"`},
		"none":                  {"", works, works, "", "", `unknown fence ""`},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			f, err := choose(test.kind, []candidate{{BPF, test.bpf, nil}, {NFTables, test.nftables, nil}}, slog.New(slog.NewTextHandler(&said, nil)))
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("error %v, not %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind() != test.want || f.Strict() != (test.want == BPF || test.want == NFTables) {
				t.Errorf("got %s, strict %v", f.Kind(), f.Strict())
			}
			if !strings.Contains(said.String(), test.said) || (test.said == "") != (said.Len() == 0) {
				t.Errorf("it said %q", &said)
			}
			if (f.Missing() != nil) != (test.said != "") || f.Missing() != nil && !strings.Contains(f.Missing().Error(), test.said) {
				t.Errorf("missing: %v", f.Missing())
			}
			if test.said != "" && !strings.Contains(said.String(), "level=WARN") {
				t.Errorf("that is no warning: %s", &said)
			}
		})
	}
}

// A predecessor's fence of another kind would keep the VIPs dark for ever; the own
// one comes first, so that nothing is answered in between.
func TestFirstProtectSweepsOtherMechanisms(t *testing.T) {
	var said bytes.Buffer
	own, swept := &fakeMechanism{}, 0
	f := &Fence{kind: BPF, log: slog.New(slog.NewTextHandler(&said, nil)), kernel: own, others: []candidate{
		{kind: Lifetime, sweep: func(*slog.Logger) error { return errors.New("may not look") }},
		{kind: NFTables, sweep: func(*slog.Logger) error { swept++; return nil }},
	}}
	own.trouble = errors.New("not yet")
	if err := f.Protect(nil); err == nil || swept > 0 {
		t.Errorf("swept without a fence of its own: %v", err)
	}
	own.trouble = nil
	for range 2 {
		if err := f.Protect(nil); err != nil || swept != 1 {
			t.Errorf("swept %d times: %v", swept, err)
		}
	}
	if got := said.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "may not look") {
		t.Errorf("it said %q", got)
	}
}

// Whoever does not get as far as its VIPs leaves a predecessor's fence alone.
func TestCloseBeforeProtect(t *testing.T) {
	m := &fakeMechanism{}
	f := &Fence{kind: BPF, log: slog.New(slog.DiscardHandler), kernel: m}
	if err := f.Close(); err != nil || m.closed.Load() {
		t.Errorf("closed: %v", err)
	}
}
