package config

import (
	"math"
	"time"
)

// The limits of the intervals that adverts of any version can carry: see
// checkInterval.
const (
	minAdvertInterval = 10 * time.Millisecond
	maxAdvertInterval = 255 * time.Second
)

// The limits of what a router may be made to wait for, and of its announcements.
const (
	maxDelay       = 1000 * time.Second
	maxLinkDelay   = 255 * time.Second
	maxGARPRepeat  = 100
	maxGARPRefresh = 24 * time.Hour
	minAuthWindow  = time.Second
	maxAuthWindow  = 1000 * time.Second
)

// tableMain is the number of the kernel's main routing table (rt_tables).
const tableMain = 254

func defaultRouter() VirtualRouter {
	return VirtualRouter{
		Version:           3,
		Priority:          100,
		AdvertInterval:    time.Second,
		Preempt:           true,
		Accept:            true,
		VirtualMACAdverts: true,
		TrackOwnInterface: true,
		UnicastTTL:        255,
		Checksum:          "auto",
		AnswerLower:       true,
		GARPRepeat:        5,
		GARPDelay:         5 * time.Second,
		GARPRefresh:       time.Minute,
		GARPRefreshRepeat: 1,
		Auth:              Auth{Kind: "none"},
	}
}

func routerKeys(r *VirtualRouter) []key {
	return []key{
		required("name", text(&r.Name, nameRule, parseName)),
		required("interface", text(&r.Interface, interfaceRule, parseInterface)),
		required("vrid", integer(&r.VRID, 1, 255)),
		optional("version", integer(&r.Version, 2, 3)),
		optional("priority", integer(&r.Priority, 1, 255)),
		optional("advert_interval", duration(&r.AdvertInterval, minAdvertInterval, maxAdvertInterval)),
		required("addresses", list(&r.Addresses, addressesRule, heldAddress)),
		optional("family", words(&r.Family, "ipv4", "ipv6")),
		optional("excluded_addresses", list(&r.ExcludedAddresses, addressesRule, heldAddress)),
		optional("preempt", boolean(&r.Preempt)),
		optional("preempt_delay", duration(&r.PreemptDelay, 0, maxDelay)),
		optional("start_delay", duration(&r.StartDelay, 0, maxDelay)),
		optional("accept", boolean(&r.Accept)),
		optional("virtual_mac", boolean(&r.VirtualMAC)),
		optional("virtual_mac_name", text(&r.VirtualMACName, deviceRule, parseDevice)),
		optional("virtual_mac_address", text(&r.VirtualMACAddress, macRule, parseMAC)),
		optional("virtual_mac_adverts", boolean(&r.VirtualMACAdverts)),
		optional("track_own_interface", boolean(&r.TrackOwnInterface)),
		optional("link_down_delay", duration(&r.LinkDownDelay, 0, maxLinkDelay)),
		optional("link_up_delay", duration(&r.LinkUpDelay, 0, maxLinkDelay)),
		optional("source", text(&r.Source, addressRule, parseAddress)),
		optional("track_source", boolean(&r.TrackSource)),
		optional("unicast_peers", list(&r.UnicastPeers, unicastPeersRule, unicastPeer)),
		optional("unicast_ttl", integer(&r.UnicastTTL, 1, 255)),
		optional("multicast_group", text(&r.MulticastGroup, groupRule, parseGroup)),
		optional("checksum", words(&r.Checksum, "auto", "pseudo-header", "message-only")),
		optional("answer_lower_priority", boolean(&r.AnswerLower)),
		optional("answer_higher_priority", boolean(&r.AnswerHigher)),
		optional("garp_repeat", integer(&r.GARPRepeat, 1, maxGARPRepeat)),
		optional("garp_delay", duration(&r.GARPDelay, 0, maxDelay)),
		optional("garp_refresh", duration(&r.GARPRefresh, 0, maxGARPRefresh)),
		optional("garp_refresh_repeat", integer(&r.GARPRefreshRepeat, 1, maxGARPRepeat)),
		optional("garp_interval", duration(&r.GARPInterval, 0, time.Second)),
		optional("garp_lower_priority_repeat", integer(&r.GARPLowerRepeat, 0, maxGARPRepeat)),
		optional("garp_lower_priority_delay", duration(&r.GARPLowerDelay, 0, maxDelay)),
		optional("auth", table(&r.Auth, authKeys)),
		optional("routes", tables(&r.Routes, defaultRoute(), routeKeys)),
		optional("rules", tables(&r.Rules, Rule{}, ruleKeys)),
		optional("track", tracks(&r.Track)),
	}
}

// unicastPeer reads an address, or a table with more than that.
func unicastPeer(p *UnicastPeer) reader {
	return textOrTable(text(&p.Address, addressRule, parseAddress), table(p, unicastPeerKeys), unicastPeerRule)
}

func unicastPeerKeys(p *UnicastPeer) []key {
	return []key{
		required("address", text(&p.Address, addressRule, parseAddress)),
		optional("min_ttl", integer(&p.MinTTL, 1, 255)),
		optional("max_ttl", integer(&p.MaxTTL, 1, 255)),
	}
}

func authKeys(a *Auth) []key {
	return []key{
		required("kind", words(&a.Kind, "none", "pass", "ah", "hmac")),
		optional("secret_file", text(&a.SecretFile, pathRule, parsePath)),
		optional("key", tables(&a.Keys, AuthKey{}, authKeyKeys)),
		optional("active", integer(&a.Active, 0, 255)),
		optional("window", duration(&a.Window, minAuthWindow, maxAuthWindow)),
		optional("mode", words(&a.Mode, "enforce", "permissive", "receive-only")),
		optional("anti_replay", words(&a.AntiReplay, "time", "monotonic")),
	}
}

func authKeyKeys(k *AuthKey) []key {
	return []key{
		required("id", integer(&k.ID, 0, 255)),
		required("file", text(&k.File, pathRule, parsePath)),
	}
}

func syncGroupKeys(g *SyncGroup) []key {
	return []key{
		required("name", text(&g.Name, nameRule, parseName)),
		required("members", texts(&g.Members, membersRule, nameRule, parseName)),
		optional("track", tracks(&g.Track)),
	}
}

func staticKeys(s *Static) []key {
	return []key{
		optional("addresses", tables(&s.Addresses, Address{}, staticAddressKeys)),
		optional("routes", tables(&s.Routes, defaultRoute(), routeKeys)),
		optional("rules", tables(&s.Rules, Rule{}, ruleKeys)),
	}
}

func defaultRoute() Route { return Route{Table: tableMain} }

func routeKeys(r *Route) []key {
	return []key{
		required("destination", text(&r.Destination, prefixRule, parsePrefix)),
		optional("via", text(&r.Via, addressRule, parseAddress)),
		optional("dev", text(&r.Dev, interfaceRule, parseInterface)),
		optional("source", text(&r.Source, addressRule, parseAddress)),
		optional("table", integer(&r.Table, 1, math.MaxUint32)),
		optional("metric", integer(&r.Metric, 0, math.MaxUint32)),
		optional("scope", words(&r.Scope, "global", "link", "host")),
		optional("onlink", boolean(&r.OnLink)),
		optional("blackhole", boolean(&r.Blackhole)),
	}
}

func ruleKeys(r *Rule) []key {
	return []key{
		optional("from", text(&r.From, prefixRule, parsePrefix)),
		optional("to", text(&r.To, prefixRule, parsePrefix)),
		optional("iif", text(&r.IIF, interfaceRule, parseInterface)),
		optional("oif", text(&r.OIF, interfaceRule, parseInterface)),
		optional("fwmark", integer(&r.FWMark, 0, math.MaxUint32)),
		optional("fwmask", integer(&r.FWMask, 1, math.MaxUint32)),
		required("table", integer(&r.Table, 1, math.MaxUint32)),
		optional("pref", integer(&r.Pref, 1, math.MaxUint32)),
	}
}
