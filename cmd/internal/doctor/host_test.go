package doctor

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

var update = flag.Bool("update", false, "rewrite testdata/host.txt")

// Of what Probe finds, testdata/host.txt has what is said: a word of each illness, and the
// findings.
const hostFile = "testdata/host.txt"

// newHost is a node of a cluster of three, with a virtual router besides, on which nothing is
// wrong.
func newHost() *patient {
	p := newPatient()
	p.Services = nil
	p.Cluster.Heartbeat = 300 * time.Millisecond
	p.Cluster.SecretFile = "/etc/perch/secret"
	for i, name := range []string{"lb1", "lb2", "lb3"} {
		p.Cluster.Peers = append(p.Cluster.Peers, config.Peer{
			Name: name, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, byte(i + 1)}), 7400),
		})
	}
	p.VRRP = []config.VirtualRouter{{
		Name: "gw", Interface: "eth1", VRID: 51, Version: 3, Priority: 100, AdvertInterval: time.Second, Accept: true,
		Addresses: []config.Address{{Prefix: netip.MustParsePrefix("198.18.1.200/24")}},
		Auth:      config.Auth{Kind: "none"},
	}}
	for i := range p.Interfaces {
		p.Interfaces[i].MTU, p.Interfaces[i].Index = 1500, i+1
		p.Interfaces[i].MAC = fmt.Sprintf("02:00:00:00:00:%02x", i)
	}
	all := Capabilities(1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_BPF)
	p.Rights = Rights{Known: true, User: "perch", UID: 990, Perch: 990, Caps: all}
	p.Processes = []Process{{PID: 77, Name: "perch", Args: []string{"perch", "serve"}, UID: 990, GID: 980, Caps: all, Read: true}}
	p.Secrets = []Secret{{Key: "cluster.secret_file", Path: "/etc/perch/secret", Strict: true, Mode: 0o640, UID: 0, GID: 980}}
	p.Facts.Clock = Clock{Source: "tsc"}
	p.Disk = Disk{Known: true, Dir: "/var/lib/perch", Free: 1 << 30, Inodes: 1 << 20, Syncs: []time.Duration{2 * time.Millisecond, 3 * time.Millisecond}}
	p.Version, p.Lease = "v1.0.0", 273*time.Millisecond
	p.Fencing.Tried = true
	for _, peer := range p.Cluster.Peers[1:] {
		p.Peers = append(p.Peers, Peer{
			Name: peer.Name, Address: peer.Address, Version: "v1.0.0", Heartbeat: "300ms", Fence: "bpf", RTT: time.Millisecond, MSS: 1448,
			Large: PassageOpen, Size: 1500,
		})
	}
	p.Wire = Wire{For: time.Second, Neighbors: map[string]netip.Addr{"02:00:00:00:02:00": p.Cluster.Peers[1].Address.Addr()}}
	return p
}

// advert is one of a router that is like gw.
func advert() Heard {
	return Heard{
		Interface: "eth1", From: netip.MustParseAddr("198.18.1.2"), MAC: "02:00:00:00:02:01", VRID: 51, Version: 3, Priority: 90,
		Interval: time.Second, Auth: "none", Addresses: []netip.Addr{netip.MustParseAddr("198.18.1.200")},
	}
}

func (p *patient) hear(change func(h *Heard)) {
	h := advert()
	change(&h)
	p.Wire.Adverts = append(p.Wire.Adverts, h)
}

func (p *patient) claim(address, mac string) {
	p.Wire.Claims = append(p.Wire.Claims, Claim{"eth0", netip.MustParseAddr(address), mac})
}

type illness struct {
	name string
	make func(p *patient)
}

// illnesses are all that a host may have, in the order of the golden file.
func illnesses() []illness {
	return slices.Concat(illnessesOfTheDaemon(), illnessesOfTheNetwork(), illnessesOfTheMachine(), illnessesOnTheWire())
}

func illnessesOfTheDaemon() []illness {
	return []illness{
		{"nothing", func(*patient) {}},
		{"a static address alone", func(p *patient) {
			*p = patient{Config: &config.Config{Node: p.Node}, Facts: p.Facts}
			p.Facts.Clock, p.Disk.System = Clock{Source: "hpet", Unset: true, Virtual: true}, "tmpfs"
		}},

		{"the daemon has no rights", func(p *patient) { p.Processes[0].Caps = 0 }},
		{"the daemon has no rights for bpf, which is wanted", func(p *patient) {
			p.Processes[0].Caps &^= 1 << unix.CAP_BPF
			p.Cluster.Fence = "bpf"
		}},
		{"CAP_SYS_ADMIN of old is as good as CAP_BPF", func(p *patient) {
			p.Processes[0].Caps = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
		}},
		{"scripts of others, in a namespace", func(p *patient) {
			p.Node.ProgramUser, p.Node.NetNamespace = "nobody", "blue"
		}},
		{"sysctls cannot be set by the daemon", func(p *patient) { p.Processes[0].Fixed, p.VRRP[0].VirtualMAC = true, true }},
		{"sysctls need not be set by the daemon", func(p *patient) { p.Processes[0].Fixed = true }},
		{"no daemon, and no rights", func(p *patient) { p.Processes, p.Rights.User, p.Rights.Caps = nil, "nobody", 0 }},
		{"no daemon, and nothing known", func(p *patient) { p.Processes, p.Rights = nil, Rights{} }},

		{"shifted time", func(p *patient) { p.Fencing.Offset, p.Fencing.BPF = true, "the time is offset" }},
		{"shifted time, and no bpf wanted", func(p *patient) { p.Fencing.Offset, p.Cluster.Fence = true, "nftables" }},
		{"fences untried", func(p *patient) { p.Fencing.Tried, p.Processes, p.Modules.Trial = false, nil, true }},
		{"fences untried, for their modules", func(p *patient) { p.Fencing.Tried, p.Processes, p.Modules.Trial = false, nil, false }},
		{"fences untried, and none wanted", func(p *patient) { p.Fencing.Tried, p.Processes, p.Cluster.Fence = false, nil, "off" }},
		{"fences that take too long", func(p *patient) { p.Fencing.Tried, p.Processes, p.Late = false, nil, []string{fenceProbe} }},
		{"no bpf", func(p *patient) { p.Fencing.BPF = "no CAP_BPF" }},
		{"an old kernel, untried", func(p *patient) { p.Kernel, p.Fencing.Tried = "5.4.0-1", false }},
		{"an old kernel, tried", func(p *patient) { p.Kernel = "5.4.0-1" }},
		{"no bpf, which is wanted", func(p *patient) { p.Fencing.BPF, p.Cluster.Fence = "no CAP_BPF", "bpf" }},
		{"no bpf, and lockdown", func(p *patient) { p.Fencing.BPF, p.Fencing.Lockdown = "operation not permitted", "integrity" }},
		{"lockdown, and bpf all the same", func(p *patient) { p.Fencing.Lockdown = "integrity" }},
		{"no nftables, which is not wanted", func(p *patient) { p.Fencing.NFTables = "no egress hook" }},
		{"no nftables, which is wanted", func(p *patient) { p.Fencing.NFTables, p.Cluster.Fence = "no egress hook", "nftables" }},
		{"no fence", func(p *patient) { p.Fencing.BPF, p.Fencing.NFTables = "no CAP_BPF", "no egress hook" }},
		{"no fence wanted", func(p *patient) { p.Fencing.BPF, p.Fencing.NFTables, p.Cluster.Fence = "x", "y", "off" }},
		{"others in front", func(p *patient) {
			p.Kernel = "6.6.1"
			p.Fencing.InFront = []Ahead{{"eth0", "ingress", `filter bpf "bypass" of priority 1`}, {"eth1", "egress", "tcx program 7 x"}}
		}},
		{"others in front, of an old kernel", func(p *patient) {
			p.Fencing.InFront = []Ahead{{"eth0", "ingress", `filter bpf "bypass" of priority 1`}}
		}},
		{"others in front of no bpf fence", func(p *patient) {
			p.Fencing.InFront, p.Cluster.Fence = []Ahead{{"eth0", "ingress", "filter u32 of priority 1"}}, "nftables"
		}},
	}
}

func illnessesOfTheNetwork() []illness {
	return []illness{
		{"a firewall", func(p *patient) {
			p.Filters = []Filter{{Family: "inet", Table: "filter", Chain: "input"}, {Family: "inet", Table: "filter", Chain: "output", Out: true}}
		}},
		{"a firewall with the right rules", func(p *patient) {
			p.Filters = []Filter{{Family: "inet", Table: "filter", Chain: "input", VRRP: true, Ports: []uint16{7400}}}
		}},
		{"a firewall with sets", func(p *patient) { p.Filters = []Filter{{Family: "ip", Table: "filter", Chain: "input", Guess: true}} }},
		{"a firewall of the other family", func(p *patient) { p.Filters = []Filter{{Family: "ip6", Table: "filter", Chain: "INPUT"}} }},
		{"iptables", func(p *patient) { p.Filters = []Filter{{Family: "ip", Table: "filter", Chain: "INPUT"}} }},
		{"firewalld", func(p *patient) {
			p.Processes = append(p.Processes, Process{PID: 5, Name: "firewalld"})
			p.Filters = []Filter{{Family: "inet", Table: "firewalld", Chain: "filter_INPUT"}}
		}},
		{"a firewall for ARP", func(p *patient) { p.Filters = []Filter{{Family: "arp", Table: "filter", Chain: "input"}} }},

		{"no ARP is answered for a range", func(p *patient) {
			p.Config.VIPs = append(slices.Clone(p.Config.VIPs), config.VIP{Address: netip.MustParsePrefix("198.19.0.0/20"), Interface: "eth0", Prefix: true})
			p.Sysctls["net/ipv4/conf/all/arp_ignore"] = 1
		}},
		{"the gateway is in a range", func(p *patient) {
			p.Config.VIPs = append(slices.Clone(p.Config.VIPs), config.VIP{Address: netip.MustParsePrefix("198.19.0.0/20"), Interface: "eth0", Prefix: true})
			p.Gateways = []netip.Addr{netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.19.0.1")}
		}},
		{"no ARP is answered", func(p *patient) { p.Sysctls["net/ipv4/conf/eth0/arp_ignore"] = 8 }},
		{"strict, and the way back is another", func(p *patient) {
			p.Sysctls["net/ipv4/conf/all/rp_filter"], p.Routes = 1, []string{"eth0"}
		}},
		{"strict, and no way back", func(p *patient) { p.Sysctls["net/ipv4/conf/all/rp_filter"] = 1 }},
		{"two interfaces in one subnet", func(p *patient) {
			p.Interfaces = append(p.Interfaces, Interface{Name: "eth2", Kind: "device", Up: true, Addresses: prefixes("198.18.0.7/24")})
		}},
		{"two VIPs of a subnet of their own", func(p *patient) {
			p.VIPs = append(p.VIPs,
				config.VIP{Address: netip.MustParsePrefix("203.0.113.1/24"), Interface: "eth0"},
				config.VIP{Address: netip.MustParsePrefix("203.0.113.2/24"), Interface: "eth0"})
		}},
		{"no IPv6", func(p *patient) {
			p.Sysctls["net/ipv6/conf/eth0/disable_ipv6"], p.Sysctls["net/ipv6/conf/eth0/accept_dad"] = 1, 2
			p.face("eth0").MTU = 1000
		}},
		{"a proxy", func(p *patient) {
			p.Sysctls["net/ipv4/ip_nonlocal_bind"] = 0
			p.Processes = append(p.Processes, Process{PID: 8, Name: "haproxy"})
		}},

		{"networkd", func(p *patient) {
			p.Keepers.Networkd = map[string]NetworkFile{"eth0": {Path: "/run/systemd/network/10-netplan-eth0.network"}, "eth1": {Path: "/x", Keeps: true}}
			p.VRRP[0].Routes, p.VRRP[0].Rules = make([]config.Route, 1), make([]config.Rule, 1)
		}},
		{"networkd that was told", func(p *patient) {
			p.Keepers = Keepers{Networkd: map[string]NetworkFile{"eth0": {Path: "/x", Keeps: true}}, KeepsRoutes: true, KeepsRules: true}
			p.VRRP[0].Routes, p.VRRP[0].Rules = make([]config.Route, 1), make([]config.Rule, 1)
		}},
		{"networkd that was told, and routers with a source", func(p *patient) {
			p.Keepers = Keepers{Networkd: map[string]NetworkFile{"eth1": {Path: "/x", Keeps: true}}, KeepsRoutes: true, KeepsRules: true}
			p.VRRP[0].Source = netip.MustParseAddr("198.18.1.1")
			tracks, six := p.VRRP[0], p.VRRP[0]
			tracks.Name, tracks.VRID, tracks.TrackSource = "tracks", 52, true
			six.Name, six.VRID, six.Source = "six", 53, netip.Addr{}
			six.Addresses = []config.Address{{Prefix: netip.MustParsePrefix("fe80::1/64")}}
			p.VRRP = append(p.VRRP, tracks, six)
		}},
		{"others that keep interfaces", func(p *patient) {
			p.Keepers = Keepers{Managed: []string{"eth0", "eth7"}, Purged: []string{"eth1"}}
			p.Processes = append(p.Processes, Process{PID: 9, Name: "dhclient", Args: []string{"dhclient", "-4", "eth1"}})
		}},
	}
}

func illnessesOfTheMachine() []illness {
	return []illness{
		{"clocks", func(p *patient) { p.Facts.Clock = Clock{Source: "hpet", Unset: true, Virtual: true} }},
		{"a clock that signatures go by", func(p *patient) {
			p.Facts.Clock.Unset = true
			p.VRRP[0].Auth = config.Auth{Kind: "hmac", Window: time.Minute}
		}},
		{"a clock that certificates go by", func(p *patient) { p.Facts.Clock.Unset, p.Cluster.TLSCert = true, "/etc/perch/cert.pem" }},

		{"secrets", func(p *patient) {
			p.Secrets = append(p.Secrets[:0],
				Secret{Key: "cluster.secret_file", Path: "/a", Strict: true, Problem: missing},
				Secret{Key: "auth of gw", Path: "/b", Strict: true, Problem: hidden},
				Secret{Key: "auth of gw", Path: "/c", Strict: true, Mode: 0o644, UID: 990, GID: 980},
				Secret{Key: "key_file of check web", Path: "/d", Mode: 0o666, UID: 5},
				Secret{Key: "auth of gw", Path: "/e/f", Strict: true, Mode: 0o600, LooseDir: "/e"},
				Secret{Key: "auth of gw", Path: "/g", Strict: true, Mode: 0o640, GID: 100})
		}},
		{"a secret without a daemon", func(p *patient) {
			p.Processes = nil
			p.Secrets[0].UID, p.Secrets[0].Mode = 1000, 0o600
		}},

		{"a disk in memory", func(p *patient) { p.Disk.System = "tmpfs" }},
		{"a disk of a container", func(p *patient) { p.Disk.System = "overlay" }},
		{"a disk elsewhere", func(p *patient) { p.Disk.System = "nfs" }},
		{"a disk that is read-only", func(p *patient) { p.Disk.ReadOnly = true }},
		{"a disk that is nearly full", func(p *patient) { p.Disk.Free, p.Disk.Inodes = 5<<20, 3 }},
		{"a disk that is full", func(p *patient) { p.Disk.Free = 0 }},
		{"a disk that is slow", func(p *patient) { p.Disk.Syncs = []time.Duration{50 * time.Millisecond} }},
		{"a disk that is slow at times", func(p *patient) { p.Disk.Syncs = append(p.Disk.Syncs, time.Millisecond, 400*time.Millisecond) }},
		{"a disk that cannot be tried", func(p *patient) { p.Disk.Failed = "permission denied" }},
		{"a disk that stalled", func(p *patient) { p.Disk.Stall = Stall{2, 1300 * time.Millisecond, time.Hour} }},
		{"a disk that stalled long ago", func(p *patient) { p.Disk.Stall = Stall{2, time.Second, 25 * time.Hour} }},
		{"a daemon of the installed version", func(p *patient) { p.Running = p.Version }},
		{"a daemon that was not restarted", func(p *patient) { p.Running = "v0.9.0" }},
		{"no data about the disk", func(p *patient) { p.Disk = Disk{} }},

		{"time from the leader", func(p *patient) { p.followTime() }},
		{"time from the leader, and no chrony", func(p *patient) {
			p.followTime()
			p.Chrony, p.Processes = Chrony{NoFile: true, NoDir: true}, p.Processes[:1]
		}},
		{"time from the leader, as chrony is shipped", func(p *patient) {
			p.followTime()
			p.Chrony = Chrony{Conf: "/etc/chrony.conf", Sources: []string{"/run/chrony-dhcp"}}
		}},
		{"time from the leader, and no right to say so", func(p *patient) {
			p.followTime()
			p.Chrony.Dir = Folder{"/etc/chrony/sources.d", 0, 0, 0o755}
			p.Chrony.Run = Folder{"/run/chrony", 101, 102, 0o700}
		}},
		{"time from the leader, by a group", func(p *patient) {
			p.followTime()
			p.Processes[0].Groups = []int{102}
			p.Chrony.Dir = Folder{"/etc/chrony/sources.d", 0, p.Processes[0].GID, 0o775}
			p.Chrony.Run = Folder{"/run/chrony", 101, 102, 0o770}
		}},
		{"programs that others can change", func(p *patient) {
			p.Node.StopProgram = []string{"/opt/end"}
			p.Loose = map[string]Loose{"/opt/end": {"/opt", "/opt is writable by others (mode 0777): refused because it would run as root"}}
		}},
		{"a config of another host", func(p *patient) { p.Node.Name = "lb2" }},
		{"peers in trouble", func(p *patient) {
			p.Peers = nil
			for i, trouble := range []PeerTrouble{PeerRefuses, PeerSilent, PeerStranger, PeerUnasked, PeerOther} {
				p.Peers = append(p.Peers, Peer{Name: fmt.Sprint("lb", i+2), Address: p.Cluster.Peers[1].Address, Trouble: trouble, Error: "why"})
			}
		}},
		{"a peer that differs", func(p *patient) {
			o := &p.Peers[0]
			o.Version, o.Heartbeat, o.Fence, o.Unfenced, o.Disk = "v0.9.0", "1s", "lifetime", "tcx is full", "no space left"
		}},
		{"a peer with another config", func(p *patient) { p.Peers[0].Differs = []string{"cluster.preempt is true there, and false here"} }},
		{"a peer whose clock is fast", func(p *patient) { p.Peers[0].Ahead, p.Peers[0].Doubt = 5*time.Second, time.Second }},
		{"a peer whose clock is slow", func(p *patient) { p.Peers[0].Ahead, p.Peers[0].Doubt = -5*time.Second, time.Second }},
		{"a peer whose clock may be right", func(p *patient) { p.Peers[0].Ahead, p.Peers[0].Doubt = 2*time.Second, time.Second }},
		{"a witness without a fence", func(p *patient) { p.Peers[0].Fence, p.Cluster.Peers[1].Witness = "lifetime", true }},
		{"peers far away", func(p *patient) { p.Peers[0].RTT, p.Peers[1].RTT = 120*time.Millisecond, 130*time.Millisecond }},
		{"peers not near", func(p *patient) { p.Peers[0].RTT, p.Peers[1].RTT = 90*time.Millisecond, 130*time.Millisecond }},
		{"one peer far away", func(p *patient) { p.Peers[1].RTT = time.Second }},
		{"a switch with a smaller MTU", func(p *patient) { p.Peers[0].Large, p.Peers[0].MSS = PassageShut, 1000 }},
		{"a switch with a smaller MTU, over IPv6", func(p *patient) {
			p.Peers[0].Address = netip.MustParseAddrPort("[2001:db8::2]:7400")
			p.Peers[0].Large = PassageShut
		}},
		{"a peer with a smaller MTU", func(p *patient) { p.Peers[0].Large, p.Peers[0].MSS = PassageUnknown, 1348 }},
		{"nothing known of an MTU", func(p *patient) { p.Peers[0].Large, p.Peers[0].MSS = PassageUnknown, 0 }},
	}
}

func illnessesOnTheWire() []illness {
	return []illness{
		{"nobody listens", func(p *patient) { p.Wire = Wire{Failed: "operation not permitted"} }},
		{"a router like ours", func(p *patient) { p.hear(func(*Heard) {}) }},
		{"a router of another VRID", func(p *patient) {
			p.hear(func(h *Heard) { h.VRID, h.Addresses = 52, []netip.Addr{netip.MustParseAddr("198.18.1.201")} })
		}},
		{"a router of another VRID with our address", func(p *patient) { p.hear(func(h *Heard) { h.VRID = 52 }) }},
		{"a router of our VRID with other addresses", func(p *patient) {
			p.hear(func(h *Heard) { h.Addresses = []netip.Addr{netip.MustParseAddr("198.18.1.201")} })
		}},
		{"a router with our source", func(p *patient) { p.hear(func(h *Heard) { h.From = netip.MustParseAddr("198.18.1.1") }) }},
		{"a router of another version", func(p *patient) { p.hear(func(h *Heard) { h.Version, h.Interval = 2, 7*time.Second }) }},
		{"a router that is slower", func(p *patient) { p.hear(func(h *Heard) { h.Interval = 3 * time.Second }) }},
		{"a router that is slower, version 2", func(p *patient) {
			p.VRRP[0].Version = 2
			p.hear(func(h *Heard) { h.Version, h.Interval = 2, 3*time.Second })
		}},
		{"a router with a password", func(p *patient) {
			p.VRRP[0].Version = 2
			p.hear(func(h *Heard) { h.Version, h.Auth = 2, "pass" })
		}},
		{"a router with an authentication header", func(p *patient) {
			p.VRRP[0].Version, p.VRRP[0].Auth.Kind = 2, "pass"
			p.hear(func(h *Heard) { h.Version, h.Header = 2, true })
		}},
		{"a router that sends to single peers", func(p *patient) { p.hear(func(h *Heard) { h.Unicast = true }) }},
		{"a router that owns the addresses, too", func(p *patient) {
			p.VRRP[0].Priority = 255
			p.hear(func(h *Heard) { h.Priority = 255 })
		}},

		{"the owner has the VIP", func(p *patient) { p.claim("198.18.0.100", "02:00:00:00:02:00") }},
		{"another interface has the VIP", func(p *patient) { p.claim("198.18.0.100", "02:00:00:00:00:02") }},
		{"the virtual MAC has the VIP", func(p *patient) { p.claim("198.18.1.200", "00:00:5e:00:01:33") }},
		{"the master has the VIP", func(p *patient) {
			p.hear(func(*Heard) {})
			p.claim("198.18.1.200", "02:00:00:00:02:01")
		}},
		{"somebody has the VIP", func(p *patient) { p.claim("198.18.0.100", "02:00:00:00:09:09") }},
		{"somebody has the VIP that we have", func(p *patient) {
			p.face("eth0").Addresses = append(p.face("eth0").Addresses, prefixes("198.18.0.100/24")...)
			p.claim("198.18.0.100", "02:00:00:00:02:00")
		}},

		{"keepalived with our VRID", func(p *patient) {
			p.Processes = append(p.Processes, Process{PID: 12, Name: "keepalived", Instances: []instance{{"eth1", 51}}})
		}},
		{"keepalived with another VRID", func(p *patient) {
			p.Processes = append(p.Processes, Process{PID: 12, Name: "keepalived", Instances: []instance{{"eth1", 52}}})
		}},
		{"another VRRP daemon", func(p *patient) { p.Processes = append(p.Processes, Process{PID: 13, Name: "vrrpd"}) }},
		{"a socket of another program", func(p *patient) {
			p.Sockets = []Socket{{PID: 14, Name: "python3"}, {PID: 13, Name: "vrrpd"}, {UID: 5}}
			p.Processes = append(p.Processes, Process{PID: 13, Name: "vrrpd"})
		}},
		{"a socket of another program, without routers", func(p *patient) {
			p.Sockets, p.VRRP = []Socket{{PID: 14, Name: "python3"}}, nil
		}},
		{"process checks that do not see others", func(p *patient) {
			p.Checks, p.Processes[0].Alone = []config.Check{{Name: "haproxy", Kind: "process"}}, true
		}},
		{"process checks that see others", func(p *patient) { p.Checks = []config.Check{{Name: "haproxy", Kind: "process"}} }},
		{"other checks", func(p *patient) {
			p.Checks, p.Processes[0].Alone = []config.Check{{Name: "haproxy", Kind: "tcp"}}, true
		}},
		{"process checks of root", func(p *patient) {
			p.Checks, p.Processes[0].Alone = []config.Check{{Name: "haproxy", Kind: "process"}}, true
			p.Processes[0].Caps |= 1 << unix.CAP_SYS_PTRACE
		}},
		{"two of perch", func(p *patient) {
			second := p.Processes[0]
			second.PID = 78
			p.Processes = append(p.Processes, second)
		}},
		{"too slow", func(p *patient) { p.Late = []string{"data_dir /var/lib/perch"} }},
	}
}

func said(all []Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s: %s %s\n    %s\n", f.Severity, f.Subject, f.Text, f.Command)
	}
	return b.String()
}

func TestHost(t *testing.T) {
	var got strings.Builder
	for _, i := range illnesses() {
		p := newHost()
		i.make(p)
		fmt.Fprintf(&got, "# %s\n%s\n", i.name, said(Examine(p.Config, p.Facts)))
	}
	p := newHost()
	p.Fencing.BPF, p.NoTables, p.Facts.Clock.Source, p.Keepers.Managed = "no CAP_BPF", true, "hpet", []string{"eth0"}
	fmt.Fprintf(&got, "# no config\n%s", said(ExamineUnconfigured("/etc/perch/perch.toml", p.Facts)))
	if *update {
		must(t, os.WriteFile(hostFile, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(hostFile)
	must(t, err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got), rewritten by -update:\n%s", hostFile, diff)
	}
}

// followTime has time taken from the leader, by a chronyd that is as it should be.
func (p *patient) followTime() {
	p.Config.Clock = &config.Clock{SourcesDir: "/etc/chrony/sources.d", Chronyc: "/usr/bin/chronyc", Socket: "/run/chrony/chronyd.sock"}
	p.Rights.Caps |= 1 << unix.CAP_SYS_PTRACE
	p.Processes = append(p.Processes, Process{PID: 9, Name: "chronyd"})
	p.Chrony = Chrony{Conf: "/etc/chrony/chrony.conf", Allows: true, Sources: []string{"/etc/chrony/sources.d"}}
}
