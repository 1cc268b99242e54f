package fence

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	filterName     = "perch"
	filterPriority = 1

	// There are two handles, so that a filter can be put in front of others before
	// it is taken from behind them.
	filterHandle  = 0x7065726
	filterHandle2 = 0x7065727
)

// errOldQdisc is why there is no filter at egress.
var errOldQdisc = errors.New("a qdisc of kind ingress is in the place of clsact, which has filters at egress too")

// isPerch tells whether it is a filter of this perch or of one before it.
func (f filter) isPerch() bool {
	return f.kind == "bpf" && f.name == filterName && f.priority == filterPriority &&
		(f.handle == filterHandle || f.handle == filterHandle2)
}

// side is one direction of an interface, and the program that is to be there.
type side struct {
	name      string
	index     int
	direction direction
	program   loaded
}

func (b *bpf) side(l netlink.Link, d direction) side {
	return side{l.Attrs().Name, l.Attrs().Index, d, b.programs[program{d, framingOf(l)}]}
}

// place is what secureFilter has found out about a filter of perch.
type place struct {
	own     filter
	infront []filter
}

// secureFilter sees to it that there is one filter of perch and that it is ours. A
// predecessor's is replaced in place, which is atomic.
func (b *bpf) secureFilter(s side) (place, error) {
	if err := b.secureQdisc(s); err != nil {
		return place{}, err
	}
	list, err := b.traffic.filters(s.index, s.direction)
	if err != nil {
		return place{}, err
	}
	own := slices.DeleteFunc(slices.Clone(list), func(f filter) bool { return !f.isPerch() })
	if len(own) == 1 && own[0].program == s.program.id {
		return place{own[0], list[:slices.Index(list, own[0])]}, nil
	}
	handle := uint32(filterHandle)
	if len(own) > 0 {
		handle = own[0].handle
		b.notice("another filter in its place")
	}
	b.notice("its filter deleted")
	if err := b.putFilter(s, handle); err != nil {
		return place{}, err
	}
	for _, f := range own {
		if f.handle == handle {
			continue
		}
		if err := b.deleteFilter(s, f); err != nil {
			return place{}, err
		}
	}
	return b.findFilter(s)
}

// findFilter finds the filter that was put.
func (b *bpf) findFilter(s side) (place, error) {
	list, err := b.traffic.filters(s.index, s.direction)
	if err != nil {
		return place{}, err
	}
	for i, f := range list {
		if f.isPerch() && f.program == s.program.id {
			return place{f, list[:i]}, nil
		}
	}
	return place{}, errors.New("filter perch: gone as soon as it was added")
}

// secureQdisc adds clsact if there is nothing to hang a filter on.
func (b *bpf) secureQdisc(s side) error {
	if b.qdiscs[s.index] == "" {
		b.notice("its qdisc deleted")
		if err := b.addQdisc(s.index); err != nil {
			return fmt.Errorf("add qdisc clsact: %w", err)
		}
	}
	if b.qdiscs[s.index] != "clsact" && s.direction == egress {
		return errOldQdisc
	}
	return nil
}

// addQdisc leaves it at what others have added since the qdiscs were looked at.
func (b *bpf) addQdisc(index int) error {
	err := b.netlink.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: clsactHandle, Parent: netlink.HANDLE_CLSACT,
	}})
	if err == nil {
		b.qdiscs[index] = "clsact"
		return nil
	}
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	now, failed := b.traffic.qdiscs()
	if failed != nil {
		return failed
	}
	b.qdiscs = now
	if now[index] == "" {
		return err
	}
	return nil
}

// putFilter adds our filter, or replaces the one that has its handle.
func (b *bpf) putFilter(s side, handle uint32) error {
	f := &netlink.BpfFilter{
		FilterAttrs: filterAttrs(s, handle), Fd: s.program.FD(), Name: filterName, DirectAction: true,
	}
	if err := b.netlink.FilterReplace(f); err != nil {
		return fmt.Errorf("add filter perch: %w", err)
	}
	return nil
}

func (b *bpf) deleteFilter(s side, f filter) error {
	err := b.netlink.FilterDel(&netlink.BpfFilter{FilterAttrs: filterAttrs(s, f.handle), Fd: -1})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete filter perch: %w", err)
	}
	return nil
}

func filterAttrs(s side, handle uint32) netlink.FilterAttrs {
	return netlink.FilterAttrs{
		LinkIndex: s.index, Parent: s.direction.parent(), Handle: handle,
		Priority: filterPriority, Protocol: unix.ETH_P_ALL,
	}
}

// raise gets our filter before others of its priority, where a later one comes first.
// There is always one of the two.
func (b *bpf) raise(s side, p place) error {
	handle := uint32(filterHandle)
	if p.own.handle == filterHandle {
		handle = filterHandle2
	}
	if err := b.putFilter(s, handle); err != nil {
		return err
	}
	if err := b.deleteFilter(s, p.own); err != nil {
		return err
	}
	now, err := b.findFilter(s)
	if err == nil && len(now.infront) > 0 {
		err = fmt.Errorf("%s is in front", now.infront[0])
	}
	return err
}
