package daemon

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// hasRouters tells whether a config has anything that is done outside of a cluster.
func hasRouters(cfg *config.Config) bool {
	s := cfg.Static
	return len(cfg.VRRP)+len(s.Addresses)+len(s.Routes)+len(s.Rules) > 0
}

// ledgerOfRouters is the file that remembers what VRRP mode may have put into the kernel.
const ledgerOfRouters = "vrrp-vips.json"

// leftRouters tells whether there were virtual routers in an earlier run, which may have
// left something.
func leftRouters(dataDir string) bool {
	_, err := os.Stat(filepath.Join(dataDir, ledgerOfRouters))
	return err == nil
}

// virtualRouter is one virtual router of the config, with what follows from it.
type virtualRouter struct {
	config.VirtualRouter
	Group  string    // its sync group, or ""
	Device string    // where its virtual MAC is, or ""
	VIPs   []vip.VIP // that its master holds
	dress  dress     // of those VIPs
	Routes []route.Route
	Rules  []route.Rule
	refs   []reference // to checks, also those of its sync group
}

// virtualRoutersOf returns the virtual routers of a config, in its order.
func virtualRoutersOf(cfg *config.Config) []virtualRouter {
	devices := cfg.Devices()
	list := make([]virtualRouter, len(cfg.VRRP))
	for i, r := range cfg.VRRP {
		v := virtualRouter{VirtualRouter: r, Group: cfg.SyncGroup(r.Name), Device: devices[i], dress: dress{}}
		for _, a := range slices.Concat(r.Addresses, r.ExcludedAddresses) {
			held := vip.VIP{Address: a.Prefix, Interface: v.carrier(a)}
			v.VIPs = append(v.VIPs, held)
			v.dress.put(held, a)
		}
		v.Routes, v.Rules = routesOf(r.Routes), rulesOf(r.Rules)
		v.refs = referencesOf(r.Track, trackOf(cfg, v.Group))
		list[i] = v
	}
	return list
}

// trackOf returns what counts for each member of a sync group.
func trackOf(cfg *config.Config, group string) []config.Track {
	for _, g := range cfg.SyncGroups {
		if g.Name == group {
			return g.Track
		}
	}
	return nil
}

// carrier is the interface that carries an address. One with a virtual MAC is for the
// family of that MAC only.
func (v *virtualRouter) carrier(a config.Address) string {
	switch {
	case a.Interface != "":
		return a.Interface
	case v.Device != "" && a.Prefix.Addr().Is6() == v.IPv6():
		return v.Device
	}
	return v.Interface
}

// below is the interface by which what is sent to a VIP comes to this node.
func (v *virtualRouter) below(held vip.VIP) string {
	if held.Interface == v.Device {
		return v.Interface
	}
	return held.Interface
}

// instance is the router as package vrrpnet runs it.
func (v *virtualRouter) instance(auth vrrp.Authentication, lease vrrpnet.Lease) vrrpnet.Instance {
	i := vrrpnet.Instance{
		Name:       v.Name,
		Interface:  v.Interface,
		Device:     v.Device,
		Own:        vrrpnet.OwnMAC(v.VirtualMACAddress),
		IPv6:       v.IPv6(),
		Plain:      !v.VirtualMACAdverts,
		IgnoreLink: !v.TrackOwnInterface,
		Group:      v.Group,
		Lease:      lease,
		Router: vrrp.Config{
			Version:      vrrp.Version(v.Version),
			Priority:     uint8(v.Priority),
			Interval:     v.AdvertInterval,
			Source:       v.Source,
			Preempt:      v.Preempt,
			PreemptDelay: v.PreemptDelay,
			StartDelay:   v.StartDelay,
			Reticent:     !v.AnswerLower,
			Concede:      v.AnswerHigher,
		},
		Wire: v.wire(),

		LinkDownDelay: v.LinkDownDelay,
		LinkUpDelay:   v.LinkUpDelay,
		TrackSource:   v.TrackSource,
	}
	i.Wire.Auth = auth
	for _, held := range v.VIPs {
		i.Held = append(i.Held, held.Address.Addr())
	}
	if len(v.UnicastPeers) > 0 {
		i.Device = "" // adverts to peers come from where the peers know this node
	}
	return i
}

// wire is how the router's adverts look, but for what authenticates them.
func (v *virtualRouter) wire() vrrp.WireConfig {
	w := vrrp.WireConfig{
		Version:  vrrp.Version(v.Version),
		VRID:     uint8(v.VRID),
		Interval: v.AdvertInterval,
		Source:   v.Source,
		Checksum: checksums[v.Checksum],
		TTL:      uint8(v.UnicastTTL),

		Multicast: v.MulticastGroup,
		Auth:      vrrp.Authentication{Kind: authKinds[v.Auth.Kind]},
	}
	for _, p := range v.UnicastPeers {
		w.Peers = append(w.Peers, vrrp.Peer{Address: p.Address, MinTTL: uint8(p.MinTTL), MaxTTL: uint8(p.MaxTTL)})
	}
	for _, a := range v.Addresses {
		w.Addresses = append(w.Addresses, a.Prefix.Addr())
	}
	return w
}

var authKinds = map[string]vrrp.Auth{"pass": vrrp.Password, "ah": vrrp.AH}

var checksums = map[string]vrrp.Checksum{
	"auto": vrrp.Auto, "pseudo-header": vrrp.WithPseudoHeader, "message-only": vrrp.WithoutIt,
}
