package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// ask completes the facts by what the kernel answers.
func (f *Facts) ask() error {
	all, err := askInterfaces()
	if err != nil {
		return err
	}
	for i := range all {
		known, _ := f.find(all[i].Name)
		all[i].Advertised = known.Advertised
	}
	f.Interfaces = all
	f.ReadOnly = isReadOnly(sysctl.Root)
	chains, err := (&nftables.Conn{}).ListChains()
	f.NoTables = isNoTables(err)
	f.Firewall = f.Firewall || slices.ContainsFunc(chains, isFirewall)
	return nil
}

func isReadOnly(path string) bool {
	var fs unix.Statfs_t
	err := unix.Statfs(path, &fs)
	return err == nil && fs.Flags&unix.ST_RDONLY != 0
}

func askInterfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var all []Interface
	for _, link := range links {
		attrs := link.Attrs()
		i := Interface{
			Name:      attrs.Name,
			Index:     attrs.Index,
			MTU:       attrs.MTU,
			MAC:       attrs.HardwareAddr.String(),
			Kind:      link.Type(),
			Up:        attrs.Flags&net.FlagUp != 0,
			Loopback:  attrs.Flags&net.FlagLoopback != 0,
			Multicast: attrs.Flags&net.FlagMulticast != 0,
		}
		for _, a := range addresses {
			if a.LinkIndex != attrs.Index {
				continue
			}
			prefix := prefixOf(a.IPNet)
			i.Addresses = append(i.Addresses, prefix)
			if a.Flags&unix.IFA_F_PERMANENT != 0 {
				i.Lasting = append(i.Lasting, prefix.Addr())
			}
		}
		all = append(all, i)
	}
	return all, nil
}

func prefixOf(n *net.IPNet) netip.Prefix {
	address, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits)
}

// ownTable is that of perch's fence.
const ownTable = "perch"

// isFirewall reports whether a chain is somebody else's, for packets that are passed on. It
// takes CAP_NET_ADMIN to see one.
func isFirewall(c *nftables.Chain) bool {
	switch c.Table.Family {
	case nftables.TableFamilyINet, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6:
		return c.Table.Name != ownTable && c.Hooknum != nil &&
			(*c.Hooknum == *nftables.ChainHookForward || *c.Hooknum == *nftables.ChainHookPostrouting)
	default:
		return false
	}
}
