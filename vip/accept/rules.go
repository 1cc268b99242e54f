package accept

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Names of the table and its sets.
const (
	tableName = "perch_accept"
	set4      = "vip4"
	set6      = "vip6"
)

// priority is before that of other filters, as keepalived has it.
const priority = -1

// elementsAtOnce is how many elements go into one message, whose lists end at 64 KiB.
const elementsAtOnce = 512

// Types of ICMPv6 messages (RFC 4861 sections 4.3 and 4.4).
const (
	neighborSolicitation  = 135
	neighborAdvertisement = 136
)

func table() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
}

// install prepares the table.
func install(c *nftables.Conn, addresses []Address) error {
	t := c.AddTable(table())
	for i, name := range []string{set4, set6} {
		set := &nftables.Set{Table: t, Name: name, ID: uint32(i + 1), KeyType: nftables.TypeIPAddr}
		if name == set6 {
			set.KeyType = nftables.TypeIP6Addr
		}
		if err := c.AddSet(set, nil); err != nil {
			return err
		}
		for some := range slices.Chunk(elementsOf(name, addresses), elementsAtOnce) {
			if err := c.SetAddElements(set, some); err != nil {
				return err
			}
		}
	}
	for _, d := range directions() {
		d.install(c, t, addresses)
	}
	return nil
}

// elementsOf are the addresses that belong into a set: without the link-local ones, which
// others may have on other links.
func elementsOf(set string, addresses []Address) (list []nftables.SetElement) {
	for _, a := range addresses {
		if a.Interface == "" && a.IP.Is4() == (set == set4) {
			list = append(list, nftables.SetElement{Key: a.IP.AsSlice()})
		}
	}
	return list
}

// direction is what comes in, or what leaves.
type direction struct {
	name     string
	hook     *nftables.ChainHook
	at4, at6 uint32       // where the address is in the IP header
	link     expr.MetaKey // the name of the interface
}

func directions() []direction {
	return []direction{
		{"input", nftables.ChainHookInput, 16, 24, expr.MetaKeyIIFNAME},
		{"output", nftables.ChainHookOutput, 12, 8, expr.MetaKeyOIFNAME},
	}
}

func (d direction) install(c *nftables.Conn, t *nftables.Table, addresses []Address) {
	policy := nftables.ChainPolicyAccept
	chain := c.AddChain(&nftables.Chain{
		Table: t, Name: d.name, Type: nftables.ChainTypeFilter, Hooknum: d.hook,
		Priority: nftables.ChainPriorityRef(priority), Policy: &policy,
	})
	rule := func(verdict expr.VerdictKind, parts ...[]expr.Any) {
		exprs := append(slices.Concat(parts...), &expr.Verdict{Kind: verdict})
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: exprs})
	}
	rule(expr.VerdictDrop, family(unix.NFPROTO_IPV4), header(d.at4, 4), in(set4))
	for _, kind := range []byte{neighborSolicitation, neighborAdvertisement} {
		rule(expr.VerdictAccept, family(unix.NFPROTO_IPV6), icmp6(kind))
	}
	rule(expr.VerdictDrop, family(unix.NFPROTO_IPV6), header(d.at6, 16), in(set6))
	for _, a := range addresses {
		if a.Interface != "" {
			rule(expr.VerdictDrop, family(unix.NFPROTO_IPV6), header(d.at6, 16), is(a.IP.AsSlice()), link(d.link, a.Interface))
		}
	}
}

// The parts of a rule. Each leaves what it loads in register 1.

func family(nfproto byte) []expr.Any {
	return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}}, is([]byte{nfproto})...)
}

func header(offset, length uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}}
}

func in(set string) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: set}}
}

func is(data []byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}}
}

// link matches what comes or leaves by an interface.
func link(key expr.MetaKey, name string) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return append([]expr.Any{&expr.Meta{Key: key, Register: 1}}, is(padded)...)
}

// icmp6 matches a kind of message behind whatever extension headers.
func icmp6(kind byte) []expr.Any {
	return slices.Concat(
		[]expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}}, is([]byte{unix.IPPROTO_ICMPV6}),
		[]expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Len: 1}}, is([]byte{kind}),
	)
}
