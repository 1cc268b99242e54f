package daemon

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
)

// reload reads the config file anew and applies its VIPs, preemption and log level.
// A file with a mistake, or credentials that cannot be read, change nothing. VIPs
// that stay are not touched. Everything else takes effect at the next start and is
// named in the warnings.
func (d *daemon) reload() (api.ReloadResult, error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.systemd.reloading()
	defer d.systemd.ready()
	fresh, warnings, err := config.Load(d.opts.ConfigPath)
	if err != nil {
		return api.ReloadResult{}, api.Invalid(err)
	}
	_, files, err := readCredentials(fresh.Cluster, fresh.Node.Name)
	if err != nil { // the next start would fail
		return api.ReloadResult{}, api.Invalid(err)
	}
	old := d.config()
	var trouble []string
	switch err := d.member.holder.configure(addressesOf(fresh)); {
	case unchanged(err):
		return api.ReloadResult{}, fmt.Errorf("reload: %w", err)
	case err != nil: // in force all the same
		trouble = append(trouble, "not all addresses are as wanted, which is tried again: "+err.Error())
	}
	d.level.Set(fresh.Node.LogLevel)
	applied := *old // what runs: the old settings with the new VIPs
	applied.VIPs = fresh.VIPs
	cluster := *old.Cluster
	cluster.Preempt, cluster.PreemptDelay = fresh.Cluster.Preempt, fresh.Cluster.PreemptDelay
	applied.Cluster = &cluster
	applied.Node.LogLevel = fresh.Node.LogLevel
	lasting := slices.Concat(pending(&applied, fresh), rewritten(d.read, files), texts(warnings))
	result := api.ReloadResult{
		Added:    missing(fresh.VIPs, old.VIPs),
		Removed:  missing(old.VIPs, fresh.VIPs),
		Warnings: slices.Concat(lasting, trouble),
	}
	d.current.Store(&loaded{config: &applied, warnings: lasting})
	d.log.Info("config reloaded", "added", len(result.Added), "removed", len(result.Removed), "warnings", len(result.Warnings))
	return result, nil
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
	note("node.log_format", running.Node.LogFormat, file.Node.LogFormat)
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
	return slices.SortedFunc(slices.Values(peers), func(a, b config.Peer) int {
		return a.Address.Compare(b.Address)
	})
}

// missing lists the VIPs of a that are not in b.
func missing(a, b []config.VIP) []string {
	var out []string
	for _, v := range a {
		if !slices.Contains(b, v) {
			out = append(out, vip.VIP(v).String())
		}
	}
	return out
}

func addressesOf(cfg *config.Config) []vip.VIP {
	var vips []vip.VIP
	for _, v := range cfg.VIPs {
		vips = append(vips, vip.VIP(v))
	}
	return vips
}

func texts(warnings []config.Warning) []string {
	var out []string
	for _, w := range warnings {
		out = append(out, fmt.Sprintf("%s:%d:%d: %s", w.File, w.Line, w.Col, w.Text))
	}
	return out
}
