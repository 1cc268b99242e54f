package daemon

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// Why a node does not have a service.
const (
	onTheOwner   = "the services are where the VIPs are (nodes = \"owner\")"
	notOnWitness = "a witness gets no VIP, and so none of its services"
	justBegun    = "it has just begun"
)

// report returns the services of a config with what was decided on them.
func (p picture) report(cfg *config.Config, counted table, orders state.Orders, status ipvs.Status) []api.Service {
	troubles := troublesOf(status)
	list := make([]api.Service, 0, len(cfg.Services))
	for i := range cfg.Services {
		s := &cfg.Services[i]
		shown, decided := p[s.Name]
		if !decided {
			shown = pictured{virtualService: newVirtualService(s, nil), ruling: &ruling{}}
		}
		out := describe(s, shown.outcome)
		out.Here = shown.at == here
		switch {
		case !decided:
			out.State, out.Reason = p.whyUndecided(cfg)
		case !shown.wanted:
			out.State, out.Reason = api.ServiceStandby, onTheOwner
		case !status.Ready:
			out.State, out.Reason = api.ServiceWaiting, cmp.Or(status.Waiting, justBegun)
		}
		for _, key := range shown.keys {
			if t, some := troubles[key]; some && out.State == api.ServiceReady {
				out.State, out.Reason = t.state, t.reason
			}
			out.Counters = sum(out.Counters, counted.services[key])
		}
		out.Servers = slices.Grow(out.Servers, len(shown.outcome.Members))
		for _, m := range shown.outcome.Members {
			server := counted.server(shown.virtualService, m)
			server.Since = shown.since[m.Address]
			if shown.wanted {
				server.WantedWeight = m.Weight
			}
			counted.obey(&server, orders[s.Name][server.Address])
			out.Servers = append(out.Servers, server)
		}
		list = append(list, out)
	}
	return list
}

// whyUndecided says why nothing was decided on a service, and the state that it is in.
func (p picture) whyUndecided(cfg *config.Config) (state, reason string) {
	if p != nil && isWitness(cfg) {
		return api.ServiceStandby, notOnWitness
	}
	return api.ServiceWaiting, justBegun
}

// wants tells whether the kernel is to have any service.
func (p picture) wants() bool {
	for _, s := range p {
		if s.wanted {
			return true
		}
	}
	return false
}

// uncounted returns an error if the kernel may have connections that were not counted.
func (p picture) uncounted(s ipvs.Status) error {
	if s.Ready || p != nil && !p.wants() {
		return nil
	}
	return errors.New("connections are not counted: " + cmp.Or(s.Waiting, justBegun))
}

// describe returns a service without its servers.
func describe(s *config.Service, o ipvs.Outcome) api.Service {
	out := api.Service{
		Name:      s.Name,
		Protocol:  s.Protocol,
		FWMark:    s.FWMark,
		Scheduler: s.Scheduler,
		State:     api.ServiceReady,
		Sorry:     o.Sorry,
		Quorum: api.Quorum{
			Needed:     int(o.Quorum.Needed),
			Hysteresis: s.Hysteresis,
			Weight:     int(o.Quorum.Weight),
			Up:         o.Quorum.Up,
		},
	}
	for _, address := range s.Addresses {
		out.Addresses = append(out.Addresses, address.String())
	}
	if len(out.Addresses) > 0 {
		out.Address = out.Addresses[0]
	}
	if s.SorryServer != nil {
		out.SorryServer = s.SorryServer.Address.String()
	}
	for i := range s.Servers {
		if forward := s.Servers[i].Forward; out.Forward == "" {
			out.Forward = forward
		} else if out.Forward != forward {
			out.Forward = "mixed"
		}
	}
	return out
}

// trouble is why a service is not as it is wanted.
type trouble struct{ state, reason string }

// troublesOf returns what keeps the kernel from having services as they are wanted.
func troublesOf(s ipvs.Status) map[ipvs.Key]trouble {
	found := map[ipvs.Key]trouble{}
	for _, t := range s.Failed {
		found[t.Key] = trouble{api.ServiceWaiting, t.Reason}
	}
	for _, t := range s.Blocked {
		found[t.Key] = trouble{api.ServiceBlocked, t.Reason + "; remove it, or set own_all in [ipvs]"}
	}
	return found
}

// ipvsStatus says how this node's kernel balances; nil where nothing is to be balanced.
func (p picture) ipvsStatus(cfg *config.Config, s ipvs.Status) *api.IPVS {
	if len(cfg.Services) == 0 && len(s.Problems) == 0 && s.Waiting == "" {
		return nil
	}
	reasons := s.Problems
	if s.Waiting != "" {
		reasons = slices.Concat([]string{s.Waiting}, s.Problems)
	}
	out := &api.IPVS{State: api.ServiceReady, Reason: strings.Join(reasons, "; ")}
	switch {
	case s.Ready:
	case out.Reason != "":
		out.State = api.ServiceWaiting
	default:
		out.State, out.Reason = p.whyIdle(cfg)
	}
	for _, key := range s.Foreign {
		out.Foreign = append(out.Foreign, key.String())
	}
	return out
}

// whyIdle says why nothing is wanted of the kernel, if that is so, and the state that it
// is in.
func (p picture) whyIdle(cfg *config.Config) (state, reason string) {
	switch {
	case p == nil, p.wants():
		return api.ServiceWaiting, justBegun
	case len(p) == 0:
		return p.whyUndecided(cfg)
	default:
		return api.ServiceStandby, onTheOwner
	}
}

// syncOf says what the kernel's sync daemon is; want is what it is to be, trouble why it
// is not so.
func syncOf(c *config.IPVSSync, want []ipvs.SyncDaemon, trouble string) *api.IPVSSync {
	out := &api.IPVSSync{Role: api.SyncOff, Interface: c.Interface, ID: c.ID, Reason: trouble}
	if trouble == "" && len(want) > 0 { // the master is first
		out.Role = want[0].Role.String()
	}
	return out
}
