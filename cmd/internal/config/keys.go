package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// The keys of every table, in the order of docs/config.md, here and in the files
// named keys_.
// This is the one list of them: what is not there is an unknown key.

func configKeys(d *draft) []key {
	c := &d.Config
	return []key{
		optional("node", table(&c.Node, nodeKeys)),
		optional("cluster", tablePointer(&c.Cluster, defaultCluster(), clusterKeys)),
		optional("vip", tables(&c.VIPs, VIP{}, vipKeys)),
		optional("vrrp", tables(&c.VRRP, defaultRouter(), routerKeys)),
		optional("sync_group", tables(&c.SyncGroups, SyncGroup{}, syncGroupKeys)),
		optional("bgp", tablePointer(&c.BGP, defaultBGP(), bgpKeys)),
		optional("static", table(&c.Static, staticKeys)),
		optional("check", tables(&c.Checks, Check{}, checkKeys)),
		optional("ipvs", table(&c.IPVS, ipvsKeys)),
		optional("service", tables(&d.services, defaultService(), serviceKeys)),
		optional("server_group", tables(&d.groups, draftGroup{}, serverGroupKeys)),
		optional("notify", tables(&c.Notify, defaultNotify(), notifyKeys)),
		optional("clock", tablePointer(&c.Clock, defaultClock(), clockKeys)),
	}
}

// defaultNode lacks the name, whose default is this machine's host name.
func defaultNode() Node {
	return Node{
		DataDir:   "/var/lib/perch",
		Socket:    "/run/perch/perch.sock",
		Listen:    netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 7401),
		LogLevel:  slog.LevelInfo,
		LogFormat: "text",
		Fence:     "auto",

		StartTimeout: 10 * time.Second,
		StopTimeout:  10 * time.Second,
	}
}

// The limits of start_timeout and stop_timeout. The longest leaves time for the rest of an
// end, since systemd's default for all of it is 90 s.
const (
	minProgramTimeout = 100 * time.Millisecond
	maxProgramTimeout = time.Minute
)

func nodeKeys(n *Node) []key {
	return []key{
		optional("name", text(&n.Name, nameRule, parseName)),
		optional("data_dir", text(&n.DataDir, pathRule, parsePath)),
		optional("socket", text(&n.Socket, socketRule, parseSocket)),
		optional("listen", text(&n.Listen, listenRule, parseListen)),
		optional("listen_names", texts(&n.ListenNames, listenNamesRule, listenNameRule, parseListenName)),
		optional("log_level", choice(&n.LogLevel,
			option[slog.Level]{"debug", slog.LevelDebug},
			option[slog.Level]{"info", slog.LevelInfo},
			option[slog.Level]{"warn", slog.LevelWarn},
			option[slog.Level]{"error", slog.LevelError})),
		optional("log_format", words(&n.LogFormat, "text", "json")),
		optional("fence", words(&n.Fence, fences()...)),
		optional("net_namespace", text(&n.NetNamespace, namespaceRule, parseNamespace)),
		optional("start_program", texts(&n.StartProgram, argvRule, argumentRule, parseArgument)),
		optional("start_timeout", duration(&n.StartTimeout, minProgramTimeout, maxProgramTimeout)),
		optional("stop_program", texts(&n.StopProgram, argvRule, argumentRule, parseArgument)),
		optional("stop_timeout", duration(&n.StopTimeout, minProgramTimeout, maxProgramTimeout)),
		optional("program_user", text(&n.ProgramUser, userRule, parseUser)),
		optional("log_unknown_vrids", boolean(&n.LogUnknownVRIDs)),
	}
}

func fences() []string { return []string{"auto", "bpf", "nftables", "lifetime", "off"} }

// The heartbeat timeouts that failover stands for, and the limits of a free choice.
const (
	heartbeatFast   = 100 * time.Millisecond
	heartbeatNormal = 300 * time.Millisecond
	heartbeatWAN    = time.Second
	minHeartbeat    = 50 * time.Millisecond
	maxHeartbeat    = 10 * time.Second
)

// The limits of preempt_delay. A node that has just come back may go again.
const (
	minPreemptDelay = time.Second
	maxPreemptDelay = 24 * time.Hour
)

// maxAnnounceRate is more frames a second than an interface is ever to be limited to.
const maxAnnounceRate = 1_000_000

func defaultCluster() Cluster {
	return Cluster{Heartbeat: heartbeatNormal, Fence: "auto", Preempt: true, PreemptDelay: 30 * time.Second, WhenUnhealthy: "keep"}
}

func clusterKeys(c *Cluster) []key {
	return []key{
		required("name", text(&c.Name, nameRule, parseName)),
		optional("secret_file", text(&c.SecretFile, pathRule, parsePath)),
		optional("tls_ca", text(&c.TLSCA, pathRule, parsePath)),
		optional("tls_cert", text(&c.TLSCert, pathRule, parsePath)),
		optional("tls_key", text(&c.TLSKey, pathRule, parsePath)),
		optional("insecure", boolean(&c.Insecure)),
		optional("failover", choice(&c.Heartbeat,
			option[time.Duration]{"fast", heartbeatFast},
			option[time.Duration]{"normal", heartbeatNormal},
			option[time.Duration]{"wan", heartbeatWAN})),
		optional("heartbeat", duration(&c.Heartbeat, minHeartbeat, maxHeartbeat)),
		optional("fence", words(&c.Fence, fences()...)),
		optional("preempt", boolean(&c.Preempt)),
		optional("preempt_delay", duration(&c.PreemptDelay, minPreemptDelay, maxPreemptDelay)),
		optional("when_unhealthy", words(&c.WhenUnhealthy, "keep", "release")),
		optional("announce_rate", integer(&c.AnnounceRate, 0, maxAnnounceRate)),
		optional("track", tracks(&c.Track)),
		required("peer", tables(&c.Peers, defaultPeer(), peerKeys)),
	}
}

func defaultPeer() Peer { return Peer{Priority: 100} }

func peerKeys(p *Peer) []key {
	return []key{
		required("name", text(&p.Name, nameRule, parseName)),
		required("address", text(&p.Address, peerAddressRule, parsePeerAddress)),
		optional("priority", integer(&p.Priority, 1, 254)),
		optional("witness", boolean(&p.Witness)),
	}
}

// vipKeys lets addresses pass that no host has: checkVIPKind knows what kind is wanted.
func vipKeys(v *VIP) []key {
	return []key{
		required("address", text(&v.Address, vipAddressRule, parseUnicastPrefix)),
		required("interface", text(&v.Interface, interfaceRule, parseInterface)),
		optional("kind", choice(&v.Prefix, option[bool]{"address", false}, option[bool]{"prefix", true})),
	}
}
