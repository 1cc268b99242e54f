package doctor

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Filter is a chain of somebody else's, through which packets come in or go out, that drops
// what no rule lets pass.
type Filter struct {
	Family string // "ip", "ip6", "inet" or "arp"
	Table  string
	Chain  string
	Out    bool
	// Names are which of the things that perch sends are named in a rule of the table: by
	// the number of their protocol, or their port. What a set or a module says is not known.
	VRRP, Guess bool
	Ports       []uint16
}

// askFilters lists them. It takes CAP_NET_ADMIN to see one.
func askFilters() (all []Filter) {
	conn := &nftables.Conn{}
	chains, err := conn.ListChains()
	if err != nil {
		return nil
	}
	rules := map[string][]*nftables.Rule{} // by family and table
	for _, c := range chains {
		key := familyName(c.Table.Family) + " " + c.Table.Name
		own, err := conn.GetRules(c.Table, c)
		if err != nil {
			continue
		}
		rules[key] = append(rules[key], own...)
	}
	for _, c := range chains {
		family := familyName(c.Table.Family)
		key := family + " " + c.Table.Name
		out, ok := direction(c)
		if !ok || family == "" || c.Table.Name == ownTable || !isClosed(c, rules[key]) {
			continue
		}
		f := Filter{Family: family, Table: c.Table.Name, Chain: c.Name, Out: out}
		for _, r := range rules[key] {
			f.read(r.Exprs)
		}
		all = append(all, f)
	}
	return all
}

func familyName(f nftables.TableFamily) string {
	return map[nftables.TableFamily]string{
		nftables.TableFamilyINet: "inet", nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyARP: "arp",
	}[f]
}

// direction tells where a chain sees packets; false for one that is not asked for what
// comes to this host or leaves it.
func direction(c *nftables.Chain) (out, ok bool) {
	if c.Hooknum == nil {
		return false, false
	}
	if c.Table.Family == nftables.TableFamilyARP {
		const in, out = 0, 1 // NF_ARP_IN, NF_ARP_OUT
		return *c.Hooknum == out, *c.Hooknum == in || *c.Hooknum == out
	}
	return *c.Hooknum == *nftables.ChainHookOutput, *c.Hooknum == *nftables.ChainHookInput || *c.Hooknum == *nftables.ChainHookOutput
}

// isClosed tells whether a chain drops what reaches its end.
func isClosed(c *nftables.Chain, rules []*nftables.Rule) bool {
	if c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop {
		return true
	}
	return slices.ContainsFunc(rules, func(r *nftables.Rule) bool { return r.Chain.Name == c.Name && dropsAll(r.Exprs) })
}

// dropsAll tells whether a rule drops or rejects whatever comes.
func dropsAll(exprs []expr.Any) bool {
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Counter, *expr.Log:
		case *expr.Reject:
			return true
		case *expr.Verdict:
			return e.Kind == expr.VerdictDrop
		default:
			return false
		}
	}
	return false
}

const (
	protocolVRRP = 112
	protocolAH   = 51
)

// read notes what a rule names.
func (f *Filter) read(exprs []expr.Any) {
	var low []byte
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Cmp:
			switch {
			case e.Op == expr.CmpOpGte:
				low = e.Data
			case e.Op == expr.CmpOpLte && len(low) == len(e.Data):
				f.span(low, e.Data)
			default:
				f.span(e.Data, e.Data)
			}
		case *expr.Range:
			f.span(e.FromData, e.ToData)
		case *expr.Match:
			f.match(e)
		case *expr.Lookup:
			f.Guess = true // what is in the set is not looked at
		}
	}
}

// maxPorts bounds how many ports of one range are noted.
const maxPorts = 65536

// span notes the values from one to another: of one byte they may be protocols, of two ports.
func (f *Filter) span(from, to []byte) {
	switch len(from) {
	case 1:
		f.VRRP = f.VRRP || from[0] <= protocolVRRP && protocolVRRP <= to[0]
	case 2:
		low, high := int(binary.BigEndian.Uint16(from)), int(binary.BigEndian.Uint16(to))
		for p := low; p <= high && p-low < maxPorts; p++ {
			f.Ports = append(f.Ports, uint16(p))
		}
	}
}

// match notes what a match of iptables says.
func (f *Filter) match(m *expr.Match) {
	switch info := m.Info.(type) {
	case *xt.Tcp:
		var from, to [2]byte
		binary.BigEndian.PutUint16(from[:], info.DstPorts[0])
		binary.BigEndian.PutUint16(to[:], info.DstPorts[1])
		if info.DstPorts != [2]uint16{0, 0xffff} {
			f.span(from[:], to[:])
		}
	default:
		f.Guess = f.Guess || m.Name == "multiport" || m.Name == "set"
	}
}

// filtered finds what perch needs and no rule seems to let pass.
func filtered(c *config.Config, f Facts) (all []Finding) {
	for _, filter := range f.Filters {
		name := filter.Family + " " + filter.Table + " " + filter.Chain
		subject := "nftables chain " + name
		if filter.Family == "arp" {
			if len(vips(c)) > 0 {
				all = append(all, Finding{Warning, subject, "drops ARP but for what its rules let pass: VIPs may not be announced, or not answered for", "nft list chain " + name})
			}
			continue
		}
		severity := Warning
		if filter.Guess {
			severity = Hint
		}
		if carries(c, filter.Family) && !filter.VRRP {
			all = append(all, Finding{severity, subject, "drops what its rules do not let pass, and none names VRRP (IP protocol 112): routers do not hear each other", filter.open(f, "vrrp", "meta l4proto 112 accept")})
		}
		if port := clusterPort(c, filter); port != 0 && !filter.Out && !slices.Contains(filter.Ports, port) {
			all = append(all, Finding{severity, subject, "drops what its rules do not let pass, and none names TCP port " + strconv.Itoa(int(port)) + ": peers do not reach this node", filter.open(f, strconv.Itoa(int(port)), "tcp dport "+strconv.Itoa(int(port))+" accept")})
		}
	}
	return all
}

// carries tells whether adverts of a config are of a family of tables.
func carries(c *config.Config, family string) bool {
	return slices.ContainsFunc(c.VRRP, func(r config.VirtualRouter) bool {
		return family == "inet" || (family == "ip6") == r.IPv6()
	})
}

// clusterPort is at which peers reach this node through a filter, or 0.
func clusterPort(c *config.Config, filter Filter) uint16 {
	if c.Cluster == nil || len(c.Cluster.Peers) < 2 {
		return 0
	}
	self, ok := c.Cluster.Peer(c.Node.Name)
	if !ok || filter.Family == "ip" && self.Address.Addr().Is6() || filter.Family == "ip6" && self.Address.Addr().Is4() {
		return 0
	}
	return self.Address.Port()
}

// open returns the command that lets something in, in the words of what manages the rules.
func (filter Filter) open(f Facts, what, rule string) string {
	switch {
	case f.runs("firewalld") && what == "vrrp":
		return "firewall-cmd --permanent --add-protocol=vrrp && firewall-cmd --reload"
	case f.runs("firewalld"):
		return "firewall-cmd --permanent --add-port=" + what + "/tcp && firewall-cmd --reload"
	case slices.Contains([]string{"INPUT", "OUTPUT"}, filter.Chain) && what == "vrrp":
		return cmp.Or(map[string]string{"ip6": "ip6tables"}[filter.Family], "iptables") + " -I " + filter.Chain + " -p 112 -j ACCEPT"
	case filter.Chain == "INPUT":
		return cmp.Or(map[string]string{"ip6": "ip6tables"}[filter.Family], "iptables") + " -I INPUT -p tcp --dport " + what + " -j ACCEPT"
	}
	return "nft insert rule " + filter.Family + " " + filter.Table + " " + filter.Chain + " " + rule
}
