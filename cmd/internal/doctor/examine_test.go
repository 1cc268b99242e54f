package doctor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// patient is a config and a host on which nothing is wrong for it.
type patient struct {
	*config.Config
	Facts
}

// newPatient is a director of a cluster with two networks, and its service web with a nat
// server of each family.
func newPatient() *patient {
	p := &patient{
		&config.Config{
			Node:    config.Node{Name: "lb1"},
			Cluster: &config.Cluster{Name: "edge", Fence: "auto"},
			VIPs: []config.VIP{
				{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"},
				{Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "eth0"},
			},
			IPVS: config.IPVS{Nodes: "candidates"},
		},
		Facts{
			Kernel:  "6.1.0-44-amd64",
			Fencing: Fencing{Tried: true},
			Sysctls: map[string]int{
				"net/ipv4/ip_forward":                   1,
				"net/ipv4/conf/all/arp_announce":        0,
				"net/ipv4/conf/all/arp_ignore":          0,
				"net/ipv4/conf/all/rp_filter":           0,
				"net/ipv4/conf/all/send_redirects":      1,
				"net/ipv4/conf/eth0/send_redirects":     1,
				"net/ipv4/vs/backup_only":               0,
				"net/ipv4/vs/conntrack":                 0,
				"net/ipv4/vs/expire_nodest_conn":        1,
				"net/ipv4/vs/expire_quiescent_template": 0,
				"net/ipv6/conf/all/forwarding":          1,
				"net/ipv6/conf/eth0/accept_ra":          1,
			},
			Modules: Modules{Known: true, Loadable: []string{"ip_vs", "ip_vs_wlc", "ip_vs_pe_sip"}},
			Interfaces: []Interface{
				{Name: "lo", Kind: "device", Up: true, Loopback: true, Addresses: prefixes("127.0.0.1/8", "::1/128")},
				{Name: "eth0", Kind: "device", Up: true, Multicast: true, Addresses: prefixes("198.18.0.1/24", "2001:db8::1/64")},
				{Name: "eth1", Kind: "device", Up: true, Multicast: true, Addresses: prefixes("198.18.1.1/24", "2001:db8:1::1/64")},
			},
		},
	}
	p.Services = []config.Service{{
		Name: "web", Scheduler: "wlc",
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("198.18.0.100:80")},
		Servers:   []config.RealServer{realServer("198.18.1.11:80", "nat")},
	}, {
		Name: "web6", Scheduler: "wlc",
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::100]:80")},
		Servers:   []config.RealServer{realServer("[2001:db8:1::11]:80", "nat")},
	}}
	return p
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func realServer(address, forward string) config.RealServer {
	return config.RealServer{Address: netip.MustParseAddrPort(address), Forward: forward}
}

// own makes eth0's address that of a server.
func (p *patient) ownServer(forward string) {
	p.Services[0].Servers = append(p.Services[0].Servers, realServer("198.18.0.1:80", forward))
	p.Cluster.Fence = "lifetime"
	p.IPVS.Nodes = "owner"
}

func (p *patient) face(name string) *Interface {
	for i := range p.Interfaces {
		if p.Interfaces[i].Name == name {
			return &p.Interfaces[i]
		}
	}
	panic("no interface " + name)
}

func TestExamine(t *testing.T) {
	const (
		forwarded = "error net.ipv4.ip_forward is 0: the answers of the nat servers of web are not passed on to the clients | sysctl -w net.ipv4.ip_forward=1"
		oneArmed  = "warning net.ipv4.conf.eth0.send_redirects is 1: nat servers of web are told of a shorter way to the clients, which drop the answers that come by it | sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"
		quiet     = "error net.ipv4.conf.all.arp_announce is 0: 198.18.0.100 is on lo, and this host answers for it to the network when another one owns it | sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"
	)
	for _, c := range []struct {
		name    string
		illness func(p *patient)
		want    []string // "severity subject text | command"
	}{
		{"nothing", func(*patient) {}, nil},
		{"no service", func(p *patient) { p.Services, p.Facts = nil, Facts{Interfaces: p.Interfaces, Fencing: p.Fencing} }, nil},

		{"forwarding", func(p *patient) { p.Sysctls["net/ipv4/ip_forward"] = 0 }, []string{forwarded}},
		{"forwarding of one's own", func(p *patient) {
			p.Sysctls["net/ipv4/ip_forward"] = 0
			p.Services[0].Servers[0] = realServer("127.0.0.2:80", "nat")
		}, nil},
		{"forwarding for dr", func(p *patient) {
			p.Sysctls["net/ipv4/ip_forward"] = 0
			p.Services[0].Servers[0].Forward = "dr"
		}, nil},
		{"forwarding for the sorry server", func(p *patient) {
			p.Sysctls["net/ipv4/ip_forward"] = 0
			server := p.Services[0].Servers[0]
			p.Services[0].Servers, p.Services[0].SorryServer = nil, &server
		}, []string{forwarded}},
		{"forwarding managed", func(p *patient) { p.Sysctls["net/ipv4/ip_forward"], p.IPVS.ManageSysctls = 0, true }, nil},
		{"forwarding managed, in a container", func(p *patient) {
			p.Sysctls["net/ipv4/ip_forward"], p.IPVS.ManageSysctls, p.ReadOnly = 0, true, true
			p.Sysctls["net/ipv4/vs/expire_nodest_conn"] = 0
		}, []string{
			"error /proc/sys is read-only here: perch cannot set net.ipv4.ip_forward and net.ipv4.vs.expire_nodest_conn, as manage_sysctls wants it to | mount -o remount,rw /proc/sys",
		}},
		{"all managed already, in a container", func(p *patient) { p.IPVS.ManageSysctls, p.ReadOnly = true, true }, nil},
		{"many services", func(p *patient) {
			p.Sysctls["net/ipv4/ip_forward"] = 0
			for i := range 4 {
				p.Services = append(p.Services, p.Services[0])
				p.Services[len(p.Services)-1].Name = fmt.Sprint("s", i)
			}
		}, []string{strings.ReplaceAll(forwarded, "of web are", "of web, s0, s1 and others are")}},

		{"forwarding of IPv6", func(p *patient) { p.Sysctls["net/ipv6/conf/all/forwarding"] = 0 }, []string{
			"error net.ipv6.conf.all.forwarding is 0: the answers of the nat servers of web6 are not passed on to the clients | sysctl -w net.ipv6.conf.all.forwarding=1",
		}},
		{"forwarding of IPv6, with a router that advertises", func(p *patient) {
			p.Sysctls["net/ipv6/conf/all/forwarding"] = 0
			p.face("eth0").Advertised = true
		}, []string{
			"error net.ipv6.conf.all.forwarding is 0: the answers of the nat servers of web6 are not passed on to the clients | sysctl -w net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.all.forwarding=1",
		}},
		{"no IPv6", func(p *patient) { delete(p.Sysctls, "net/ipv6/conf/all/forwarding") }, []string{
			"error net.ipv6.conf.all.forwarding is not there: the answers of the nat servers of web6 are not passed on to the clients | sysctl -w net.ipv6.conf.all.forwarding=1",
		}},

		{"one arm", func(p *patient) { p.Services[0].Servers[0] = realServer("198.18.0.11:80", "nat") }, []string{oneArmed}},
		{"one arm, half done", func(p *patient) {
			p.Services[0].Servers[0] = realServer("198.18.0.11:80", "nat")
			p.Sysctls["net/ipv4/conf/eth0/send_redirects"] = 0
		}, []string{
			"warning net.ipv4.conf.all.send_redirects is 1: nat servers of web are told of a shorter way to the clients, which drop the answers that come by it | sysctl -w net.ipv4.conf.all.send_redirects=0",
		}},
		{"one arm, VIP on lo", func(p *patient) {
			p.Services[0].Servers[0] = realServer("198.18.0.11:80", "nat")
			p.face("lo").Addresses = append(p.face("lo").Addresses, prefixes("198.18.0.100/24")...)
			p.Sysctls["net/ipv4/conf/all/arp_ignore"], p.Sysctls["net/ipv4/conf/all/arp_announce"] = 1, 2
		}, []string{oneArmed}},
		{"one arm, VIP of another network", func(p *patient) {
			p.Services[0].Servers[0] = realServer("198.18.0.11:80", "nat")
			p.Services[0].Addresses[0] = netip.MustParseAddrPort("203.0.113.1:80")
			p.VIPs = append(p.VIPs, config.VIP{Address: netip.MustParsePrefix("203.0.113.1/32"), Interface: "eth0"})
		}, []string{oneArmed}},
		{"one arm, VIP of somebody else", func(p *patient) {
			p.Services[0].Servers[0] = realServer("198.18.0.11:80", "nat")
			p.VIPs = nil
		}, []string{oneArmed}},
		{"one arm for dr", func(p *patient) { p.Services[0].Servers[0] = realServer("198.18.0.11:80", "dr") }, nil},

		{"removed servers", func(p *patient) { p.Sysctls["net/ipv4/vs/expire_nodest_conn"] = 0 }, []string{
			"hint net.ipv4.vs.expire_nodest_conn is 0: connections to a server that was removed hang until the client gives up, and are not reset | sysctl -w net.ipv4.vs.expire_nodest_conn=1",
		}},
		{"not loaded", func(p *patient) { delete(p.Sysctls, "net/ipv4/vs/expire_nodest_conn") }, []string{
			"hint net.ipv4.vs.expire_nodest_conn is 0 as soon as ip_vs is loaded: connections to a server that was removed hang until the client gives up, and are not reset | modprobe ip_vs && sysctl -w net.ipv4.vs.expire_nodest_conn=1",
		}},
		{"persistence", func(p *patient) { p.Services[0].Persistence = time.Minute }, []string{
			"hint net.ipv4.vs.expire_quiescent_template is 0: clients of web go on coming to a server that is drained, as they persist | sysctl -w net.ipv4.vs.expire_quiescent_template=1",
		}},
		{"persistence with a dead server", func(p *patient) {
			p.Services[0].Persistence = time.Minute
			p.Services[0].Servers[0].InhibitOnFailure = true
		}, []string{
			"warning net.ipv4.vs.expire_quiescent_template is 0: clients of web persist with a server that has failed, as inhibit_on_failure keeps it | sysctl -w net.ipv4.vs.expire_quiescent_template=1",
		}},

		{"VIP on lo", func(p *patient) {
			p.face("lo").Addresses = append(p.face("lo").Addresses, prefixes("198.18.0.100/32", "2001:db8::100/128")...)
		}, []string{quiet}},
		{"VIP on lo, quietly", func(p *patient) {
			p.face("lo").Addresses = append(p.face("lo").Addresses, prefixes("198.18.0.100/32")...)
			p.Sysctls["net/ipv4/conf/all/arp_ignore"], p.Sysctls["net/ipv4/conf/all/arp_announce"] = 1, 2
		}, nil},
		{"IPv6 VIP on lo", func(p *patient) {
			p.face("lo").Addresses = append(p.face("lo").Addresses, prefixes("2001:db8::100/128")...)
		}, nil},
		{"another address on lo", func(p *patient) {
			p.face("lo").Addresses = append(p.face("lo").Addresses, prefixes("198.18.0.101/32")...)
		}, nil},

		{"own server by dr", func(p *patient) { p.ownServer("dr") }, nil},
		{"own server by dr on all nodes", func(p *patient) { p.ownServer("dr"); p.IPVS.Nodes = "candidates" }, []string{
			`warning ipvs.nodes is not owner: this host is a server of web, and balances again what the owner sends to it | ${EDITOR:-vi} /etc/perch/perch.toml # nodes = "owner" in [ipvs], or give it an [ipvs.sync]`,
		}},
		{"own server by dr on all nodes that tell each other", func(p *patient) {
			p.ownServer("dr")
			p.IPVS.Nodes, p.IPVS.Sync = "candidates", &config.IPVSSync{Interface: "eth1"}
		}, []string{
			"warning net.ipv4.vs.backup_only is 0: this host is a server of web, and balances again what the owner sends to it | sysctl -w net.ipv4.vs.backup_only=1",
		}},
		{"own server by dr on the owner, that tells others", func(p *patient) {
			p.ownServer("dr")
			p.IPVS.Sync = &config.IPVSSync{Interface: "eth1"}
		}, nil},
		{"own server behind the fence", func(p *patient) { p.ownServer("dr"); p.Cluster.Fence = "bpf" }, []string{
			`warning fence is bpf: this host is a server of web, and what it answers with the VIP is dropped when another one owns that | ${EDITOR:-vi} /etc/perch/perch.toml # fence = "lifetime"; or have another host be the server`,
		}},
		{"own server by nat", func(p *patient) { p.ownServer("nat"); p.IPVS.Nodes, p.Cluster.Fence = "candidates", "bpf" }, nil},
		{"tunnel's end", func(p *patient) {
			p.ownServer("tunnel")
			p.Interfaces = append(p.Interfaces, Interface{Name: "tunl0", Kind: "ipip", Up: true})
			p.Sysctls["net/ipv4/conf/all/rp_filter"] = 1
		}, []string{
			"error net.ipv4.conf.tunl0.rp_filter is strict: what comes out of the tunnel for web, of which this host is a server, is dropped | sysctl -w net.ipv4.conf.tunl0.rp_filter=2",
		}},
		{"tunnel's loose end", func(p *patient) {
			p.ownServer("tunnel")
			p.Interfaces = append(p.Interfaces, Interface{Name: "tunl0", Kind: "ipip", Up: true})
			p.Sysctls["net/ipv4/conf/all/rp_filter"], p.Sysctls["net/ipv4/conf/tunl0/rp_filter"] = 1, 2
		}, nil},
		{"tunnel's end, down", func(p *patient) {
			p.ownServer("tunnel")
			p.Interfaces = append(p.Interfaces, Interface{Name: "tunl0", Kind: "ipip"})
			p.Sysctls["net/ipv4/conf/all/rp_filter"] = 1
		}, nil},
		{"director's end of a tunnel", func(p *patient) {
			p.Services[0].Servers[0].Forward = "tunnel"
			p.Interfaces = append(p.Interfaces, Interface{Name: "tunl0", Kind: "ipip", Up: true})
			p.Sysctls["net/ipv4/conf/all/rp_filter"] = 1
		}, nil},

		{"firewall", func(p *patient) { p.Firewall = true }, []string{
			"hint net.ipv4.vs.conntrack is 0, and there are firewall rules: none that goes by the state of connections (ct state, masquerade, snat) does what it says for those of services | sysctl -w net.ipv4.vs.conntrack=1",
		}},
		{"firewall, tracked", func(p *patient) { p.Firewall, p.Sysctls["net/ipv4/vs/conntrack"] = true, 1 }, nil},

		{"no IPVS", func(p *patient) { p.Modules.Loadable = nil }, []string{
			"error ip_vs is not in kernel 6.1.0-44-amd64: no service works | grep IP_VS /boot/config-6.1.0-44-amd64",
		}},
		{"no IPVS on Ubuntu", func(p *patient) { p.Modules.Loadable, p.System = nil, []string{"ubuntu", "debian"} }, []string{
			"error ip_vs is not in kernel 6.1.0-44-amd64: no service works | apt install linux-modules-extra-6.1.0-44-amd64",
		}},
		{"no IPVS on Rocky", func(p *patient) { p.Modules.Loadable, p.System = nil, []string{"rocky", "rhel", "centos", "fedora"} }, []string{
			"error ip_vs is not in kernel 6.1.0-44-amd64: no service works | dnf install kernel-modules-6.1.0-44-amd64",
		}},
		{"no modules", func(p *patient) { p.Modules = Modules{} }, []string{
			"error ip_vs is not loaded, and this host has no files of kernel 6.1.0-44-amd64 to load it from: no service works | modprobe ip_vs # on the host itself, if this is a container",
		}},
		{"in a container", func(p *patient) { p.Modules = Modules{Loaded: []string{"ip_vs"}} }, []string{
			"hint ip_vs_wlc is needed by the scheduler of web and not loaded; whether it can be is not to be seen here, as there are no files of kernel 6.1.0-44-amd64 | modprobe ip_vs_wlc",
		}},
		{"no such scheduler", func(p *patient) { p.Services[0].Scheduler = "twos" }, []string{
			"error ip_vs_twos is needed by the scheduler of web and not in kernel 6.1.0-44-amd64 | grep IP_VS /boot/config-6.1.0-44-amd64",
		}},
		{"engine", func(p *patient) { p.Services[0].PersistenceEngine = "sip" }, nil},
		{"no such engine", func(p *patient) { p.Services[0].PersistenceEngine = "sap" }, []string{
			"error ip_vs_pe_sap is needed by the persistence engine of web and not in kernel 6.1.0-44-amd64 | grep IP_VS /boot/config-6.1.0-44-amd64",
		}},
		{"sealed", func(p *patient) {
			p.Sysctls["kernel/modules_disabled"], p.Modules.Loaded = 1, []string{"ip_vs"}
		}, []string{
			"error ip_vs_wlc is needed by the scheduler of web and not loaded; kernel.modules_disabled lets nobody do so until the next boot | echo ip_vs_wlc >>/etc/modules-load.d/perch.conf # and reboot when it suits",
		}},
		{"sealed late", func(p *patient) {
			p.Sysctls["kernel/modules_disabled"], p.Modules.Loaded = 1, []string{"ip_vs", "ip_vs_wlc"}
		}, nil},

		{"interfaces", func(p *patient) { p.VIPs[0].Interface = "eth9" }, []string{
			"error eth9 is not there: it is to carry 198.18.0.100 | ip -brief link",
		}},
		{"VIP on its interface without perch", func(p *patient) {
			p.face("eth0").Lasting = []netip.Addr{netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8::100")}
			p.face("eth1").Lasting = []netip.Addr{netip.MustParseAddr("198.18.0.100")}
		}, []string{
			"warning 2001:db8::100 is on eth0 without perch, and for good: perch removes it when it starts, and what configures the interface is not to bring it back" +
				" | ip address del 2001:db8::100/64 dev eth0",
		}},
		{"interface of sync", func(p *patient) { p.IPVS.Sync = &config.IPVSSync{Interface: "eth9"} }, []string{
			"error eth9 is not there: connections are to be told to other directors by it | ip -brief link",
		}},
		{"interface of sync down", func(p *patient) {
			p.IPVS.Sync = &config.IPVSSync{Interface: "eth1"}
			p.face("eth1").Up = false
		}, []string{
			"error eth1 is down: connections are to be told to other directors by it | ip link set eth1 up",
		}},
		{"interface of sync without multicast", func(p *patient) {
			p.IPVS.Sync = &config.IPVSSync{Interface: "eth1"}
			p.face("eth1").Multicast = false
		}, []string{
			"error eth1 takes no multicast: connections are to be told to other directors by it | ip link set eth1 multicast on",
		}},

		{"the worst first", func(p *patient) {
			p.Sysctls["net/ipv4/vs/expire_nodest_conn"] = 0
			p.Sysctls["net/ipv4/ip_forward"] = 0
			p.Services[1].Scheduler = "twos"
		}, []string{
			"error ip_vs_twos is needed by the scheduler of web6 and not in kernel 6.1.0-44-amd64 | grep IP_VS /boot/config-6.1.0-44-amd64",
			forwarded,
			"hint net.ipv4.vs.expire_nodest_conn is 0: connections to a server that was removed hang until the client gives up, and are not reset | sysctl -w net.ipv4.vs.expire_nodest_conn=1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPatient()
			c.illness(p)
			var got []string
			for _, f := range Examine(p.Config, p.Facts) {
				got = append(got, fmt.Sprintf("%s %s %s | %s", f.Severity, f.Subject, f.Text, f.Command))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	p := newPatient()
	p.face("eth0").Advertised = true
	p.Services[0].Servers = append(p.Services[0].Servers, realServer("198.18.0.11:80", "nat"))
	p.Services[1].Persistence = time.Minute
	before := Settings(p.Config, p.Facts)
	var got []string
	for _, s := range before {
		got = append(got, s.String())
	}
	want := []string{
		"net.ipv4.ip_forward=1",
		"net.ipv6.conf.eth0.accept_ra=2", "net.ipv6.conf.all.forwarding=1",
		"net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0",
		"net.ipv4.vs.expire_nodest_conn=1", "net.ipv4.vs.expire_quiescent_template=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What is set is needed still, also if the route is gone meanwhile.
	for _, s := range before {
		p.Sysctls[s.Name] = s.Value
	}
	p.face("eth0").Advertised = false
	if diff := cmp.Diff(before, Settings(p.Config, p.Facts)); diff != "" {
		t.Error(diff)
	}
	p.Services = nil
	if rest := Settings(p.Config, p.Facts); rest != nil {
		t.Errorf("without services there is need of %v", rest)
	}
}

// All that is gone by is read.
func TestSurveyReadsWhatIsNeeded(t *testing.T) {
	p := newPatient()
	p.ownServer("dr")
	p.IPVS.Nodes, p.IPVS.Sync = "candidates", &config.IPVSSync{Interface: "eth1"}
	p.face("eth0").Advertised = true
	p.face("lo").Addresses = prefixes("198.18.0.100/32")
	p.Services[0].Persistence = time.Minute
	p.Services[0].Servers = append(p.Services[0].Servers, realServer("198.18.0.11:80", "nat"))
	for _, s := range Settings(p.Config, p.Facts) {
		root := writeFiles(t, map[string]string{"proc/sys/" + s.Name: "7", "proc/sys/net/ipv4/conf/eth0/tag": "0"})
		if _, known := root.facts().Sysctls[s.Name]; !known {
			t.Errorf("%s is not read", sysctl.Display(s.Name))
		}
	}
}
