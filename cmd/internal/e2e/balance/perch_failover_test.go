//go:build ipvs

package balance

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// syncTable has directors tell each other of connections.
const syncTable = "\n[ipvs.sync]\ninterface = \"eth0\"\nid = 7\n"

// All open connections survive the loss of the director that perch had the VIPs on, and
// perch on the other one goes on to tell of them.
func TestPerchFailoverKeepsConnections(t *testing.T) {
	b := newBed(t)
	l := b.newBalancers(syncTable, plainOf(modes...)...)
	l.syncs(l.owner, "master sync daemon")
	l.syncs(l.spare, "backup sync daemon")
	var all guests
	for i, many := range []int{20, 20, 30, 10, 10, 10} {
		all = append(all, b.invite(many, l.services[i].address())...)
	}
	next := l.director(l.spare)
	eventually(t, "the other director knows of all connections", func() bool { return all.known(next.led()) })

	l.die(l.owner)
	l.cluster.owner(l.spare)
	for _, err := range all.talk() {
		t.Error(err)
	}
	l.syncs(l.spare, "master sync daemon")
	for _, s := range l.services {
		l.reachesAll(s)
	}
	next.has(b.want(nil, l.services...))
}

// known says that all connections are among those that a director has.
func (gs guests) known(led map[connection]netip.AddrPort) bool {
	return !slices.ContainsFunc(gs, func(g *guest) bool {
		_, known := led[g.connection()]
		return !known
	})
}

// syncs waits until a node's kernel has one daemon for connections, of that kind.
func (l *balancers) syncs(n *lab.Node, kind string) {
	l.bed.t.Helper()
	l.bed.settles(n.Name+" has a "+kind, func() string {
		daemons := strings.TrimSpace(l.director(n).ipvsadm("", "-L", "--daemon"))
		if strings.HasPrefix(daemons, kind+" (mcast=eth0, syncid=7") && !strings.Contains(daemons, "\n") {
			return ""
		}
		return daemons + " "
	})
}
