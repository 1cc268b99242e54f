//go:build ipvs

package balance

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// alone is perch on a director, without a cluster.
type alone struct {
	*lab.Daemon
	*director
	dir  string
	base string // of its config
}

// newAlone returns perch on the first director with services. It has none of their VIPs,
// which stay when it ends. It is not started.
func (b *bed) newAlone(tables string) *alone {
	b.t.Helper()
	var vips []netip.Addr
	for _, vip := range configured(modes...) {
		vips = append(vips, vip.Addr())
	}
	b.directors[0].hold(vips...)
	return b.directors[0].newPerch(`[static]
addresses = [{address = "198.18.0.120/24", interface = "eth0"}]
`, tables)
}

// newPerch writes the files of a perch whose config has base and further tables, and
// starts nothing.
func (d *director) newPerch(base, tables string) *alone {
	b := d.bed
	b.t.Helper()
	if *perchBinary == "" {
		b.t.Fatal("needs -perch")
	}
	dir := tempDir(b.t)
	a := &alone{director: d, dir: dir, base: base}
	a.Daemon = lab.NewDaemon("perch on "+d.Name, d.Host, dir, *perchBinary, "serve", "-c", filepath.Join(dir, "perch.toml"))
	must(b.t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	a.write(tables)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("log of perch on %s:\n%s", d.Name, a.LogTail(40))
		}
	})
	return a
}

func (a *alone) socket() string { return filepath.Join(a.dir, "perch.sock") }

// write writes the config with other tables.
func (a *alone) write(tables string) {
	a.bed.t.Helper()
	text := fmt.Sprintf(`[node]
name = %q
data_dir = %q
socket = %q
fence = "bpf"
log_level = "debug"

`, a.director.Name, filepath.Join(a.dir, "data"), a.socket())
	must(a.bed.t, os.WriteFile(filepath.Join(a.dir, "perch.toml"), []byte(text+a.base+tables), 0o600))
}

// stop ends the daemon in good order.
func (a *alone) stop() error {
	ctx, cancel := context.WithTimeout(a.bed.t.Context(), patience)
	defer cancel()
	return a.Terminate(ctx)
}

// reload has the daemon take over another config.
func (a *alone) reload(tables string) {
	a.bed.t.Helper()
	a.write(tables)
	ctx, cancel := context.WithTimeout(a.bed.t.Context(), patience)
	defer cancel()
	client := api.NewClient(a.socket())
	defer client.CloseIdleConnections()
	_, err := client.Reload(ctx)
	must(a.bed.t, err)
}

// weigh gives a server another weight, as an operator does.
func (a *alone) weigh(service, server string, weight uint32) {
	a.bed.t.Helper()
	ctx, cancel := context.WithTimeout(a.bed.t.Context(), patience)
	defer cancel()
	client := api.NewClient(a.socket())
	defer client.CloseIdleConnections()
	_, err := client.OrderServer(ctx, api.ServerOrder{
		ServerName: api.ServerName{Service: service, Server: server}, Order: api.OrderWeight, Weight: &weight,
	})
	must(a.bed.t, err)
}

// status asks the daemon, which may not answer yet.
func (a *alone) status() (api.Status, error) {
	ctx, cancel := context.WithTimeout(a.bed.t.Context(), patience)
	defer cancel()
	client := api.NewClient(a.socket())
	defer client.CloseIdleConnections()
	return client.Status(ctx)
}

// allAre says that the daemon runs, and has all servers in a state: a verdict of its own.
func (a *alone) allAre(state string) bool {
	status, err := a.status()
	if err != nil || status.IPVS == nil || status.IPVS.State != api.ServiceReady {
		return false
	}
	for _, service := range status.Services {
		for _, server := range service.Servers {
			if server.State != state {
				return false
			}
		}
	}
	return true
}

// shown is what perch status prints.
func (a *alone) shown() string {
	a.bed.t.Helper()
	out, err := a.run("", *perchBinary, "status", "--socket", a.socket())
	must(a.bed.t, err)
	return out
}
