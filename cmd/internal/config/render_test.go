package config

import (
	"fmt"
	"strings"
)

// renderer writes TOML.
type renderer struct{ strings.Builder }

func (b *renderer) line(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }

// set writes a key unless its value is what stands for none.
func set[T comparable](b *renderer, key string, v T) {
	var none T
	if v == none {
		return
	}
	switch any(v).(type) {
	case string, fmt.Stringer:
		b.line("%s = %q", key, v)
	default:
		b.line("%s = %v", key, v)
	}
}

// render writes a config as TOML, with every key.
func render(c *Config) string {
	var b renderer
	b.line("[node]\nname = %q\ndata_dir = %q\nsocket = %q", c.Node.Name, c.Node.DataDir, c.Node.Socket)
	listen := ""
	if c.Node.Listen.IsValid() {
		listen = c.Node.Listen.String()
	}
	b.line("listen = %q", listen)
	b.texts("listen_names", c.Node.ListenNames)
	set(&b, "net_namespace", c.Node.NetNamespace)
	set(&b, "log_unknown_vrids", c.Node.LogUnknownVRIDs)
	b.line("log_level = %q\nlog_format = %q", strings.ToLower(c.Node.LogLevel.String()), c.Node.LogFormat)
	b.texts("start_program", c.Node.StartProgram)
	b.texts("stop_program", c.Node.StopProgram)
	set(&b, "program_user", c.Node.ProgramUser)
	if c.Node.StartProgram != nil {
		b.line("start_timeout = %q", c.Node.StartTimeout)
	}
	if c.Node.StopProgram != nil {
		b.line("stop_timeout = %q", c.Node.StopTimeout)
	}
	if c.Cluster != nil {
		b.cluster(c.Cluster)
	} else {
		b.line("fence = %q", c.Node.Fence)
	}
	for _, v := range c.VIPs {
		b.line("[[vip]]\naddress = %q\ninterface = %q", v.Address, v.Interface)
		if v.Prefix {
			b.line("kind = \"prefix\"")
		}
	}
	if c.BGP != nil {
		b.bgp(c.BGP)
	}
	for i := range c.VRRP {
		b.router(&c.VRRP[i])
	}
	for _, g := range c.SyncGroups {
		b.line("[[sync_group]]\nname = %q\nmembers = [", g.Name)
		for _, member := range g.Members {
			b.line("%q,", member)
		}
		b.line("]")
		b.tracks(g.Track)
	}
	for _, a := range c.Static.Addresses {
		b.line("[[static.addresses]]")
		b.address(a)
	}
	b.routes("static", c.Static.Routes, c.Static.Rules)
	for i := range c.Checks {
		b.check(&c.Checks[i])
	}
	b.ipvs(c.IPVS)
	for i := range c.Services {
		b.service(&c.Services[i], c.ServerChecks)
	}
	for i := range c.Notify {
		b.notify(&c.Notify[i])
	}
	if c.Clock != nil {
		b.clock(c.Clock)
	}
	return b.String()
}

func (b *renderer) clock(c *Clock) {
	b.line("[clock]\nsources_dir = %q\nsocket = %q\nchronyc = %q\ninterval = %q\nmax_offset = %q",
		c.SourcesDir, c.Socket, c.Chronyc, c.Interval, c.MaxOffset)
}

func (b *renderer) notify(n *Notify) {
	b.line("[[notify]]")
	b.texts("on", n.On)
	b.texts("vrrp", n.VRRP)
	b.texts("sync_group", n.SyncGroups)
	b.texts("service", n.Services)
	b.texts("exec", n.Exec)
	set(b, "fifo", n.FIFO)
	b.texts("reader", n.Reader)
	if n.StatesOnReload {
		b.line("states_on_reload = true")
	}
	set(b, "user", n.User)
	if n.Exec != nil {
		b.line("arguments = %q", n.Arguments)
	}
	if n.FIFO == "" {
		b.line("timeout = %q", n.Timeout)
	}
	set(b, "webhook", n.Webhook.URL)
	set(b, "signing_secret_file", n.Webhook.SecretFile)
	set(b, "token_file", n.Webhook.TokenFile)
	set(b, "ca_file", n.Webhook.CAFile)
	b.texts("converge", n.Converge)
	set(b, "every", n.Every)
	if n.Mail.Server != "" {
		b.mail(&n.Mail)
	}
}

func (b *renderer) mail(m *Mail) {
	b.line("[notify.mail]")
	set(b, "server", m.Server)
	set(b, "from", m.From)
	b.texts("to", m.To)
	b.line("subject_prefix = %q", m.SubjectPrefix)
	set(b, "hello", m.Hello)
	set(b, "tls", m.TLS)
	set(b, "ca_file", m.CAFile)
	set(b, "user", m.User)
	set(b, "password_file", m.PasswordFile)
}

func (b *renderer) cluster(c *Cluster) {
	b.line("[cluster]\nname = %q\nheartbeat = %q\nfence = %q\npreempt = %v\npreempt_delay = %q\ninsecure = %v\nannounce_rate = %d",
		c.Name, c.Heartbeat, c.Fence, c.Preempt, c.PreemptDelay, c.Insecure, c.AnnounceRate)
	set(b, "secret_file", c.SecretFile)
	set(b, "tls_ca", c.TLSCA)
	set(b, "tls_cert", c.TLSCert)
	set(b, "tls_key", c.TLSKey)
	set(b, "when_unhealthy", c.WhenUnhealthy)
	b.tracks(c.Track)
	for _, p := range c.Peers {
		b.line("[[cluster.peer]]\nname = %q\naddress = %q\npriority = %d\nwitness = %v", p.Name, p.Address, p.Priority, p.Witness)
	}
}

func (b *renderer) bgp(c *BGP) {
	if c.Anycast {
		for _, v := range c.VIPs {
			b.line("[[vip]]\naddress = %q\ninterface = %q", v.Address, v.Interface)
		}
	}
	b.line("[bgp]\nsocket = %q\nasn = %d\nanycast = %v", c.Socket, c.ASN, c.Anycast)
	if c.Only == nil {
		return
	}
	b.line("vips = [")
	for _, a := range c.Only {
		b.line("%q,", a)
	}
	b.line("]")
}

func (b *renderer) router(r *VirtualRouter) {
	b.line("[[vrrp]]\nname = %q\ninterface = %q\nvrid = %d\nversion = %d\npriority = %d", r.Name, r.Interface, r.VRID, r.Version, r.Priority)
	b.line("advert_interval = %q\npreempt = %v\npreempt_delay = %q\nstart_delay = %q", r.AdvertInterval, r.Preempt, r.PreemptDelay, r.StartDelay)
	b.line("virtual_mac = %v\ntrack_own_interface = %v\nunicast_ttl = %d", r.VirtualMAC, r.TrackOwnInterface, r.UnicastTTL)
	set(b, "virtual_mac_name", r.VirtualMACName)
	set(b, "virtual_mac_address", r.VirtualMACAddress)
	b.line("accept = %v", r.Accept)
	b.line("virtual_mac_adverts = %v\nlink_down_delay = %q\nlink_up_delay = %q\ntrack_source = %v",
		r.VirtualMACAdverts, r.LinkDownDelay, r.LinkUpDelay, r.TrackSource)
	b.line("answer_lower_priority = %v\nanswer_higher_priority = %v", r.AnswerLower, r.AnswerHigher)
	b.line("checksum = %q\ngarp_repeat = %d\ngarp_delay = %q\ngarp_refresh = %q\ngarp_refresh_repeat = %d\ngarp_interval = %q",
		r.Checksum, r.GARPRepeat, r.GARPDelay, r.GARPRefresh, r.GARPRefreshRepeat, r.GARPInterval)
	b.line("garp_lower_priority_repeat = %d\ngarp_lower_priority_delay = %q", r.GARPLowerRepeat, r.GARPLowerDelay)
	if len(r.Addresses) == 0 {
		b.line("addresses = []")
	}
	set(b, "family", r.Family)
	set(b, "source", r.Source)
	if len(r.UnicastPeers) == 0 {
		set(b, "multicast_group", r.MulticastGroup)
	}
	b.tracks(r.Track)
	b.addresses("addresses", r.Addresses)
	b.addresses("excluded_addresses", r.ExcludedAddresses)
	for _, p := range r.UnicastPeers {
		b.line("[[vrrp.unicast_peers]]\naddress = %q", p.Address)
		set(b, "min_ttl", p.MinTTL)
		set(b, "max_ttl", p.MaxTTL)
	}
	b.routes("vrrp", r.Routes, r.Rules)
	b.auth(r.Auth)
}

func (b *renderer) addresses(key string, list []Address) {
	for _, a := range list {
		b.line("[[vrrp.%s]]", key)
		b.address(a)
	}
}

func (b *renderer) address(a Address) {
	b.line("address = %q\nprefix_route = %v", a.Prefix, !a.NoPrefixRoute)
	set(b, "interface", a.Interface)
	set(b, "label", a.Label)
	set(b, "scope", a.Scope)
	set(b, "broadcast", a.Broadcast)
	set(b, "peer", a.Peer)
	set(b, "preferred", a.Preferred)
	set(b, "home", a.Home)
	set(b, "mngtmpaddr", a.MngTmpAddrs)
}

func (b *renderer) auth(a Auth) {
	b.line("[vrrp.auth]\nkind = %q", a.Kind)
	set(b, "secret_file", a.SecretFile)
	if a.Kind != "hmac" {
		return
	}
	b.line("active = %d\nmode = %q\nanti_replay = %q", a.Active, a.Mode, a.AntiReplay)
	set(b, "window", a.Window)
	for _, k := range a.Keys {
		b.line("[[vrrp.auth.key]]\nid = %d\nfile = %q", k.ID, k.File)
	}
}

func (b *renderer) routes(table string, routes []Route, rules []Rule) {
	for _, r := range routes {
		b.line("[[%s.routes]]\ndestination = %q\ntable = %d\nmetric = %d\nscope = %q\nonlink = %v\nblackhole = %v",
			table, r.Destination, r.Table, r.Metric, r.Scope, r.OnLink, r.Blackhole)
		set(b, "via", r.Via)
		set(b, "dev", r.Dev)
		set(b, "source", r.Source)
	}
	for _, r := range rules {
		b.line("[[%s.rules]]\ntable = %d", table, r.Table)
		set(b, "from", r.From)
		set(b, "to", r.To)
		set(b, "iif", r.IIF)
		set(b, "oif", r.OIF)
		if r.FWMask != 0 {
			b.line("fwmark = %d\nfwmask = %d", r.FWMark, r.FWMask)
		}
		set(b, "pref", r.Pref)
	}
}
