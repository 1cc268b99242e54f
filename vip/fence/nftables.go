package fence

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// nftFence drops by nftables. Its rules ask two kinds of sets: the VIPs, and the
// lease, which has an element as long as it runs; the kernel takes it out at its end.
// A start gives the lease set another name: what a predecessor sends after a thaw
// opens nothing.
type nftFence struct {
	mends
	log     *slog.Logger
	tick    time.Duration
	name    string // of the lease sets
	rules   *rulesConn
	links   *netlink.Handle
	news    *newsSockets
	watched atomic.Bool // Watch runs
	foreign atomic.Bool // others have changed the ruleset

	gate  sync.Mutex // guards lease and until: a Set waits for nothing but another
	lease leaseKernel
	until time.Duration // end of the lease, 0 when shut

	// What the tables should be. Used by one method at a time.
	vips      []addrRange
	devices   map[int]string // guarded interfaces by index
	asked     map[int]bool   // interfaces of which Guard was called
	inspected time.Duration  // when the tables were last found to be as they should
}

// openNFTables takes over from a predecessor in one transaction, shut. The VIPs of
// the predecessor stay fenced until the first Protect. All sockets are opened here,
// in the network namespace of the calling thread.
func openNFTables(log *slog.Logger) (mechanism, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n := &nftFence{log: log, devices: map[int]string{}, asked: map[int]bool{}}
	if err := n.open(); err != nil {
		return nil, errors.Join(explained(err), n.closeSockets())
	}
	return n, nil
}

func (n *nftFence) open() (err error) {
	if n.tick, err = kernelTick(); err != nil {
		return err
	}
	n.name = "lease_" + randomName()
	if n.rules, err = dialRules(); err != nil {
		return err
	}
	if n.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open a netlink socket for interfaces: %w", err)
	}
	lease, err := openLeaseSocket(n.name, layouts(n.name, nil))
	if err != nil {
		return fmt.Errorf("open a netlink socket for the lease: %w", err)
	}
	n.lease = lease
	if n.news, err = openNews(n.rules.port, lease.port); err != nil {
		return err
	}
	n.vips = n.rules.inherited()
	return n.install()
}

func randomName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// explained adds what an operator has to know to the errors of an old kernel and of
// a process without rights.
func explained(err error) error {
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w (CAP_NET_ADMIN is missing)", err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return fmt.Errorf("%w (the netdev egress hook needs Linux 5.16 with CONFIG_NETFILTER_EGRESS)", err)
	}
	return err
}

// installTries is how often tables are made anew for interfaces that went meanwhile.
const installTries = 3

// install puts all tables in the place of what is there, in one transaction, and
// then the lease.
func (n *nftFence) install() error {
	var err error
	for range installTries {
		if n.devices, err = n.wanted(); err != nil {
			return err
		}
		if err = n.rules.replace(layouts(n.name, n.devices), n.name, n.vips); !errors.Is(err, syscall.ENOENT) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("make the nftables tables %s: %w", tableName, err)
	}
	return n.renew()
}

// rangesAtOnce is how many VIPs are changed in one transaction: a Set has to wait for
// it, and must not wait long.
const rangesAtOnce = 32

// Protect implements mechanism.
func (n *nftFence) Protect(vips []netip.Prefix) error {
	after, err := rangesOf(vips)
	if err != nil {
		return err
	}
	before := n.vips
	if err := n.rules.fill(layouts(n.name, nil), differenceOf(before, after)); err != nil {
		return n.protectAnew(before, after, err)
	}
	n.vips = after
	return nil
}

// protectAnew makes the tables anew after the error of a change: others may have
// flushed them, or changed their elements.
func (n *nftFence) protectAnew(before, after []addrRange, err error) error {
	n.foreign.Store(true)
	n.vips = after
	again := n.install()
	if again == nil {
		n.note(n.log, "", tablesFound(err))
		return nil
	}
	n.vips = merged(slices.Concat(before, after))
	return fmt.Errorf("put %d ranges of VIPs into the nftables tables %s: %w", len(after), tableName, errors.Join(err, again))
}

// Guard implements mechanism.
func (n *nftFence) Guard(index int) error {
	n.asked[index] = true
	if err := n.follow(); err != nil {
		return err
	}
	if _, guarded := n.devices[index]; !guarded {
		delete(n.asked, index)
		return fmt.Errorf("guard interface %d: %w", index, unix.ENODEV)
	}
	return nil
}

// Close implements mechanism.
func (n *nftFence) Close() error {
	err := n.rules.remove(layouts(n.name, nil))
	if err != nil {
		err = fmt.Errorf("delete the nftables tables %s: %w", tableName, err)
	}
	return errors.Join(err, n.closeSockets())
}

func (n *nftFence) closeSockets() error {
	var errs []error
	if n.rules != nil {
		errs = append(errs, n.rules.close())
	}
	if n.links != nil {
		n.links.Close()
	}
	if n.lease != nil {
		errs = append(errs, n.lease.close())
	}
	if n.news != nil {
		errs = append(errs, n.news.close())
	}
	return errors.Join(errs...)
}
