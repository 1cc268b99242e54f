package fence

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sort"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// mendTries is how often the tables are put back in one audit, should others change
// them at the same time.
const mendTries = 3

// inspectEvery is how often the tables are read without a reason.
const inspectEvery = 10 * time.Second

// Audit implements mechanism. It reads the tables after a transaction of others, of
// which it knows while Watch runs, and otherwise now and then.
func (n *nftFence) Audit() error {
	if err := n.follow(); err != nil {
		return err
	}
	foreign := n.foreign.Swap(false) || !n.watched.Load()
	if !foreign && boottime()-n.inspected < inspectEvery {
		return nil
	}
	if err := n.mend(); err != nil {
		n.foreign.Store(true) // the next audit is to look again
		return err
	}
	n.inspected = boottime()
	// Others may have put elements of their own into the lease sets.
	return n.renew()
}

// mend puts the tables back until they are as they should.
func (n *nftFence) mend() error {
	var err error
	for range mendTries {
		if err = n.inspect(); err == nil {
			return nil
		}
		if err := n.install(); err != nil {
			return err
		}
		n.note(n.log, "", tablesFound(err))
	}
	return fmt.Errorf("the nftables tables %s do not stay: %w", tableName, err)
}

// errDeleted is a table that is not there.
var errDeleted = errors.New("deleted")

// tablesFound says what was wrong with the tables.
func tablesFound(err error) string { return "its nftables tables changed: " + err.Error() }

// familyName is what nft(8) calls a family of tables.
func familyName(family nftables.TableFamily) string {
	switch family {
	case nftables.TableFamilyINet:
		return "inet"
	case nftables.TableFamilyARP:
		return "arp"
	}
	return "netdev"
}

// inspect compares all that is in the tables with what should be there.
func (n *nftFence) inspect() error {
	for _, l := range layouts(n.name, n.devices) {
		if err := n.rules.compare(l, n.name, n.vips); err != nil {
			return fmt.Errorf("table %s %s: %w", familyName(l.table.Family), tableName, err)
		}
	}
	return nil
}

func (c *rulesConn) compare(l layout, lease string, vips []addrRange) error {
	if err := c.limit(); err != nil {
		return err
	}
	table, err := c.ListTableOfFamily(tableName, l.table.Family)
	if errors.Is(err, syscall.ENOENT) {
		return errDeleted
	}
	if err != nil {
		return err
	}
	if table.Flags != 0 {
		return errors.New("it is dormant or otherwise marked")
	}
	return errors.Join(c.compareSets(l, lease, vips), c.compareChains(l))
}

func (c *rulesConn) compareSets(l layout, lease string, vips []addrRange) error {
	for _, name := range append([]string{lease}, l.vips...) {
		set, err := c.GetSetByName(&l.table, name)
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
		if name == lease {
			continue
		}
		elements, err := c.GetSetElements(set)
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
		want := slices.DeleteFunc(slices.Clone(vips), func(r addrRange) bool { return r.first.Is4() != (name == setVIP4) })
		if !slices.Equal(rangesIn(elements), want) {
			return fmt.Errorf("set %s has other elements than the VIPs", name)
		}
	}
	return nil
}

// rangesIn is the opposite of elementsOf.
func rangesIn(elements []nftables.SetElement) []addrRange {
	// A range ends where another may begin: the end comes first.
	sort.Slice(elements, func(i, j int) bool {
		a, b := &elements[i], &elements[j]
		if order := slices.Compare(a.Key, b.Key); order != 0 || a.IntervalEnd == b.IntervalEnd {
			return order < 0
		}
		return a.IntervalEnd
	})
	var ranges []addrRange
	for _, e := range elements {
		addr, ok := netip.AddrFromSlice(e.Key)
		switch last := len(ranges) - 1; {
		case !ok:
		case !e.IntervalEnd:
			ranges = append(ranges, addrRange{addr, lastOf(netip.PrefixFrom(addr, 0))})
		case last >= 0:
			ranges[last].last = addr.Prev()
		}
	}
	return ranges
}

func (c *rulesConn) compareChains(l layout) error {
	all, err := c.ListChainsOfTableFamily(l.table.Family)
	if err != nil {
		return err
	}
	have := map[string]*nftables.Chain{}
	for _, chain := range all {
		if chain.Table.Name == tableName {
			have[chain.Name] = chain
		}
	}
	for _, want := range l.chains {
		chain := have[want.name]
		if chain == nil {
			return fmt.Errorf("chain %s: %w", want.name, syscall.ENOENT)
		}
		delete(have, want.name)
		if !sameHook(chain, want) {
			return fmt.Errorf("chain %s is elsewhere", want.name)
		}
		if err := c.compareRules(&l.table, want); err != nil {
			return fmt.Errorf("chain %s: %w", want.name, err)
		}
	}
	if len(have) > 0 {
		return fmt.Errorf("chains of others: %v", slices.Collect(maps.Keys(have)))
	}
	return nil
}

func sameHook(have *nftables.Chain, want chainLayout) bool {
	if want.hook == nil {
		return have.Hooknum == nil
	}
	return have.Hooknum != nil && *have.Hooknum == *want.hook && *have.Priority == want.priority
}

func (c *rulesConn) compareRules(table *nftables.Table, want chainLayout) error {
	have, err := c.GetRules(table, &nftables.Chain{Table: table, Name: want.name})
	if err != nil {
		return err
	}
	if len(have) != len(want.rules) {
		return fmt.Errorf("%d rules, not %d", len(have), len(want.rules))
	}
	for i, rule := range have {
		if !reflect.DeepEqual(normal(rule.Exprs), normal(want.rules[i])) {
			return fmt.Errorf("rule %d is another", i+1)
		}
	}
	return nil
}

// normal has every expression as the library writes it, whichever way it was made.
func normal(expressions []expr.Any) [][]byte {
	var all [][]byte
	for _, e := range expressions {
		b, err := expr.Marshal(0, e)
		if err != nil {
			return nil
		}
		all = append(all, b)
	}
	return all
}

// inherited returns the VIPs in the tables of a predecessor.
func (c *rulesConn) inherited() []addrRange {
	if c.limit() != nil {
		return nil
	}
	var all []addrRange
	for _, name := range []string{setVIP4, setVIP6} {
		table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
		set, err := c.GetSetByName(table, name)
		if err != nil {
			continue // no predecessor, or one that had it otherwise
		}
		elements, err := c.GetSetElements(set)
		if err != nil {
			continue
		}
		all = append(all, rangesIn(elements)...)
	}
	return merged(all)
}
