package fence

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// What a dead perch left drops for ever what its successor sends. It must go also
// where the successor may not have that mechanism itself: a filter is deleted by
// netlink, and a tcx program by its place, which take CAP_NET_ADMIN and no CAP_BPF.

// sweepBPF takes out filters and tcx programs of perch.
func sweepBPF(log *slog.Logger) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := &bpf{log: log, perch: map[ebpf.ProgramID]bool{}, state: map[int]state{}}
	if err := b.openNetwork(); err != nil {
		return errors.Join(err, b.release())
	}
	return errors.Join(b.sweep(), b.release())
}

func (b *bpf) sweep() error {
	links, err := b.links()
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range links { // a filter tells whose the programs of any interface are
		if _, err := b.meet(l.Attrs().Index); err != nil {
			errs = append(errs, b.settle(l, leftAlone, fmt.Errorf("interface %s: %w", l.Attrs().Name, err)))
		}
	}
	var unknown []string
	for _, l := range links {
		err := b.each(l, func(s side) error {
			nameless, err := b.sweepTCX(s)
			if nameless {
				unknown = append(unknown, fmt.Sprintf("%s %s", s.name, s.direction))
			}
			if err != nil {
				return err // by its filter it can be found again
			}
			return b.sweepFilters(s)
		})
		errs = append(errs, b.settle(l, leftAlone, err))
	}
	switch {
	case tcxHidden() && len(b.perch) > 0:
		errs = append(errs, errors.New("tcx programs cannot be looked at (bpf(2) is forbidden)"))
	case tcxHidden():
		b.log.Warn("tcx programs cannot be looked at: one of an earlier perch would keep VIPs dark")
	case len(unknown) > 0:
		b.log.Warn("tcx programs cannot be told by name without CAP_SYS_ADMIN: one of an earlier perch without its filters would keep VIPs dark",
			"interfaces", unknown)
	}
	return errors.Join(errs...)
}

// sweepTCX takes out the tcx programs of perch, and tells whether there is another of
// which no name is to be seen.
func (b *bpf) sweepTCX(s side) (nameless bool, err error) {
	if err := b.detachButFor(s, 0); err != nil {
		return false, err
	}
	tcx, err := tcxList(s.index, s.direction)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(tcx.Programs, func(p link.AttachedProgram) bool { return programName(p.ID) == "" }), nil
}

func (b *bpf) sweepFilters(s side) error {
	list, err := b.traffic.filters(s.index, s.direction)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range list {
		if f.isPerch() {
			errs = append(errs, b.deleteFilter(s, f))
		}
	}
	return errors.Join(errs...)
}

// sweepNFTables deletes the tables of perch. A kernel without nftables has none.
func sweepNFTables(*slog.Logger) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rules, err := dialRules()
	if errors.Is(err, syscall.EPROTONOSUPPORT) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(rules.sweep(), rules.close())
}

func (c *rulesConn) sweep() error {
	if err := c.limit(); err != nil {
		return err
	}
	tables, err := c.ListTables()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list nftables tables: %w", explained(err))
	}
	for _, t := range tables {
		if t.Name == tableName {
			c.DelTable(t)
		}
	}
	if err := c.commit(); err != nil {
		return fmt.Errorf("delete the nftables tables %s: %w", tableName, explained(err))
	}
	return nil
}
