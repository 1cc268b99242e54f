package vip

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// fakeWith is a Manager on a model of the kernel with one interface, eth0 of index
// 2, and with VIPs configured.
func fakeWith(t *testing.T, opts Options, vips []VIP) (*Manager, *fakeKernel) {
	t.Helper()
	k := newFakeKernel(ethernetLink(2, "eth0"))
	m := newManager(opts, k)
	must(t, m.Configure(vips))
	k.takeRequests()
	return m, k
}

// holding is fakeWith where the VIPs are held.
func holding(t *testing.T, opts Options, vips []VIP) (*Manager, *fakeKernel) {
	t.Helper()
	m, k := fakeWith(t, opts, vips)
	must(t, m.Set(vips))
	k.takeRequests()
	return m, k
}

// start runs m until the test ends or stop is called.
func start(t *testing.T, m *Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	synctest.Wait()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantList(t *testing.T, k *fakeKernel, want ...string) {
	t.Helper()
	if got := k.list(); !slices.Equal(got, append([]string{}, want...)) {
		t.Fatalf("the kernel has %q, want %q", got, want)
	}
}

func wantRequests(t *testing.T, k *fakeKernel, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, k.takeRequests()); diff != "" {
		t.Fatalf("requests: (-want +got)\n%s", diff)
	}
}

func wantReason(t *testing.T, m *Manager, want string) {
	t.Helper()
	if got := m.Status()[0].Reason; got != want {
		t.Fatalf("reason is %q, want %q", got, want)
	}
}
