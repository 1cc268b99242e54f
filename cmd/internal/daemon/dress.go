package daemon

import (
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
)

// dress is how VIPs are put on their interfaces, for those that are not in the usual way.
type dress map[vip.VIP]vip.Attributes

var addressScopes = map[string]uint8{"link": unix.RT_SCOPE_LINK, "host": unix.RT_SCOPE_HOST}

func (d dress) put(v vip.VIP, a config.Address) {
	is := vip.Attributes{
		Label: a.Label, Scope: addressScopes[a.Scope], Broadcast: a.Broadcast, NoRoute: a.NoPrefixRoute, Peer: a.Peer,
		Preferred: a.Preferred, Home: a.Home, ManageTemp: a.MngTmpAddrs,
	}
	if is != (vip.Attributes{}) {
		d[v] = is
	}
}
