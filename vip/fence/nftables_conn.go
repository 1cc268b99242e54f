package fence

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/google/nftables"
	nfnl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// rulesBuffer is the size of the largest transaction in bytes: that of some ten
	// thousand VIPs.
	rulesBuffer = 16 << 20
	// rulesLimit is how long the kernel may take for a transaction.
	rulesLimit = 10 * time.Second
	// elementsAtOnce is how many elements go into one message, whose lists end at 64 KiB.
	elementsAtOnce = 512
)

// rulesConn changes and reads tables, chains, rules and the sets of VIPs.
type rulesConn struct {
	*nftables.Conn
	socket *nfnl.Conn
	port   uint32
}

// dialRules connects in the namespace of the calling thread.
func dialRules() (*rulesConn, error) {
	c := &rulesConn{}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(socket *nfnl.Conn) error {
		c.socket = socket
		return socket.SetWriteBuffer(rulesBuffer)
	}))
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket for nftables: %w", err)
	}
	c.Conn = conn
	if c.port, err = portOf(c.socket); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// portOf is the number by which the kernel names the socket.
func portOf(socket *nfnl.Conn) (uint32, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("look up the port of a netlink socket: %w", err)
	}
	var name unix.Sockaddr
	controlErr := raw.Control(func(fd uintptr) { name, err = unix.Getsockname(int(fd)) })
	if err := errors.Join(controlErr, err); err != nil {
		return 0, fmt.Errorf("look up the port of a netlink socket: %w", err)
	}
	return name.(*unix.SockaddrNetlink).Pid, nil
}

func (c *rulesConn) close() error { return c.CloseLasting() }

// commit sends what has been prepared. After an error, answers may be left that
// would be taken for those of the next transaction.
func (c *rulesConn) commit() error {
	if err := c.limit(); err != nil {
		return err
	}
	err := c.Flush()
	if err != nil {
		c.drain()
	}
	return err
}

// limit bounds the calls that follow.
func (c *rulesConn) limit() error { return c.socket.SetDeadline(time.Now().Add(rulesLimit)) }

func (c *rulesConn) drain() {
	if c.socket.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return
	}
	for {
		if _, err := c.socket.Receive(); err != nil && !isRefusal(err) {
			return
		}
	}
}

// isRefusal tells an answer of the kernel from a failure to read one.
func isRefusal(err error) bool {
	var answer *nfnl.OpError
	return errors.As(err, &answer) && !answer.Timeout() && errors.As(err, new(syscall.Errno))
}

// replace makes all tables anew, with the VIPs in their sets.
func (c *rulesConn) replace(tables []layout, lease string, vips []addrRange) error {
	for _, l := range tables {
		c.DelTable(c.AddTable(&l.table)) // so that it need not be known whether it is there
		c.AddTable(&l.table)
		if err := c.addSets(l, lease); err != nil {
			return err
		}
		if err := c.addElements(l, vips); err != nil {
			return err
		}
		c.addChains(&l.table, l.chains)
	}
	return c.commit()
}

// addSets adds the sets of a table. Their IDs are ours: the library's counter is
// shared without a lock.
func (c *rulesConn) addSets(l layout, lease string) error {
	for i, name := range l.vips {
		set := vipSet(&l.table, name)
		set.ID = uint32(i + 2)
		if err := c.AddSet(set, nil); err != nil {
			return err
		}
	}
	set := &nftables.Set{Table: &l.table, Name: lease, ID: 1, KeyType: nftables.TypeNFProto, HasTimeout: true}
	return c.AddSet(set, nil)
}

func vipSet(table *nftables.Table, name string) *nftables.Set {
	set := &nftables.Set{Table: table, Name: name, KeyType: nftables.TypeIPAddr, Interval: true}
	if name == setVIP6 {
		set.KeyType = nftables.TypeIP6Addr
	}
	return set
}

// addElements adds the VIPs that belong into the sets of a table.
func (c *rulesConn) addElements(l layout, vips []addrRange) error {
	for _, name := range l.vips {
		for some := range slices.Chunk(elementsOf(name, vips), elementsAtOnce) {
			if err := c.SetAddElements(vipSet(&l.table, name), some); err != nil {
				return err
			}
		}
	}
	return nil
}

// elementsOf turns the ranges of a set's family into pairs of elements, one where a
// range begins and one behind its end.
func elementsOf(set string, vips []addrRange) []nftables.SetElement {
	var elements []nftables.SetElement
	for _, r := range vips {
		if r.first.Is4() != (set == setVIP4) {
			continue
		}
		elements = append(elements, nftables.SetElement{Key: r.first.AsSlice()})
		if behind := r.last.Next(); behind.IsValid() {
			elements = append(elements, nftables.SetElement{Key: behind.AsSlice(), IntervalEnd: true})
		}
	}
	return elements
}

// addChains adds chains: all of them before the rules, which jump to some.
func (c *rulesConn) addChains(table *nftables.Table, chains []chainLayout) {
	for _, l := range chains {
		chain := &nftables.Chain{Table: table, Name: l.name}
		if l.hook != nil {
			accept := nftables.ChainPolicyAccept
			chain.Type, chain.Hooknum, chain.Policy = nftables.ChainTypeFilter, l.hook, &accept
			chain.Priority, chain.Device = &l.priority, l.device
		}
		c.AddChain(chain)
	}
	for _, l := range chains {
		for _, rule := range l.rules {
			c.AddRule(&nftables.Rule{Table: table, Chain: &nftables.Chain{Table: table, Name: l.name}, Exprs: rule})
		}
	}
}

// fill changes the VIPs in the sets of all tables: in small transactions, none of
// which leaves out what is there before and after.
func (c *rulesConn) fill(tables []layout, d difference) error {
	if err := c.exchange(tables, d.swapOut, d.swapIn); err != nil {
		return err
	}
	for some := range slices.Chunk(d.come, rangesAtOnce) {
		if err := c.exchange(tables, nil, some); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(d.gone, rangesAtOnce) {
		if err := c.exchange(tables, some, nil); err != nil {
			return err
		}
	}
	return nil
}

// exchange deletes VIPs from the sets and adds others, in one transaction.
func (c *rulesConn) exchange(tables []layout, gone, come []addrRange) error {
	for _, l := range tables {
		for _, name := range l.vips {
			for some := range slices.Chunk(elementsOf(name, gone), elementsAtOnce) {
				if err := c.SetDeleteElements(vipSet(&l.table, name), some); err != nil {
					return err
				}
			}
		}
		if err := c.addElements(l, come); err != nil {
			return err
		}
	}
	return c.commit()
}

// unhook deletes the chain of an interface. Kernels before 6.16 have done so already
// if the interface is gone.
func (c *rulesConn) unhook(index int, name string) error {
	c.DelChain(&nftables.Chain{Table: netdevTable(), Name: deviceChain(index, name).name})
	if err := c.commit(); !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return nil
}

// hook adds the chain of an interface.
func (c *rulesConn) hook(index int, name string) error {
	c.addChains(netdevTable(), []chainLayout{deviceChain(index, name)})
	return c.commit()
}

func netdevTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyNetdev}
}

// remove deletes the tables, whether they are there or not.
func (c *rulesConn) remove(tables []layout) error {
	for _, l := range tables {
		c.DelTable(c.AddTable(&l.table))
	}
	return c.commit()
}
