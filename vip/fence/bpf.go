package fence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// bpf is the mechanism of programs at tc ingress and egress.
//
// The programs are in program.go, sift.go, macrule.go, rules.go, judge.go and steps.go;
// what they look into in shared.go, sieve.go, key.go and vips.go. attach.go hangs them up as filters and
// tcx.go in front of those, secure.go decides which it takes, and audit.go where.
//
// An interface that appears is fenced some milliseconds later, when Watch has heard of
// it; that is why Guard is asked before a VIP is added. Filters and programs attached
// by tcx stay when the process ends, and with them the maps: with the lease that it
// last set, and that nobody extends. The next process makes maps of its own.
type bpf struct {
	mends
	log      *slog.Logger
	vips     *bpfVIPs
	programs map[program]loaded

	namespace *netns
	netlink   *netlink.Handle
	traffic   *traffic

	perch  map[ebpf.ProgramID]bool // programs of ours and of a perch before, and which are not
	armed  bool                    // there was a set of VIPs: the programs may be put in place
	state  map[int]state           // by index of the interface
	qdiscs map[int]string          // likewise; as of the last look
	listed listing
	wrong  string // what was first found to be with the interface at hand
}

// loaded is a program in the kernel.
type loaded struct {
	*ebpf.Program
	id ebpf.ProgramID
}

// state is what was last done about an interface.
type state string

const (
	fenced    state = "fenced"
	leftAlone state = "left alone"
	broken    state = "broken" // it was fenced, and cannot be
)

// openBPF makes the mechanism, shut, for the calling thread's network namespace.
func openBPF(log *slog.Logger) (mechanism, error) {
	if err := checkClock(); err != nil {
		return nil, err
	}
	b := &bpf{
		log: log, programs: map[program]loaded{}, perch: map[ebpf.ProgramID]bool{}, state: map[int]state{},
	}
	err := errors.Join(b.openKernel(), b.openNetwork())
	if err == nil {
		err = b.begin()
	}
	if err != nil {
		return nil, errors.Join(err, b.release())
	}
	return b, nil
}

// openKernel makes the maps and loads the programs.
func (b *bpf) openKernel() error {
	var err error
	if b.vips, err = newBPFVIPs(); err != nil {
		return err
	}
	for _, p := range programs {
		one, err := p.load(b.vips.tables)
		if err != nil {
			return err
		}
		b.programs[p] = loaded{Program: one}
		info, err := one.Info()
		if err != nil {
			return fmt.Errorf("look at BPF program: %w", err)
		}
		id, _ := info.ID()
		b.programs[p] = loaded{one, id}
		b.perch[id] = true
	}
	return nil
}

func (b *bpf) openNetwork() error {
	var err error
	if b.namespace, err = openNetns(); err != nil {
		return err
	}
	if b.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	if err := b.netlink.SetSocketTimeout(tcPatience * time.Second); err != nil {
		return fmt.Errorf("set netlink timeout: %w", err)
	}
	b.traffic, err = openTraffic()
	return err
}

// begin finds what a predecessor left, and leaves it there for the time being: it keeps
// VIPs dark that may still be on an interface, and this perch does not know them before
// Protect. Whether the kernel has all it takes shows at lo.
func (b *bpf) begin() error {
	links, err := b.links()
	if err != nil {
		return err
	}
	if b.qdiscs, err = b.traffic.qdiscs(); err != nil {
		return err
	}
	var lo netlink.Link
	for _, l := range links {
		found, err := b.meet(l.Attrs().Index)
		if err != nil {
			return err
		}
		if l.Attrs().Flags&net.FlagLoopback != 0 && !found {
			lo = l
		}
	}
	if lo == nil {
		return nil
	}
	if err := b.secure(lo); err != nil {
		return errors.Join(err, b.leave(lo)) // and nothing else: all others are a predecessor's
	}
	return nil
}

// meet notes whose programs the filters of perch are, and tells whether there are any.
func (b *bpf) meet(index int) (bool, error) {
	found := false
	for _, d := range directions {
		list, err := b.traffic.filters(index, d)
		if err != nil {
			return false, err
		}
		for _, f := range list {
			if f.isPerch() {
				found = true
				b.perch[f.program] = true
			}
		}
	}
	return found, nil
}

// Protect replaces the set of the cluster's VIPs.
func (b *bpf) Protect(vips []netip.Prefix) error {
	return b.protect(clusterLease, everywhere(vips), nil)
}

// protect replaces what is under a lease. The first time it then puts the programs on
// all interfaces, in the place of a predecessor's.
func (b *bpf) protect(lease uint32, vips []VIP, macs []MAC) error {
	if err := b.vips.protect(lease, vips, macs); err != nil {
		return err
	}
	if b.armed {
		return nil
	}
	b.armed = true
	return b.Audit()
}

// Set moves the lease's end.
func (b *bpf) Set(until time.Duration) error {
	b.end(clusterLease).set(until)
	return nil
}

// end is where a lease's end is kept. It is not to be used when the bpf is garbage.
func (b *bpf) end(lease uint32) *expiry { return &b.vips.memory.leases[lease] }

// withdraw takes out what is under a lease.
func (b *bpf) withdraw(lease uint32) error { return b.vips.protect(lease, nil, nil) }

// Watch follows interfaces, qdiscs and filters.
func (b *bpf) Watch(ctx context.Context, changed func()) error {
	var socket *nl.NetlinkSocket
	err := b.namespace.do(func() (err error) {
		socket, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_TC)
		return err
	})
	if err != nil {
		return fmt.Errorf("subscribe to netlink notifications: %w", err)
	}
	b.watching()
	defer b.listed.watched.Store(false)
	stop := context.AfterFunc(ctx, socket.Close)
	defer func() {
		if stop() {
			socket.Close()
		}
	}()
	for {
		_, _, err := socket.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS): // some were lost: something has changed
			return fmt.Errorf("receive netlink notifications: %w", err)
		}
		b.listed.outdated.Store(true)
		changed()
	}
}

// watching has what is listed hold from now on, but nothing that was before: its changes may
// not have been told.
func (b *bpf) watching() {
	b.listed.outdated.Store(true)
	b.listed.watched.Store(true)
}

// Close takes the programs off all interfaces and out of the kernel.
func (b *bpf) Close() error {
	links, err := b.links()
	errs := []error{err}
	for _, l := range links {
		errs = append(errs, b.leave(l))
	}
	return errors.Join(append(errs, b.release())...)
}

// release closes what was opened.
func (b *bpf) release() error {
	var errs []error
	for _, p := range b.programs {
		errs = append(errs, p.Close())
	}
	if b.vips != nil {
		errs = append(errs, b.vips.close())
	}
	if b.traffic != nil {
		b.traffic.close()
	}
	if b.netlink != nil {
		b.netlink.Close()
	}
	if b.namespace != nil {
		errs = append(errs, b.namespace.close())
	}
	return errors.Join(errs...)
}
