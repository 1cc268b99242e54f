package daemon

import (
	"fmt"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// snapshotOfAll is a snapshot with the services.
func (d *daemon) snapshotOfAll() snapshot {
	s := d.snapshot()
	counted, err := d.balancer.counted()
	if err != nil {
		d.log.Debug("counters of services", "error", err)
	}
	s.services, s.ipvs = d.balancer.report(counted), d.balancer.status()
	return s
}

// serverReport returns a server as this node sees it. Who waits for the end of its
// connections is not to take it for none that they could not be counted.
func (d *daemon) serverReport(n api.ServerName) (api.ServerReport, error) {
	counted, err := d.balancer.counted()
	if err != nil {
		return api.ServerReport{}, api.NotNow(err)
	}
	report, err := serverReport(d.name(), d.balancer.report(counted), n)
	if err != nil && isWitness(d.config()) {
		return api.ServerReport{}, api.NotNow(fmt.Errorf("%s leads, and is a witness, through which no connections go", d.name()))
	}
	return report, err
}

// picture is what was decided last; nil before that.
func (b *balancer) picture() picture {
	if p := b.shown.Load(); p != nil {
		return *p
	}
	return nil
}

// counted returns what the kernel has counted, and an error if that is not known.
func (b *balancer) counted() (table, error) {
	if err := b.picture().uncounted(b.kernel.Status()); err != nil {
		return table{}, err
	}
	counted, err := b.kernel.Counters()
	if err != nil {
		return table{}, err
	}
	return newTable(counted), nil
}

// report returns the services as this node has them.
func (b *balancer) report(counted table) []api.Service {
	return b.picture().report(b.config(), counted, b.orders(), b.kernel.Status())
}

// status says how this node's kernel balances; nil where nothing is to be balanced.
func (b *balancer) status() *api.IPVS {
	cfg, kernel := b.config(), b.kernel.Status()
	out := b.picture().ipvsStatus(cfg, kernel)
	if out != nil && kernel.Ready {
		out.Foreign = append(out.Foreign, b.foreignSyncs()...)
	}
	if sync := cfg.IPVS.Sync; sync != nil && out != nil {
		want, trouble := b.syncer.status()
		out.Sync = syncOf(sync, want, trouble)
	}
	return out
}

// standing is status as far as nobody is asked for it.
func (b *balancer) standing() *api.IPVS {
	return b.picture().ipvsStatus(b.config(), b.kernel.Status())
}

// foreignSyncs names the kernel's sync daemons that somebody else started.
func (b *balancer) foreignSyncs() (names []string) {
	foreign, err := b.syncer.foreign()
	if err != nil {
		b.log.Debug("sync daemons of somebody else", "error", err)
	}
	for _, d := range foreign {
		names = append(names, d.String())
	}
	return names
}
