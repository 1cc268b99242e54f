package vrrpnet

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// lookout is a socket that hears what no instance on its interface is concerned with. It
// is none of those by which adverts come in, and is read by another goroutine: whatever
// comes in by it, however much, does not wake the loop, and takes no room from adverts.
type lookout struct {
	kind   receiverKind
	fd     int
	known  vrids // which it does not hear
	joined []netip.Addr
}

// posts are the lookouts. They are made and taken away on the loop, for they are in its
// network namespace, and closed by who reads them.
type posts struct {
	wanted   bool
	outdated bool
	lookouts map[receiverKind]*lookout
	gone     []*lookout
	failed   error // of those that could not be made
}

// WatchUnknown has the adverts of virtual routers be logged, and remembered, that are
// heard where this node has instances, but none of their VRID and family.
func (e *Engine) WatchUnknown() error {
	return e.commands.call(func() { e.posts.wanted, e.posts.outdated = true, true })
}

// IgnoreUnknown undoes what WatchUnknown has done. It is so at first.
func (e *Engine) IgnoreUnknown() error {
	return e.commands.call(func() { e.posts.wanted, e.posts.outdated = false, true })
}

// post has a lookout on each interface where an instance runs, if that is wanted, and
// on no other. It hears multicasts and unicast: of instances with a virtual MAC it is on
// the interface below, so that many of them do not all hear the same stranger.
func (e *Engine) post() {
	p := &e.posts
	if !p.outdated {
		return
	}
	p.outdated, p.failed = false, nil
	e.notable.Store(true)
	manned := map[receiverKind]bool{}
	if p.wanted {
		for _, r := range e.runners {
			for _, protocol := range r.protocols() {
				if r.sender != nil {
					kind := receiverKind{r.place.parent, r.IPv6, protocol}
					manned[kind] = true
					p.man(kind, r.multicast())
				}
			}
		}
	}
	known := e.known(manned)
	for kind, l := range p.lookouts {
		switch vrids := known[segment{kind.name, kind.ipv6}]; {
		case !manned[kind]:
			delete(p.lookouts, kind)
			p.gone = append(p.gone, l)
		case l.known != vrids:
			l.refilter(vrids)
		}
	}
}

// segment is where one family of virtual routers is told apart by VRIDs.
type segment struct {
	on   string
	ipv6 bool
}

// known returns which VRIDs the instances have, also those that cannot run now; nothing if
// nothing is manned.
func (e *Engine) known(manned map[receiverKind]bool) map[segment]vrids {
	all := map[segment]vrids{}
	if len(manned) == 0 {
		return all
	}
	for _, r := range e.runners {
		on := segment{r.Interface, r.IPv6}
		known := all[on]
		known.add(r.Wire.VRID)
		all[on] = known
	}
	return all
}

// man makes a lookout unless it is there, and has it hear a group.
func (p *posts) man(kind receiverKind, group netip.Addr) {
	l := p.lookouts[kind]
	if l == nil {
		fd, err := openReceiver(kind)
		if err != nil {
			p.failed = err
			return
		}
		l = &lookout{kind: kind, fd: fd}
		l.known = *l.known.others() // until it has a filter
		p.lookouts[kind] = l
	}
	if !slices.Contains(l.joined, group) {
		if err := joinGroup(l.fd, group, kind.link); err != nil {
			p.failed = err
			return
		}
		l.joined = append(l.joined, group)
	}
}

// refilter has the kernel pass all VRIDs but those that are known; none if it does not
// take the filter.
func (l *lookout) refilter(known vrids) {
	if attachFilter(l.fd, known.others().filter(l.kind)) == nil {
		l.known = known
	}
}

// close closes what is left when nobody reads.
func (p *posts) close() {
	for _, l := range p.lookouts {
		p.gone = append(p.gone, l)
	}
	clear(p.lookouts)
	closeAll(p.gone)
	p.gone = nil
}

func closeAll(gone []*lookout) {
	for _, l := range gone {
		unix.Close(l.fd)
	}
}

// duty is what the reader of the lookouts is to know of one.
type duty struct {
	kind  receiverKind
	fd    int
	known vrids
}

// duties returns the lookouts, and those that are to be closed. One that could not be made
// is tried again at the end of the wake-up.
func (e *Engine) duties() (list []duty, gone []*lookout, failed error) {
	p := &e.posts
	for _, l := range p.lookouts {
		list = append(list, duty{l.kind, l.fd, l.known})
	}
	gone, p.gone = p.gone, nil
	p.outdated = p.outdated || p.failed != nil
	return list, gone, p.failed
}

// strange tells whether a lookout would hear a stranger today.
func strange(list []duty) func(vrrp.Stranger) bool {
	return func(s vrrp.Stranger) bool {
		return slices.ContainsFunc(list, func(d duty) bool {
			return d.kind.name == s.Interface && d.kind.ipv6 == s.Address.Is6() && !d.known.has(s.VRID)
		})
	}
}
