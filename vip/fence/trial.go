package fence

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Trial tells of each mechanism that enforces a lease why it cannot be had on this host, or
// nil. It opens each in a network namespace of its own, which ends with the call and takes
// CAP_SYS_ADMIN: no fence, address or interface of this host is touched. The kernel may
// load modules for it, as it does for a fence.
func Trial() (map[Kind]error, error) {
	type result struct {
		found map[Kind]error
		err   error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, and its namespace, end with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- result{err: fmt.Errorf("make a network namespace to try fences in: %w", err)}
			return
		}
		found := map[Kind]error{}
		for _, c := range strong {
			found[c.kind] = try(c)
		}
		done <- result{found: found}
	}()
	r := <-done
	return r.found, r.err
}

func try(c candidate) error {
	m, err := c.open(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return m.Close()
}

// Ahead is a program of somebody else that sees the packets of an interface before those
// of a fence would as a filter.
type Ahead struct {
	Interface string
	Direction string // "ingress" or "egress"
	What      string // such as `filter bpf "bypass" of priority 1`
}

// FindAhead lists them, in the network namespace of the calling thread, for interfaces
// that are to be fenced.
func FindAhead() ([]Ahead, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	t, err := openTraffic()
	if err != nil {
		return nil, err
	}
	defer t.close()
	kinds := map[int]string{}
	for _, l := range links {
		kinds[l.Attrs().Index] = l.Type()
	}
	var all []Ahead
	var errs []error
	for _, l := range links {
		if forwards(kinds[l.Attrs().MasterIndex]) || l.Attrs().Flags&net.FlagUp == 0 {
			continue
		}
		for _, d := range directions {
			what, err := t.ahead(l.Attrs().Index, d)
			errs = append(errs, err)
			if what != "" {
				all = append(all, Ahead{l.Attrs().Name, string(d), what})
			}
		}
	}
	return all, errors.Join(errs...)
}

// ahead names what is first on an interface, unless that is of a perch.
func (t *traffic) ahead(index int, d direction) (string, error) {
	tcx, err := tcxList(index, d)
	if err != nil {
		return "", err
	}
	if len(tcx.Programs) > 0 {
		id := tcx.Programs[0].ID
		if name := programName(id); name != filterName {
			return first(place{}, tcx), nil
		}
		return "", nil
	}
	filters, err := t.filters(index, d)
	if err != nil {
		return "", err
	}
	if len(filters) > 0 && filters[0].name != filterName && filters[0].priority <= 1 {
		return filters[0].String(), nil
	}
	return "", nil
}
