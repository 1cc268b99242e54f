package daemon

import (
	"errors"
	"fmt"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
)

func anycastOf(cfg *config.Config) []vip.VIP { return vipsOf(cfg.AnycastVIPs()) }

// errAnycast says that VIPs would have to go from one owner to all nodes, or back, while
// the other nodes do not know.
var errAnycast = errors.New("bgp.anycast has changed: restart perch for that, on all nodes")

func sameAnycast(running, file *config.BGP) error {
	is := func(b *config.BGP) bool { return b != nil && b.Anycast }
	if is(running) != is(file) {
		return errAnycast
	}
	return nil
}

// asks wants somebody to ask for checks that look at neighbors of bgpd: there is nobody until
// the first [bgp] is in force, and every node that reloads would be sick.
func (d *daemon) asks(checks []config.Check) error {
	for _, c := range checks {
		if c.Kind == "bgp" && d.herald == nil {
			return fmt.Errorf("check %s looks by the first [bgp], which takes effect at the next start: restart perch for that", c.Name)
		}
	}
	return nil
}

// reloadBGP applies which VIPs are announced. Anycast ones that are not any more go first:
// they may be the cluster's now. After an error nothing has changed.
func (d *daemon) reloadBGP(applied, fresh *config.Config) error {
	if d.herald == nil || fresh.BGP == nil {
		return nil
	}
	vips := vipsOf(fresh.BGP.VIPs)
	if d.anycast != nil {
		stay := slices.DeleteFunc(vipsOf(applied.BGP.VIPs), func(v vip.VIP) bool { return !slices.Contains(vips, v) })
		if err := d.anycast.configure(stay); unchanged(err) {
			return err
		}
	}
	if err := d.herald.configure(vips); err != nil {
		return err
	}
	bgp := *applied.BGP
	bgp.Only, bgp.VIPs, bgp.Track = fresh.BGP.Only, fresh.BGP.VIPs, fresh.BGP.Track
	applied.BGP = &bgp
	return nil
}

// restoreBGP takes back what reloadBGP has applied.
func (d *daemon) restoreBGP(was *config.BGP) {
	if d.herald == nil {
		return
	}
	err := d.herald.configure(vipsOf(was.VIPs))
	if d.anycast != nil {
		err = errors.Join(err, d.anycast.configure(vipsOf(was.VIPs)))
	}
	if err != nil {
		d.log.Error("announcing as before the reload", "error", err)
	}
}

// reloadAnycast applies the anycast VIPs, once the cluster has let go of those that were
// its own, and returns what did not go well.
func (d *daemon) reloadAnycast(fresh *config.Config) []string {
	if d.anycast == nil {
		return nil
	}
	if err := d.anycast.configure(anycastOf(fresh)); err != nil {
		return []string{"not all anycast addresses are as wanted: " + err.Error()}
	}
	return nil
}

// pendingBGP names what of [bgp] needs a restart.
func pendingBGP(running, file *config.BGP) []string {
	const later = " has changed and takes effect at the next start"
	switch {
	case (running == nil) != (file == nil):
		return []string{"[bgp] was added or taken away, which takes effect at the next start"}
	case running == nil:
		return nil
	}
	var keys []string
	if running.Socket != file.Socket {
		keys = append(keys, "bgp.socket"+later)
	}
	if running.ASN != file.ASN {
		keys = append(keys, "bgp.asn"+later)
	}
	return keys
}
