package daemon

import (
	"errors"
	"fmt"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
)

// hooksOf returns the converge hooks of a config: one for the cluster and one for each virtual
// router that is meant.
func (d *daemon) hooksOf(cfg *config.Config) (list []notify.Hook, err error) {
	var errs []error
	for i := range cfg.Notify {
		n := &cfg.Notify[i]
		if len(n.Converge) == 0 {
			continue
		}
		name := runsAs(n.User)
		program, err := d.targets.asker(n.Converge, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("notify %s: %w", n.Converge[0], err))
			continue
		}
		hook := notify.Hook{
			Name: n.Converge[0], Node: cfg.Node.Name, Program: program, Slots: d.targets.hooks,
			Every: n.Every, Timeout: n.Timeout,
		}
		same := fmt.Sprintf("%q of %s, every %s within %s", n.Converge, name, n.Every, n.Timeout)
		for _, s := range ownedBy(cfg, n) {
			hook.Subject, hook.Goal = s, d.goalOf(s)
			hook.Key = fmt.Sprintf("%s, about %s %q", same, s.About, s.Name)
			list = append(list, hook)
		}
	}
	return list, errors.Join(errs...)
}

// ownedBy returns what a node may own that a converge is for.
func ownedBy(cfg *config.Config, n *config.Notify) (list []notify.Subject) {
	if len(n.VRRP) > 0 {
		return subjectsOf(n)
	}
	if cfg.Cluster != nil {
		list = append(list, notify.Subject{About: notify.Cluster, Name: cfg.Cluster.Name})
	}
	for i := range cfg.VRRP {
		list = append(list, aboutRouter(cfg.VRRP[i].Name))
	}
	return list
}

func (d *daemon) goalOf(s notify.Subject) func() notify.Goal {
	if s.About == notify.Cluster {
		return d.clusterGoal
	}
	return func() notify.Goal { return d.routerGoal(s.Name) }
}

// clusterGoal returns what is so of the VIPs of the cluster. The lease must run: a node that
// was frozen owns nothing, whatever it still has.
func (d *daemon) clusterGoal() notify.Goal {
	m := d.member
	if m == nil {
		return notify.Goal{}
	}
	at, term := m.holder.claim()
	g := notify.Goal{Term: term, Terms: true, VIPs: addressList(vipsOf(d.config().VIPs))}
	switch at {
	case here:
		g.State = notify.Owner
		m.owned.Store(term)
	case elsewhere:
		g.State, g.Term = notify.Standby, m.owned.Load()
	default:
		return notify.Goal{}
	}
	return g
}

// routerGoal returns what is so of a virtual router, of which there are no terms.
func (d *daemon) routerGoal(name string) notify.Goal {
	if d.routers == nil {
		return notify.Goal{}
	}
	router := d.routers.setup.Load().byName[name]
	if router == nil {
		return notify.Goal{}
	}
	g := notify.Goal{State: notify.Standby, VIPs: addressList(router.VIPs)}
	released := d.routers.stopped.Load() && d.routers.news.held(router.VIPs) == 0 // which nobody follows any more
	if !(*d.routers.were.Load())[name] || released {
		return g
	}
	g.State = notify.Owner
	for _, v := range router.VIPs {
		if d.routers.place(v) != here {
			return notify.Goal{}
		}
	}
	return g
}

func addressList(vips []vip.VIP) string {
	list := make([]string, len(vips))
	for i, v := range vips {
		list[i] = v.Address.String()
	}
	return strings.Join(list, " ")
}

// convergedOf returns how far hooks have come.
func convergedOf(hooks []notify.Convergence) (list []api.Convergence) {
	for _, h := range hooks {
		list = append(list, api.Convergence{
			Hook:      h.Hook,
			About:     string(h.Subject.About),
			Name:      h.Subject.Name,
			State:     h.State,
			Goal:      string(h.Goal.State),
			Term:      h.Goal.Term,
			Since:     h.Since,
			Error:     h.Error,
			Succeeded: h.Succeeded,
			Failed:    h.Failed,
			Last:      h.Last,
		})
	}
	return list
}

// hookAlarms names the hooks that have not converged for long.
func (s snapshot) hookAlarms() (alarms []string) {
	for _, h := range s.hooks {
		if text := h.Late(s.now); text != "" {
			alarms = append(alarms, text)
		}
	}
	return alarms
}
