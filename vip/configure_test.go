package vip

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestConfigureSweeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	must(t, ledger(path).Write(vips("198.18.0.90/24", "198.18.0.100/24")))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	for _, prefix := range []string{"198.18.0.1/24", "198.18.0.90/24", "198.18.0.100/24", "198.18.0.101/24", "198.18.0.7/24"} {
		k.put(2, prefix)
	}
	m := newManager(Options{Ledger: path}, k)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	must(t, m.Configure(all))
	wantList(t, k, "198.18.0.1/24", "198.18.0.7/24")
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all)
	}
}

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
	if got, err := ledger(path).Read(); err != nil || len(got) != 2 {
		t.Errorf("the ledger has %v, %v, want both", got, err)
	}
	k.refuses(0, nil)
	must(t, m.Configure(all[1:]))
	wantList(t, k)
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all[1:]) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all[1:])
	}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	before := vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24")
	m, k := fakeWith(t, Options{}, before)
	k.put(2, "198.18.0.1/24")
	must(t, m.Set(before))
	since := m.Status()[1].Since
	k.takeRequests()
	after := vips("198.18.0.101/24", "198.18.0.102/32", "198.18.0.103/24")
	must(t, m.Configure(after))
	wantRequests(t, k,
		"add 198.18.0.102/32 on interface 2", "request 198.18.0.102", "reply 198.18.0.102",
		"del 198.18.0.100/24 on interface 2", "del 198.18.0.102/24 on interface 2")
	must(t, m.Set(after))
	wantRequests(t, k,
		"add 198.18.0.103/24 on interface 2", "request 198.18.0.103", "reply 198.18.0.103")
	if got := m.Status()[0]; got.VIP != after[0] || !got.Held || !got.Since.Equal(since) {
		t.Errorf("status is %+v, want held since %v", got, since)
	}
}

func TestConfigureRefuses(t *testing.T) {
	tests := []struct {
		name string
		vips []VIP
		want string
	}{
		{"no address", []VIP{{Interface: "eth0"}}, "VIP invalid Prefix eth0: not an address with a prefix length"},
		{"mapped", vips("::ffff:198.18.0.1/120"), "VIP ::ffff:198.18.0.1/120 eth0: not an address with a prefix length"},
		{"any", vips("0.0.0.0/0"), "VIP 0.0.0.0/0 eth0: not an address of one host on a network"},
		{"multicast", vips("ff02::1/128"), "VIP ff02::1/128 eth0: not an address of one host on a network"},
		{"loopback", vips("127.0.0.1/8"), "VIP 127.0.0.1/8 eth0: not an address of one host on a network"},
		{"no interface", []VIP{{Address: netip.MustParsePrefix("198.18.0.1/24")}}, `VIP 198.18.0.1/24 : "" names no interface`},
		{"long name", []VIP{{netip.MustParsePrefix("198.18.0.1/24"), "sixteen-letters-"}}, `VIP 198.18.0.1/24 sixteen-letters-: "sixteen-letters-" names no interface`},
		{
			"twice", vips("198.18.0.1/24", "198.18.0.1/32"),
			"VIP 198.18.0.1/32 eth0: same address and interface as 198.18.0.1/24 eth0",
		},
		{
			"all mistakes", vips("0.0.0.0/0", "127.0.0.1/8"),
			"VIP 0.0.0.0/0 eth0: not an address of one host on a network\nVIP 127.0.0.1/8 eth0: not an address of one host on a network",
		},
	}
	for _, test := range tests {
		m := newManager(Options{}, newFakeKernel())
		if err := m.Configure(test.vips); err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
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
	if err := m.Configure(all[:1]); err == nil || !strings.Contains(err.Error(), path) {
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
	if err := m.Configure(all[1:]); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want one that names %s", err, path)
	}
	wantList(t, k, "198.18.0.100/24")
	if got := m.Status(); len(got) != 1 || got[0].VIP != all[0] || !got[0].Held {
		t.Errorf("status is %+v, want the old configuration", got)
	}
	must(t, m.Configure(all[:1])) // unchanged, so that there is nothing to write
}
