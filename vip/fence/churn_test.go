package fence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Others may add the qdisc between a look at all of them and ours.
func TestQdiscOfOthersMeanwhile(t *testing.T) {
	for _, kind := range []string{"clsact", "ingress"} {
		t.Run(kind, func(t *testing.T) {
			w := newWire(t)
			b := w.fence()
			w.pair("eth1", "eth2")
			var err error
			b.qdiscs, err = b.traffic.qdiscs()
			must(t, err)
			w.run("tc qdisc add dev eth1 " + kind)
			must(t, b.attend(w.link("eth1"), ""))
			if got := w.filters("eth1", ingress); got != "bpf:perch" {
				t.Errorf("filters at ingress: %q", got)
			}
			must(t, b.Audit())
		})
	}
}

// A failure that is gone a moment later is no trouble.
func TestAuditRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMechanism{passing: 1, trouble: errors.New("somebody was faster")}
		f, said := around(m)
		if f.audit() || f.Trouble() != nil || said.Len() > 0 {
			t.Errorf("trouble %v, said %q", f.Trouble(), said)
		}
		m.fail(errors.New("somebody is in front"))
		if !f.audit() || f.Trouble() == nil || m.audits.Load() != 4 {
			t.Errorf("trouble %v after %d audits", f.Trouble(), m.audits.Load())
		}
	})
}

// Interfaces that come and go at any moment are no trouble, also when others hang
// their filters there.
func TestInterfacesComeAndGo(t *testing.T) {
	for _, c := range strong {
		t.Run(string(c.kind), func(t *testing.T) {
			newWire(t)
			f, err := New(c.kind, slog.New(slog.NewTextHandler(t.Output(), nil)))
			must(t, err)
			must(t, f.Protect(hostVIPs()))
			ctx, cancel := context.WithCancel(t.Context())
			var run sync.WaitGroup
			var changes atomic.Int32
			run.Go(func() { _ = f.Run(ctx, func() { changes.Add(1) }) })
			var churn sync.WaitGroup
			for i := range 4 {
				h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
				must(t, err)
				defer h.Close()
				churn.Go(func() { comeAndGo(t, h, i) })
			}
			over := make(chan struct{})
			go func() { churn.Wait(); close(over) }()
			n, _ := f.kernel.(*nftFence)
			for going := true; going; { // beside the one that runs
				if n != nil {
					n.foreign.Store(true) // as every ten seconds
				}
				if f.audit() {
					changes.Add(1)
				}
				select {
				case <-over:
					going = false
				default:
				}
			}
			if err := f.Trouble(); err != nil || changes.Load() > 0 {
				t.Errorf("%d changes, trouble %v", changes.Load(), err)
			}
			if got := f.Mended(); got.Count > 0 {
				t.Errorf("mended: %+v", got)
			}
			cancel()
			run.Wait()
			must(t, f.Close())
		})
	}
}

// comeAndGo has interfaces live for some milliseconds, half of them with a qdisc of
// somebody else.
func comeAndGo(t *testing.T, h *netlink.Handle, number int) {
	for i := range 50 {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("come%d.%d", number, i)
		veth := &netlink.Veth{LinkAttrs: attrs, PeerName: fmt.Sprintf("go%d.%d", number, i)}
		if err := h.LinkAdd(veth); err != nil {
			t.Error(err)
			return
		}
		l, err := h.LinkByName(attrs.Name)
		if err != nil {
			t.Error(err)
			return
		}
		if i%2 == 0 {
			_ = h.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{ // perch may be faster
				LinkIndex: l.Attrs().Index, Handle: clsactHandle, Parent: netlink.HANDLE_CLSACT,
			}})
		}
		time.Sleep(time.Duration(i%7) * time.Millisecond)
		if err := h.LinkDel(l); err != nil {
			t.Error(err)
			return
		}
	}
}

// What cannot be guarded is no place for a VIP, and no more than that.
func TestGuardErrorIsNoTrouble(t *testing.T) {
	w := newWire(t)
	f := startFence(t, BPF, openBPF)
	must(t, f.Protect(hostVIPs()))
	w.pair("eth1", "eth2")
	w.run("ip link add br0 type bridge")
	w.run("ip link set eth1 master br0")
	eventually(t, "a port is no place for a VIP", func() bool { // it has to be told of the bridge first
		f.audit()
		err := f.Guard(w.link("eth1").Attrs().Index)
		return err != nil && strings.Contains(err.Error(), "port of a bridge")
	})
	if err := f.Guard(4711); err == nil {
		t.Error("an interface that is not there is guarded")
	}
	f.audit()
	must(t, f.Trouble())
}
