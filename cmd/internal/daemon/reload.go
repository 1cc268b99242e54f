package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"sort"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
)

// reload reads the config file anew and applies its VIPs, virtual routers, services, checks,
// who is notified, the program of the end, preemption, how fast is announced, log level, where metrics are served and
// where the time is taken from.
// A file with a mistake, or secrets that cannot be read, change nothing. What stays is not
// touched. Everything else takes effect at the next start and is named in the warnings.
func (d *daemon) reload() (result api.ReloadResult, err error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	result, err = d.reloadFile()
	d.reloads.note(err, time.Now())
	d.recordReload(result, err)
	return result, err
}

// reloadFile is reload, for one at a time.
func (d *daemon) reloadFile() (api.ReloadResult, error) {
	d.systemd.reloading()
	defer d.systemd.ready()
	sourced, err := d.opts.Config()
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	fresh, warnings := sourced.Config, sourced.Warnings
	secrets, err := readSecrets(sourced)
	if err != nil { // the next start would fail
		return api.ReloadResult{}, api.Invalid(err)
	}
	entries, err := entriesOf(d.checks.host, fresh.Checks)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	serverEntries, err := entriesOf(d.serverChecks.host, fresh.ServerChecks)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	told, err := d.targets.entriesOf(fresh)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	programs, err := d.targets.nodeProgramsOf(&fresh.Node)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	hooks, err := d.hooksOf(fresh)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	old := d.config()
	if err := errors.Join(sameAnycast(old.BGP, fresh.BGP), d.asks(fresh.Checks)); err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	before := d.setup()
	applied := *old // what runs: the old settings with what is applied of the new ones
	// Who is told of what ends are those before, and of what begins those to come.
	d.notifier.Set(slices.Concat(newcomers(told, old, fresh), d.told))
	trouble, err := d.reloadParts(&applied, fresh, secrets.routers)
	if err != nil {
		d.notifier.Set(d.told)
		return api.ReloadResult{}, fmt.Errorf("reload: %w", err)
	}
	d.notifier.Set(told)
	d.told = told
	d.programs.Store(&programs) // that of the start is run at the next one
	applied.Checks, applied.Notify = fresh.Checks, fresh.Notify
	applied.IPVS, applied.Services, applied.ServerChecks = fresh.IPVS, fresh.Services, fresh.ServerChecks
	d.level.Set(fresh.Node.LogLevel)
	applied.Node.LogLevel = fresh.Node.LogLevel
	applied.Node.Listen, applied.Node.ListenNames = fresh.Node.Listen, fresh.Node.ListenNames
	d.metrics.Listen(fresh.Node.Listen)
	d.reloadClock(&applied, fresh)
	lasting := slices.Concat(pending(&applied, fresh), rewritten(d.read, secrets.files), texts(warnings))
	result := api.ReloadResult{
		Added:    missing(held(&applied), held(old)),
		Removed:  missing(held(old), held(&applied)),
		Services: changesOf(old.Services, fresh.Services),
		Warnings: slices.Concat(lasting, trouble),
	}
	// No server is to be judged by what was found of another one: checks are before servers.
	d.serverChecks.set(entriesNamed(checksServed(&applied), serverEntries))
	d.current.Store(&loaded{config: &applied, warnings: lasting})
	d.balancer.wake()
	offer(d.retune, struct{}{})
	d.converger.Set(hooks)
	d.converger.Wake()
	d.vetting.set(suspectsOf(told, hooks, &programs))
	d.checks.set(entries)
	d.heed()
	d.tellAgain(before)
	result.Warnings = append(result.Warnings, d.vetting.found()...)
	d.log.Info("config reloaded", "added", len(result.Added), "removed", len(result.Removed), "services", len(result.Services), "warnings", len(result.Warnings))
	return result, nil
}

// reloadParts applies what each part can apply, and returns what did not go well. After
// an error nothing has changed. An address is the cluster's only after the routers have
// let go of it, which is under their leases until then.
func (d *daemon) reloadParts(applied, fresh *config.Config, secrets routerSecrets) (trouble []string, err error) {
	reloadsMember, announced := d.member != nil && fresh.Cluster != nil, applied.BGP
	if err := d.reloadBGP(applied, fresh); err != nil {
		return nil, err
	}
	free := freeOf(fresh.VIPs, virtualRoutersOf(applied))
	if reloadsMember {
		if trouble, err = d.reloadMember(applied, fresh, free); err != nil {
			d.restoreBGP(announced)
			return nil, err
		}
	}
	if d.routers != nil {
		trouble = append(trouble, d.reloadRouters(applied, fresh, secrets)...)
	}
	if reloadsMember && len(free) < len(fresh.VIPs) {
		more, err := d.reloadMember(applied, fresh, fresh.VIPs)
		if err != nil {
			more = []string{"not all VIPs are the cluster's: " + err.Error()}
		}
		trouble = append(trouble, more...)
	}
	return append(trouble, d.reloadAnycast(fresh)...), nil
}

// freeOf returns those of the VIPs whose addresses no router has.
func freeOf(vips []config.VIP, routers []virtualRouter) []config.VIP {
	taken := map[netip.Addr]bool{}
	for _, r := range routers {
		for _, v := range r.VIPs {
			taken[v.Address.Addr()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(vips), func(v config.VIP) bool {
		if !v.Prefix {
			return taken[v.Address.Addr()]
		}
		for a := range taken {
			if v.Has(a) {
				return true
			}
		}
		return false
	})
}

// reloadMember applies what a cluster's member can apply, with these VIPs, and returns
// what did not go well. After an error nothing has changed.
func (d *daemon) reloadMember(applied, fresh *config.Config, vips []config.VIP) (trouble []string, err error) {
	switch err := d.member.holder.configure(vipsOf(vips)); {
	case unchanged(err):
		return nil, err
	case err != nil: // in force all the same
		trouble = append(trouble, "not all addresses are as wanted, which is tried again: "+err.Error())
	}
	applied.VIPs = vips
	cluster := *applied.Cluster
	cluster.Preempt, cluster.PreemptDelay = fresh.Cluster.Preempt, fresh.Cluster.PreemptDelay
	cluster.WhenUnhealthy, cluster.Track = fresh.Cluster.WhenUnhealthy, fresh.Cluster.Track
	cluster.AnnounceRate = fresh.Cluster.AnnounceRate
	applied.Cluster = &cluster
	return append(trouble, d.hindrances()...), nil
}

// reloadRouters applies the virtual routers and what is static, and returns what did
// not go well.
func (d *daemon) reloadRouters(applied, fresh *config.Config, secrets routerSecrets) (trouble []string) {
	defer d.routers.informOfReload(d.routers.setup.Load())
	switch err := d.routers.configure(fresh, secrets); {
	case unchanged(err):
		return []string{"the virtual routers are as they were: " + err.Error()}
	case err != nil:
		trouble = append(trouble, "not all virtual routers are as wanted, which is tried again: "+err.Error())
	}
	applied.VRRP, applied.SyncGroups, applied.Static = fresh.VRRP, fresh.SyncGroups, fresh.Static
	applied.Node.LogUnknownVRIDs = fresh.Node.LogUnknownVRIDs
	return trouble
}

// setup returns what is in force of virtual routers, nil on a node that has none.
func (d *daemon) setup() *setup {
	if d.routers == nil {
		return nil
	}
	return d.routers.setup.Load()
}

// held returns all that a config may have this node hold.
func held(cfg *config.Config) []vip.VIP {
	return slices.Concat(addressesOf(cfg), anycastOf(cfg), newSetup(cfg).vips())
}

// reloadOn reloads at SIGHUP, for whoever has no socket: systemd, people.
func (d *daemon) reloadOn(ctx context.Context, hangups <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			if _, err := d.reload(); err != nil {
				d.log.Error("config not reloaded, nothing has changed", "error", err)
			}
		}
	}
}

// pending names what differs between the running settings and the file's, and
// needs a restart.
func pending(running, file *config.Config) []string {
	var keys []string
	note := func(key string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			keys = append(keys, fmt.Sprintf("%s has changed and takes effect at the next start", key))
		}
	}
	note("node.name", running.Node.Name, file.Node.Name)
	note("node.data_dir", running.Node.DataDir, file.Node.DataDir)
	note("node.socket", running.Node.Socket, file.Node.Socket)
	note("node.net_namespace", running.Node.NetNamespace, file.Node.NetNamespace)
	note("node.log_format", running.Node.LogFormat, file.Node.LogFormat)
	if !hasRouters(running) && hasRouters(file) {
		keys = append(keys, "the first [[vrrp]] or [static] takes effect at the next start")
	}
	keys = append(keys, pendingBGP(running.BGP, file.BGP)...)
	if (running.Cluster == nil) != (file.Cluster == nil) {
		return append(keys, "[cluster] was added or taken away, which takes effect at the next start")
	}
	if running.Cluster == nil {
		note("node.fence", running.Node.Fence, file.Node.Fence)
		return keys
	}
	a, b := *running.Cluster, *file.Cluster
	note("cluster.name", a.Name, b.Name)
	if a.Heartbeat != b.Heartbeat {
		keys = append(keys, "cluster.heartbeat or cluster.failover has changed and takes effect at the next start; all nodes must have the same one")
	}
	note("cluster.fence", a.Fence, b.Fence)
	note("cluster.peer", sortedPeers(a.Peers), sortedPeers(b.Peers))
	note("cluster's secret_file, tls_* or insecure",
		[]any{a.SecretFile, a.TLSCA, a.TLSCert, a.TLSKey, a.Insecure},
		[]any{b.SecretFile, b.TLSCA, b.TLSCert, b.TLSKey, b.Insecure})
	return keys
}

func sortedPeers(peers []config.Peer) []config.Peer {
	sorted := slices.Clone(peers)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Address.Compare(sorted[j].Address) < 0 })
	return sorted
}

// missing lists the VIPs of a that are not in b.
func missing(a, b []vip.VIP) []string {
	in := map[vip.VIP]bool{}
	for _, v := range b {
		in[v] = true
	}
	var out []string
	for _, v := range a {
		if !in[v] {
			out = append(out, v.String())
		}
	}
	return out
}

// changesOf says which services a config has that another had not, or not like this, and
// which it has lost.
func changesOf(old, fresh []config.Service) []string {
	before := map[string]*config.Service{}
	for i := range old {
		before[old[i].Name] = &old[i]
	}
	var changes []string
	for i := range fresh {
		s := &fresh[i]
		switch was := before[s.Name]; {
		case was == nil:
			changes = append(changes, s.Name+" added")
		case !reflect.DeepEqual(was, s):
			changes = append(changes, s.Name+" changed")
		}
		delete(before, s.Name)
	}
	for i := range old {
		if before[old[i].Name] != nil {
			changes = append(changes, old[i].Name+" removed")
		}
	}
	return changes
}

func addressesOf(cfg *config.Config) []vip.VIP { return vipsOf(cfg.VIPs) }

func vipsOf(list []config.VIP) []vip.VIP {
	var vips []vip.VIP
	for _, v := range list {
		vips = append(vips, vipOf(v))
	}
	return vips
}

func vipOf(v config.VIP) vip.VIP {
	kind := vip.Single
	if v.Prefix {
		kind = vip.Range
	}
	return vip.VIP{Address: v.Address, Interface: v.Interface, Kind: kind}
}

func texts(warnings []config.Warning) []string {
	var out []string
	for _, w := range warnings {
		out = append(out, config.Mistake(w).String())
	}
	return out
}
