package vip

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestLedgerBeforeKernel: the ledger knows a VIP before it can be added, and
// forgets it only when it has gone.
func TestLedgerBeforeKernel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, k := holding(t, Options{Ledger: path}, all[:1])
	k.refuse = func(kind int, _ address) error {
		if kind != unix.RTM_DELADDR {
			return nil
		}
		if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, []VIP{all[1], all[0]}) {
			t.Errorf("when the VIP goes the ledger has %v, %v", got, err)
		}
		return unix.EPERM
	}
	if err := m.Configure(all[1:]); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v, want %v", err, unix.EPERM)
	}
	m.shorten()
	if got, err := ledger(path).Read(); err != nil || len(got) != 2 {
		t.Errorf("the ledger has %v, %v, want both", got, err)
	}
	k.refuses(0, nil)
	must(t, m.Configure(all[1:]))
	wantList(t, k)
	m.shorten()
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all[1:]) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all[1:])
	}
}

func TestCorruptLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	must(t, os.WriteFile(path, []byte("not a ledger"), 0o600))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.put(2, "198.18.0.100/24")
	var log strings.Builder
	m := newManager(Options{Ledger: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, k)
	all := vips("198.18.0.100/24")
	must(t, m.Configure(all))
	wantList(t, k)
	if b, err := os.ReadFile(path + ".corrupt"); err != nil || string(b) != "not a ledger" {
		t.Errorf("set aside: %q, %v", b, err)
	}
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the new ledger has %v, %v, want %v", got, err, all)
	}
	if !strings.Contains(log.String(), "ledger set aside") || !strings.Contains(log.String(), path+".corrupt") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestUnwritableLedger: at start the sweep happens all the same; at reload
// nothing changes.
func TestUnwritableLedger(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(folder, "vips.json")
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.put(2, "198.18.0.100/24")
	m := newManager(Options{Ledger: path}, k)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	if err := m.Configure(all[:1]); !errors.Is(err, ErrLedger) || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want one that names %s", err, path)
	}
	wantList(t, k)
	if err := m.Set(all[:1]); err == nil {
		t.Fatal("a configuration that failed is in force")
	}
	must(t, os.Mkdir(folder, 0o700))
	must(t, m.Configure(all[:1]))
	must(t, m.Set(all[:1]))
	must(t, os.RemoveAll(folder))
	if err := m.Configure(all[1:]); !errors.Is(err, ErrLedger) || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want one that names %s", err, path)
	}
	wantList(t, k, "198.18.0.100/24")
	if got := m.Status(); len(got) != 1 || got[0].VIP != all[0] || !got[0].Held {
		t.Errorf("status is %+v, want the old configuration", got)
	}
	must(t, m.Configure(all[:1])) // unchanged, so that there is nothing to write
}

// TestLedgerForgetsLater: a VIP that could not be removed at first leaves the
// ledger when it has gone.
func TestLedgerForgetsLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := holding(t, Options{Ledger: path}, all)
		start(t, m)
		time.Sleep(10 * time.Second) // Run has nothing to do for a while
		k.refuses(unix.RTM_DELADDR, unix.EPERM)
		if err := m.Configure(all[1:]); !errors.Is(err, unix.EPERM) {
			t.Errorf("error %v, want %v", err, unix.EPERM)
		}
		k.refuses(0, nil)
		time.Sleep(2 * retryAfter)
		wantList(t, k, "198.18.0.101/24")
		if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all[1:]) {
			t.Errorf("the ledger has %v, %v, want %v", got, err, all[1:])
		}
	})
}

// TestLedgerKnowsTheNew: also when it is as long as before.
func TestLedgerKnowsTheNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	all := vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24")
	m, _ := fakeWith(t, Options{Ledger: path}, all[:2])
	must(t, m.Configure(all[:1]))
	must(t, m.Configure([]VIP{all[0], all[2]}))
	if got, err := ledger(path).Read(); err != nil || !slices.Contains(got, all[2]) {
		t.Errorf("the ledger has %v, %v, want %v in it", got, err, all[2])
	}
}

// TestLedgerStaysLong: that it cannot be shortened is told, and does no harm.
func TestLedgerStaysLong(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	must(t, os.Mkdir(folder, 0o700))
	var log strings.Builder
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, _ := fakeWith(t, Options{Ledger: filepath.Join(folder, "vips.json"), Log: slog.New(slog.NewTextHandler(&log, nil))}, all)
	m.shorten()
	must(t, os.RemoveAll(folder))
	must(t, m.Configure(all)) // there is nothing to write
	must(t, m.Configure(all[:1]))
	m.shorten()
	must(t, m.Close())
	if got := strings.Count(log.String(), "ledger keeps addresses that are gone"); got != 1 || !strings.Contains(log.String(), "no such file") {
		t.Errorf("told %d times, want once: %s", got, log.String())
	}
}

// TestGoneIsNoLongerOurs: a VIP that was configured once and has gone may be
// anybody's, even while another one cannot be added.
func TestGoneIsNoLongerOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		k.refuse = func(kind int, a address) error {
			if kind == unix.RTM_NEWADDR && !a.is4() {
				return unix.EACCES
			}
			return nil
		}
		_ = m.Set(all)
		_ = m.Configure(all[1:])
		wantList(t, k)
		k.put(2, "198.18.0.100/24")
		time.Sleep(time.Minute)
		wantList(t, k, "198.18.0.100/24")
	})
}

// TestLedgerAfterHalfAWrite: a write that failed may have replaced the ledger all
// the same, so that the next one is not left out.
func TestLedgerAfterHalfAWrite(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	for _, folder := range []string{here + "/gone", here + "/x", there + "/a/b", there + "/gone"} {
		must(t, os.MkdirAll(folder, 0o700))
	}
	must(t, os.Symlink(there+"/a/b", here+"/x/link"))
	// The kernel follows the link and then goes up, filepath.Dir goes up at once: the
	// file is written into the one folder, and the other is synced.
	path := here + "/x/link/../../gone/vips.json"
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, _ := fakeWith(t, Options{Ledger: path}, all)
	must(t, m.Configure(all[:1]))
	must(t, os.Remove(here+"/gone"))
	m.shorten()
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all[:1]) {
		t.Fatalf("the ledger has %v, %v: the test tests nothing", got, err)
	}
	if m.known {
		t.Error("what was written is taken for lasting")
	}
	must(t, os.Mkdir(here+"/gone", 0o700))
	must(t, m.Configure(all))
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all)
	}
}

// TestSlowDisk: neither a reload that only gives up VIPs nor Set nor what Run does
// waits for the disk.
func TestSlowDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, k := holding(t, Options{Ledger: path}, all)
	must(t, unix.Mkfifo(path+".new", 0o600)) // which blocks whoever opens it to write
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- m.Run(ctx) }()
	done := make(chan error)
	go func() {
		done <- m.Configure(all[:1])
		done <- m.Set(nil)
		done <- m.Set(all[:1])
	}()
	for range 3 {
		select {
		case err := <-done:
			must(t, err)
		case <-time.After(5 * time.Second):
			t.Fatal("somebody waits for the disk")
		}
	}
	must(t, k.byHand(2, "198.18.0.100/24"))
	within(t, 5*time.Second, "put back", func() bool { return len(k.list()) == 1 })
	cancel()
	disk, err := os.OpenFile(path+".new", os.O_RDWR, 0)
	must(t, err)
	must(t, <-ran)
	must(t, disk.Close())
}
