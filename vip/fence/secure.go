package fence

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// secure sees to it that the programs are the first to see an interface's packets.
func (b *bpf) secure(l netlink.Link) error {
	b.wrong = ""
	err := b.each(l, b.secureSide)
	if err == nil && b.wrong != "" {
		err = b.secureAgain(l)
	}
	before := b.state[l.Attrs().Index]
	if err == nil && b.wrong != "" && (before == fenced || before == broken) {
		b.note(b.log, l.Attrs().Name, b.wrong)
	}
	return err
}

// secureAgain puts right at once what was taken away during the look, which may be the
// qdisc and with it what was seen to be there.
func (b *bpf) secureAgain(l netlink.Link) error {
	var err error
	if b.qdiscs, err = b.traffic.qdiscs(); err != nil {
		return err
	}
	return b.each(l, b.secureSide)
}

// notice keeps what was first found wrong: the rest comes of it, or is the same in the
// other direction.
func (b *bpf) notice(wrong string) {
	if b.wrong == "" {
		b.wrong = wrong
	}
}

// leave takes the programs off an interface, and what a predecessor left there.
func (b *bpf) leave(l netlink.Link) error {
	return b.each(l, b.leaveSide)
}

func (b *bpf) each(l netlink.Link, do func(side) error) error {
	var errs []error
	for _, d := range directions {
		s := b.side(l, d)
		if err := b.namespace.do(func() error { return do(s) }); err != nil {
			errs = append(errs, fmt.Errorf("interface %s, %s: %w", s.name, d, err))
		}
	}
	return errors.Join(errs...)
}

// secureSide has a filter in any case: it works with all kernels, and by its ID a
// successor knows this perch's programs. Where it is not the first to see the packets
// the program is attached by tcx, too.
func (b *bpf) secureSide(s side) error {
	filter, missing := b.secureFilter(s)
	tcx, err := tcxList(s.index, s.direction)
	if err != nil {
		return err
	}
	if missing == nil && len(filter.infront) == 0 && len(tcx.Programs) == 0 {
		return nil
	}
	switch what := first(filter, tcx); {
	case what == "":
		b.notice("its tcx program deleted")
	case indexOf(tcx, s.program.id) != 0:
		b.notice(what + " in front of it")
	}
	if err := b.headTCX(s, tcx); err != nil {
		if missing == nil && len(tcx.Programs) == 0 && b.raise(s, filter) == nil {
			return nil
		}
		return errors.Join(missing, inFront(filter, tcx, err))
	}
	return b.detachStale(s)
}

// inFront says what has the packets before the fence, and why that cannot be helped.
func inFront(p place, tcx *link.QueryResult, err error) error {
	what := first(p, tcx)
	if what == "" {
		return fmt.Errorf("attach by tcx: %w", err)
	}
	return fmt.Errorf("%s is in front of the fence; attach by tcx: %w", what, err)
}

// first names what has the packets before our filter, or is "".
func first(p place, tcx *link.QueryResult) string {
	switch {
	case len(tcx.Programs) > 0:
		id := tcx.Programs[0].ID
		return strings.TrimSpace(fmt.Sprintf("tcx program %d %s", id, programName(id)))
	case len(p.infront) > 0:
		return p.infront[0].String()
	}
	return ""
}

// headTCX makes our program the first of those of tcx.
func (b *bpf) headTCX(s side, tcx *link.QueryResult) error {
	switch i := indexOf(tcx, s.program.id); {
	case i == 0:
		return nil
	case i > 0: // what is in front has the packets anyway: nothing is lost meanwhile
		if err := tcxDetach(s.index, s.direction, s.program.Program); err != nil {
			return err
		}
	}
	if err := tcxAttach(s.index, s.direction, s.program.Program); err != nil {
		return err
	}
	b.log.Debug("the fence got before others by tcx", "interface", s.name, "direction", s.direction)
	return nil
}

func indexOf(tcx *link.QueryResult, id ebpf.ProgramID) int {
	return slices.IndexFunc(tcx.Programs, func(p link.AttachedProgram) bool { return p.ID == id })
}

// detachStale takes away what other programs of perch are at tcx beside ours: a
// predecessor's lease has ended, and it would drop what the owner sends.
func (b *bpf) detachStale(s side) error { return b.detachButFor(s, s.program.id) }

// detachButFor takes away the tcx programs of perch but for one.
func (b *bpf) detachButFor(s side, keep ebpf.ProgramID) error {
	for {
		tcx, err := tcxList(s.index, s.direction)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(tcx.Programs, func(p link.AttachedProgram) bool { return p.ID != keep && b.isPerch(p.ID) })
		if i < 0 {
			return nil
		}
		front := ebpf.ProgramID(0)
		if i > 0 {
			front = tcx.Programs[i-1].ID
		}
		if err := tcxDetachAfter(s.index, s.direction, front, tcx.Revision); err != nil && !errors.Is(err, unix.ESTALE) {
			return err
		}
	}
}

// isPerch tells whether a program is of this perch or of one before it. Its name is
// only shown to a process with CAP_SYS_ADMIN; others know it by its filters.
func (b *bpf) isPerch(id ebpf.ProgramID) bool {
	known, ok := b.perch[id]
	if !ok {
		known = strings.HasPrefix(programName(id), programPrefix)
		b.perch[id] = known
	}
	return known
}

func programName(id ebpf.ProgramID) string {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return ""
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return ""
	}
	return info.Name
}

// leaveSide deletes only what is perch's, and leaves the qdisc: others may use it.
func (b *bpf) leaveSide(s side) error {
	list, err := b.traffic.filters(s.index, s.direction)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range list {
		if f.isPerch() && b.perch[f.program] {
			errs = append(errs, b.deleteFilter(s, f))
		}
	}
	return errors.Join(append(errs, b.detachButFor(s, 0))...)
}
