package accept

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/google/nftables"
	nfnl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoTables is returned where the kernel has no nftables.
var ErrNoTables = errors.New("the kernel has no nftables")

// Address is a virtual address. Interface is the name of the one that carries it, and
// counts for a link-local address only.
type Address struct {
	IP        netip.Addr
	Interface string
}

// Filter is the table. Its zero value knows of none yet.
type Filter struct {
	want []Address
	held bool // the table is there and for want, as far as is known
}

const (
	rulesBuffer = 4 << 20 // of a transaction, in bytes
	rulesLimit  = 10 * time.Second
)

// Set has this node take nothing for the given addresses, and for no others than these.
// Without any there is no table; that of a predecessor goes.
func (f *Filter) Set(addresses []Address) error {
	want := normal(addresses)
	if f.held && slices.Equal(want, f.want) {
		return nil
	}
	f.want, f.held = want, false
	err := transact(func(c *nftables.Conn) error {
		c.DelTable(c.AddTable(table())) // so that it need not be known whether it is there
		if len(want) == 0 {
			return nil
		}
		return install(c, want)
	})
	if err != nil && (len(want) > 0 || !errors.Is(err, ErrNoTables)) {
		return fmt.Errorf("filter what is sent to %d virtual addresses: %w", len(want), err)
	}
	f.held = true
	return nil
}

// Mend puts the table back if somebody has removed it, and tells whether that was so. A Set
// that has failed is tried again.
func (f *Filter) Mend() (mended bool, err error) {
	if !f.held {
		return false, f.Set(f.want)
	}
	if len(f.want) == 0 {
		return false, nil
	}
	there, err := exists()
	if err != nil || there {
		return false, err
	}
	f.held = false
	return true, f.Set(f.want)
}

// normal is a list in order and without repetitions; only link-local addresses have an
// interface.
func normal(addresses []Address) []Address {
	list := make([]Address, 0, len(addresses))
	for _, a := range addresses {
		if !a.IP.IsLinkLocalUnicast() || a.IP.Is4() {
			a.Interface = ""
		}
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool {
		order := list[i].IP.Compare(list[j].IP)
		return order < 0 || order == 0 && list[i].Interface < list[j].Interface
	})
	return slices.Compact(list)
}

// exists tells whether the table is there.
func exists() (there bool, err error) {
	c, err := nftables.New()
	if err != nil {
		return false, fmt.Errorf("open a netlink socket for nftables: %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, fmt.Errorf("list tables: %w", err)
	}
	return slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == tableName }), nil
}

// transact does as one what prepare asks for.
func transact(prepare func(*nftables.Conn) error) error {
	var deadline error
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *nfnl.Conn) error {
		deadline = s.SetDeadline(time.Now().Add(rulesLimit))
		return s.SetWriteBuffer(rulesBuffer)
	}))
	if err != nil {
		return fmt.Errorf("open a netlink socket for nftables: %w", err)
	}
	defer c.CloseLasting()
	if err := errors.Join(deadline, prepare(c)); err != nil {
		return err
	}
	err = c.Flush()
	for _, missing := range []error{unix.EPROTONOSUPPORT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT} {
		if errors.Is(err, missing) {
			return fmt.Errorf("%w: %w", ErrNoTables, err)
		}
	}
	return err
}
