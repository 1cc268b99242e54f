package vrrpnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// watched is what a running WatchInterfaces tells.
type watched struct {
	*linkLab
	watcher *interfaceWatcher
	reads   atomic.Int32

	mu   sync.Mutex
	told [][]Interface
}

// watch runs until the test ends; change may alter the watcher before that.
func (l *linkLab) watch(change ...func(*watched)) *watched {
	l.t.Helper()
	w := &watched{linkLab: l}
	before := goleak.IgnoreCurrent()
	var err error
	w.watcher, err = openInterfaceWatcher(quiet(), w.tell)
	l.must(err)
	read := w.watcher.read
	w.watcher.read = func() (interfaceTable, error) { w.reads.Add(1); return read() }
	for _, f := range change {
		f(w)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.watcher.run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Errorf("watch ended: %v", err)
		}
		w.watcher.close()
		goleak.VerifyNone(l.t, before)
	})
	l.eventually("first telling", func() bool { return w.tellings() > 0 })
	return w
}

func (w *watched) tell(all []Interface) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, all)
}

func (w *watched) tellings() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// last is an interface as it was told last; false if it was not in it.
func (w *watched) last(name string) (Interface, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.told[len(w.told)-1]
	i := slices.IndexFunc(all, func(i Interface) bool { return i.Name == name })
	if i < 0 {
		return Interface{}, false
	}
	return all[i], true
}

// tells waits until an interface is told as it should be.
func (w *watched) tells(name, what string, ok func(Interface) bool) {
	w.t.Helper()
	w.eventually(name+": "+what, func() bool {
		i, found := w.last(name)
		return found && ok(i)
	})
}

func isUp(i Interface) bool   { return i.Up }
func isDown(i Interface) bool { return !i.Up }

func TestWatchTellsAtOnce(t *testing.T) {
	l := newLinkLab(t)
	l.add("eth0", "198.18.0.1/24")
	l.add("eth0", "198.18.0.2/24")
	l.add("eth0", "2001:db8::1/64")
	w := l.watch()
	attrs := l.link("eth0").Attrs()
	want := Interface{
		Name: "eth0", Index: attrs.Index, Up: true, MTU: 1500, MAC: attrs.HardwareAddr,
		Addresses: []netip.Prefix{
			netip.MustParsePrefix("198.18.0.1/24"), netip.MustParsePrefix("198.18.0.2/24"),
			netip.MustParsePrefix("2001:db8::1/64"),
		},
	}
	got, _ := w.last("eth0")
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("eth0 (-want +got):\n%s", diff)
	}
	if lo, ok := w.last("lo"); !ok || lo.Up {
		t.Errorf("lo: %+v", lo)
	}
}

func TestWatchInNamespaceOfThread(t *testing.T) {
	l := newLinkLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var names []string
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine
		if err := unix.Setns(l.thereFD, unix.CLONE_NEWNET); err != nil {
			ended <- err
			return
		}
		ended <- WatchInterfaces(ctx, quiet(), func(all []Interface) {
			for _, i := range all {
				names = append(names, i.Name)
			}
			cancel()
		})
	}()
	l.must(<-ended)
	if !slices.Contains(names, "peer0") || slices.Contains(names, "eth0") {
		t.Errorf("told of %v", names)
	}
}

func TestWatchCarrier(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	l.must(l.there.LinkSetDown(l.at(l.there, "peer0")))
	w.tells("eth0", "no carrier", isDown)
	l.must(l.there.LinkSetUp(l.at(l.there, "peer0")))
	w.tells("eth0", "carrier", isUp)
	l.must(l.here.LinkSetDown(l.link("eth0")))
	w.tells("eth0", "switched off", isDown)
}

func TestWatchChangesOfLink(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	index := l.link("eth0").Attrs().Index
	l.must(l.here.LinkSetMTU(l.link("eth0"), 1400))
	w.tells("eth0", "MTU", func(i Interface) bool { return i.MTU == 1400 })
	mac := VirtualMAC4(9)
	l.must(l.here.LinkSetHardwareAddr(l.link("eth0"), mac))
	w.tells("eth0", "MAC", func(i Interface) bool { return i.MAC.String() == mac.String() })
	l.must(l.here.LinkSetName(l.link("eth0"), "lan0"))
	w.tells("lan0", "renamed", func(i Interface) bool { return i.Index == index })
	if _, ok := w.last("eth0"); ok {
		t.Error("still there under its old name")
	}
	l.must(l.here.LinkDel(l.link("lan0")))
	w.eventually("lan0 deleted", func() bool { _, ok := w.last("lan0"); return !ok })
	l.addVeth("lan0", "peer0")
	w.tells("lan0", "made again", func(i Interface) bool { return i.Up && i.Index != index && len(i.Addresses) == 0 })
}

func TestWatchBridgePort(t *testing.T) {
	l := newLinkLab(t)
	l.add("eth0", "198.18.0.1/24")
	w := l.watch()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	l.must(l.here.LinkAdd(bridge))
	l.must(l.here.LinkSetMaster(l.link("eth0"), bridge))
	l.must(l.here.LinkSetNoMaster(l.link("eth0")))
	l.add("eth0", "198.18.1.1/24")
	w.tells("eth0", "both addresses", func(i Interface) bool { return len(i.Addresses) == 2 })
}

func TestWatchDuplicateAddress(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	l.must(l.there.AddrAdd(l.at(l.there, "peer0"), l.addr("2001:db8::1/64")))
	for _, prefix := range []string{"2001:db8::1/64", "2001:db8::2/64"} {
		a := l.addr(prefix)
		a.Flags = 0
		l.must(l.here.AddrAdd(l.link("eth0"), a))
	}
	unique := netip.MustParsePrefix("2001:db8::2/64")
	w.tells("eth0", "unique address", func(i Interface) bool { return slices.Contains(i.Addresses, unique) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.told {
		for _, i := range all {
			if slices.Contains(i.Addresses, netip.MustParsePrefix("2001:db8::1/64")) {
				t.Fatal("told of an address that another host has")
			}
		}
	}
}

func TestWatchManyAddressesWithoutReadingAnew(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	const n = 2000
	eth0 := l.link("eth0")
	for i := range n {
		l.must(l.here.AddrAdd(eth0, l.addr(fmt.Sprintf("198.18.%d.%d/16", i/250, i%250+1))))
	}
	w.tells("eth0", "addresses", func(i Interface) bool { return len(i.Addresses) == n })
	if got := w.reads.Load(); got != 1 {
		t.Errorf("%d addresses: read everything %d times", n, got)
	}
	if got := w.tellings(); got > n/2 {
		t.Errorf("%d addresses: told %d times", n, got)
	}
}

func TestWatchTellsOnlyChanges(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	l.must(l.here.LinkSetTxQLen(l.link("eth0"), 77))
	l.must(l.here.LinkSetAlias(l.link("eth0"), "alias"))
	l.add("eth0", "198.18.0.1/24")
	w.tells("eth0", "address", func(i Interface) bool { return len(i.Addresses) == 1 })
	if got := w.tellings(); got != 2 {
		t.Errorf("told %d times, want 2", got)
	}
}

func TestWatchPauses(t *testing.T) {
	var told int
	w := interfaceWatcher{table: interfaceTable{}, tell: func([]Interface) { told++ }}
	now := time.Unix(1000, 0)
	step := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		w.tellChanges(now)
		if told != want {
			t.Fatalf("told %d times, want %d", told, want)
		}
	}
	address := func(last int) {
		payload := addressMessage(2, fmt.Sprintf("198.18.0.%d/24", last), 0, 0)
		w.take(syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_NEWADDR}, Data: payload})
	}
	w.take(syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_NEWLINK}, Data: linkMessage(2, "eth0", 0)})
	step(0, 1)
	address(1)
	step(tellPause-1, 1)
	if due := w.due(); !due.Equal(now.Add(1)) {
		t.Errorf("due %v after now", due.Sub(now))
	}
	step(1, 2)
	step(time.Hour, 2)
	if due := w.due(); !due.IsZero() {
		t.Errorf("due at %v without a change", due)
	}
	address(2)
	step(0, 3) // after peace: at once
	w.changed = true
	step(time.Hour, 3) // nothing that shows
}

func TestWatchAfterLostNotificationsWhileTelling(t *testing.T) {
	l := newLinkLab(t)
	const n = 500
	w := l.watch(func(w *watched) {
		l.must(w.watcher.notices.conn.Control(func(fd uintptr) {
			l.must(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
		}))
	})
	w.mu.Lock() // the next telling waits
	for i := range n {
		l.must(l.here.AddrAdd(l.link("eth0"), l.addr(fmt.Sprintf("198.18.%d.%d/16", i/250, i%250+1))))
	}
	w.mu.Unlock()
	w.tells("eth0", "addresses", func(i Interface) bool { return len(i.Addresses) == n })
	if w.reads.Load() < 2 {
		t.Error("nothing was lost: the test is of no use")
	}
}

func TestWatchAfterLostNotifications(t *testing.T) {
	l := newLinkLab(t)
	const n = 500
	fill := func(w *watched) {
		conn := w.watcher.notices.conn
		l.must(conn.Control(func(fd uintptr) {
			l.must(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
		}))
		read := w.watcher.read
		first := true
		w.watcher.read = func() (interfaceTable, error) {
			t, err := read()
			if !first {
				return t, err
			}
			first = false
			for i := range n { // behind the back of the first look
				l.must(l.here.AddrAdd(l.link("eth0"), l.addr(fmt.Sprintf("198.18.%d.%d/16", i/250, i%250+1))))
			}
			return t, err
		}
	}
	w := l.watch(fill)
	w.tells("eth0", "addresses", func(i Interface) bool { return len(i.Addresses) == n })
	if w.reads.Load() < 2 {
		t.Error("nothing was lost: the test is of no use")
	}
}

func TestWatchReadsAgainWhatFailed(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch(func(w *watched) {
		read := w.watcher.read
		w.watcher.read = func() (interfaceTable, error) {
			table, err := read()
			switch w.reads.Load() {
			case 1:
				return interfaceTable{}, nl.ErrDumpInterrupted
			case 2:
				return nil, unix.EBUSY
			}
			return table, err
		}
	})
	w.tells("eth0", "read again", isUp)
	if got := w.reads.Load(); got != 3 {
		t.Errorf("read %d times, want 3", got)
	}
}

func TestWatchWithoutAnything(t *testing.T) {
	l := newLinkLab(t)
	w, err := openInterfaceWatcher(quiet(), nil)
	l.must(err)
	defer w.close()
	w.read = func() (interfaceTable, error) { return nil, unix.EBUSY }
	if err := w.run(t.Context()); !errors.Is(err, unix.EBUSY) {
		t.Errorf("error %v", err)
	}
}

// TestWatchOrderIsKernels compares what notifications add up to with a new look.
func TestWatchOrderIsKernels(t *testing.T) {
	for _, promote := range []string{"0", "1"} {
		t.Run("promote_secondaries="+promote, func(t *testing.T) {
			l := newLinkLab(t)
			l.set(sysctl{"ipv4", "eth0", "promote_secondaries"}, promote)
			w := l.watch()
			random := rand.New(rand.NewPCG(1, 2))
			for range 400 {
				a := l.addr(fmt.Sprintf("198.18.%d.%d/24", random.IntN(4), 1+random.IntN(4)))
				if random.IntN(2) == 0 {
					a = l.addr(fmt.Sprintf("2001:db8:%d::%d/64", random.IntN(4), 1+random.IntN(4)))
				} else if random.IntN(4) == 0 {
					a.Scope = unix.RT_SCOPE_LINK
				}
				change := l.here.AddrAdd
				if random.IntN(3) == 0 {
					change = l.here.AddrDel
				}
				_ = change(l.link("eth0"), a) // it may be there, or not
			}
			l.eventually("all told", func() bool { return sameInterfaces(w.kernel(), w.lastAll()) })
			if w.reads.Load() != 1 {
				t.Error("read anew: the test is of no use")
			}
		})
	}
}

// kernel is what a new look finds.
func (w *watched) kernel() []Interface {
	w.t.Helper()
	r, err := openInterfaceReader()
	w.must(err)
	defer r.Close()
	table, err := r.Read()
	w.must(err)
	return table.list()
}

func (w *watched) lastAll() []Interface {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[len(w.told)-1]
}
