package lab

import (
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// A handle that is in use when the lab is closed stays one on its namespace.
func TestHandleInUseOutlivesItsLab(t *testing.T) {
	l, hosts := newLab(t, 1)
	h, closed := hosts[0], make(chan error, 1)
	err := h.ns.use(func(nl *netlink.Handle) error {
		go func() { closed <- l.Close() }()
		eventually(t, "the closing waits for the handle", func() bool {
			waits := !h.ns.using.TryRLock()
			if !waits {
				h.ns.using.RUnlock()
			}
			return waits
		})
		eth0, err := nl.LinkByName("eth0")
		if err == nil && !slices.Equal(eth0.Attrs().HardwareAddr, h.Eth0.MAC) {
			t.Error("the handle sees the machine's eth0")
		}
		return err
	})
	must(t, err)
	must(t, <-closed)
}

// A process that has just been started when its host ends does not outlive it.
func TestProcessStartedWhileItsHostEnds(t *testing.T) {
	_, hosts := newLab(t, 2)
	p, err := hosts[0].Start(exec.Command("sh", "-c", "sleep 60 & sleep 60"))
	must(t, err)
	ending := &Host{Name: "ending", closed: true}
	if err := ending.keep(p); !errors.Is(err, errClosed) {
		t.Errorf("kept by a closed host: %v", err)
	}
	eventually(t, "the process and its child are gone", func() bool {
		return syscall.Kill(-p.PID(), 0) == syscall.ESRCH
	})
	must(t, hosts[1].close())
	if !hosts[1].closed {
		t.Error("a host that was closed does not know it")
	}
	hosts[1].lab.hosts = hosts[:1]
}

func TestNothingBeginsInAClosedLab(t *testing.T) {
	l, _ := newLab(t, 1)
	must(t, l.Close())
	if err := l.begin(nil, func() { t.Error("it was begun") }); !errors.Is(err, errClosed) {
		t.Errorf("begin in a closed lab: %v", err)
	}
	w := l.Watch(netip.MustParseAddr(vip4))
	if err := w.Close(); !errors.Is(err, errClosed) {
		t.Errorf("a watch of a closed lab: %v", err)
	}
}

// Whoever begins something while the lab is closed gets it ended or refused.
func TestLabClosedWhileItIsUsed(t *testing.T) {
	for range 5 {
		l, hosts := newLab(t, 2)
		h := hosts[0]
		done := make(chan error, 4)
		loop := func(try func() error) {
			err := error(nil)
			for err == nil {
				err = try()
			}
			done <- err
		}
		go loop(func() error {
			p, err := h.Start(exec.Command("sleep", "60"))
			if err == nil {
				p.kill()
			}
			return err
		})
		go loop(func() error {
			p, err := h.Ping(hosts[1].Eth0.IPv4.Addr())
			if err == nil {
				err = p.Close()
			}
			return err
		})
		go loop(func() error { _, err := h.Has(hosts[1].Eth0.IPv4.Addr()); return err })
		go loop(func() error { return l.Watch(h.Eth0.IPv4.Addr()).Close() })
		eventually(t, "it is used", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.processes) > 0
		})
		must(t, l.Close())
		for range 4 {
			if err := <-done; !errors.Is(err, errClosed) {
				t.Errorf("ended with %v", err)
			}
		}
	}
}
