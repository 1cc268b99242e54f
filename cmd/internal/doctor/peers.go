package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Peer is what came of asking another node.
type Peer struct {
	Name      string
	Address   netip.AddrPort
	Trouble   PeerTrouble
	Error     string // of it
	Version   string
	Heartbeat string
	Fence     string
	Unfenced  string
	Disk      string        // why it cannot write its log
	Differs   []string      // what it has otherwise than the config, where all are to have the same
	Ahead     time.Duration // how far its wall clock is ahead of this one's
	Doubt     time.Duration // give or take
	RTT       time.Duration // the shortest that TCP has seen; 0 if not known
	MSS       int           // how much of a segment this host may send it; 0 likewise
	Large     Passage       // of what is as large as the interface allows
	Size      int           // of that, in bytes
}

// PeerTrouble is why a peer did not answer.
type PeerTrouble int

// The troubles.
const (
	PeerAnswers  PeerTrouble = iota
	PeerRefuses              // nobody listens there
	PeerSilent               // no answer in time
	PeerStranger             // it has another secret or cluster, or does not know this node
	PeerUnasked              // this node has not what it takes to ask: its secret, its address
	PeerOther
)

// Passage is whether a packet came through.
type Passage int

// What came of sending one.
const (
	PassageUnknown Passage = iota
	PassageOpen
	PassageShut // and a small one came through
)

// tryPeers asks all peers, and finds out how large a packet may be that goes to them.
func tryPeers(ctx context.Context, c *config.Config, p Probes, known Facts) func(*Facts) {
	if c.Cluster == nil {
		return nil
	}
	peers := p.AskPeers(ctx, c)
	var tried sync.WaitGroup
	for i := range peers {
		if face, ok := known.facing(peers[i].Address.Addr()); ok && peers[i].Trouble == PeerAnswers {
			tried.Go(func() { peers[i].Size, peers[i].Large = face.MTU, tryPassage(ctx, peers[i].Address.Addr(), face.MTU) })
		}
	}
	tried.Wait()
	return func(f *Facts) { f.Peers = peers }
}

// peers finds those with whom there is no cluster, or no good one.
func peers(c *config.Config, f Facts) (all []Finding) {
	if c.Cluster == nil {
		return nil
	}
	all = append(all, ownAddress(c, f)...)
	for _, p := range f.Peers {
		all = append(all, p.absent(f)...)
		if p.Trouble == PeerAnswers {
			all = append(all, p.differs(c, f)...)
		}
		all = append(all, p.narrow(f)...)
	}
	return append(all, distant(c, f)...)
}

// ownAddress finds that the address of this node is not here.
func ownAddress(c *config.Config, f Facts) []Finding {
	self, ok := c.Cluster.Peer(c.Node.Name)
	if !ok || f.own(self.Address.Addr()) || len(f.Interfaces) == 0 || self.Address.Addr().IsUnspecified() {
		return nil
	}
	return []Finding{{
		Error, self.Address.Addr().String(), "is not on this host, and the config has it for " + self.Name + ", this node: its peers cannot reach it", "ip -brief address",
	}}
}

// absent is about a peer that does not answer.
func (p Peer) absent(f Facts) []Finding {
	port := fmt.Sprint(p.Address.Port())
	subject := p.Name + " at " + p.Address.String()
	switch p.Trouble {
	case PeerRefuses:
		return []Finding{{Warning, subject, "refuses connections: no perch runs there, or a firewall rejects TCP port " + port, "ssh " + p.Address.Addr().String() + " systemctl status perch"}}
	case PeerSilent:
		return []Finding{{Warning, subject, "does not answer: it is down, or something on the way drops TCP port " + port, "ping -c 3 " + p.Address.Addr().String()}}
	case PeerStranger:
		return []Finding{{
			Error, subject, "answers and is no peer: " + p.Error, "ssh " + p.Address.Addr().String() + " perch check",
		}}
	case PeerUnasked:
		return []Finding{{Hint, subject, "could not be asked from here: " + p.Error, f.again()}}
	case PeerOther:
		return []Finding{{Warning, subject, "gave no answer: " + p.Error, "ssh " + p.Address.Addr().String() + " perch status"}}
	}
	return nil
}

// differs is about what a peer says of itself.
func (p Peer) differs(c *config.Config, f Facts) (all []Finding) {
	there := "ssh " + p.Address.Addr().String() + " "
	if ours := c.Cluster.Heartbeat.String(); p.Heartbeat != "" && p.Heartbeat != ours {
		all = append(all, Finding{
			Error, p.Name, "runs with heartbeat " + p.Heartbeat + ", and this config has " + ours + ": the time of a failover is then anybody's guess; restart each node with the same",
			there + "perch check",
		})
	}
	for _, what := range p.Differs {
		all = append(all, Finding{Warning, p.Name, "differs from this config, where all nodes are to have the same: " + what, there + "perch check"})
	}
	if off := p.Ahead.Abs(); off-p.Doubt > skewLimit {
		all = append(all, Finding{
			Warning, p.Name, fmt.Sprintf("has a wall clock that is %s %s this one's: logs, certificates and signatures go by it, no lease does", brief(off), side(p.Ahead)), there + "chronyc tracking",
		})
	}
	if p.Version != f.Version {
		all = append(all, Finding{
			Hint, p.Name, "runs version " + p.Version + " of perch, and this one is " + f.Version + ": have the same on all nodes once an upgrade is over", there + "perch version",
		})
	}
	if p.Unfenced != "" {
		all = append(all, Finding{Error, p.Name, "may not hold VIPs, its fence does not hold: " + p.Unfenced, there + "perch doctor"})
	}
	if slices.Contains([]string{"lifetime", "off"}, p.Fence) && p.Fence != c.Cluster.Fence && !isWitness(c, p.Name) {
		all = append(all, Finding{
			Warning, p.Name, "has the fence " + p.Fence + ": when it dies or freezes it may answer for the VIPs beside its successor", there + "perch doctor",
		})
	}
	if p.Disk != "" {
		all = append(all, Finding{Error, p.Name, "cannot write its log: " + p.Disk, there + "perch doctor"})
	}
	return all
}

// skewLimit is how far wall clocks may differ.
const skewLimit = time.Second

func side(ahead time.Duration) string {
	if ahead < 0 {
		return "behind"
	}
	return "ahead of"
}

func isWitness(c *config.Config, name string) bool {
	p, _ := c.Cluster.Peer(name)
	return p.Witness
}

// distant finds that the lease cannot outlast its renewal, which takes the answers of the
// nearest peers that make a majority with this node.
func distant(c *config.Config, f Facts) []Finding {
	var trips []time.Duration
	for _, p := range f.Peers {
		if p.RTT > 0 {
			trips = append(trips, p.RTT)
		}
	}
	others := len(c.Cluster.Peers) / 2 // beside this node
	if others == 0 || len(trips) < others || f.Lease == 0 {
		return nil
	}
	slices.Sort(trips)
	rtt, heartbeat := trips[others-1], c.Cluster.Heartbeat
	lease := f.Lease
	left := lease - 2*rtt - heartbeat/5
	mend := f.edit(`failover = "wan" in [cluster], on all nodes; or a longer heartbeat`)
	text := fmt.Sprintf("are %s away and back, so that with a heartbeat of %s the lease of %s leaves %s for pauses: ",
		brief(rtt), heartbeat, brief(lease), brief(max(left, 0)))
	switch {
	case left <= 0:
		return []Finding{{Error, "the peers", text + "the VIPs go dark again and again", mend}}
	case left < heartbeat/5:
		return []Finding{{Warning, "the peers", text + "they go dark when a node is busy", mend}}
	}
	return nil
}

const (
	tcpOverIPv4 = 40 + 12 // headers, with the timestamps that the kernel sends
	tcpOverIPv6 = 60 + 12

	echoOverIPv4 = 20 + 8
	echoOverIPv6 = 40 + 8
)

// narrow finds a way to a peer that has not the room that this end has.
func (p Peer) narrow(f Facts) (all []Finding) {
	i, ok := f.facing(p.Address.Addr())
	if !ok {
		return nil
	}
	room, headers := i.MTU-tcpOverIPv4, echoOverIPv4
	if p.Address.Addr().Is6() {
		room, headers = i.MTU-tcpOverIPv6, echoOverIPv6
	}
	if p.Large == PassageShut {
		all = append(all, Finding{
			Warning, i.Name, fmt.Sprintf("has an MTU of %d, and packets of %d bytes do not get to %s: connections hang as soon as much is sent", i.MTU, p.Size, p.Name),
			fmt.Sprintf("ping -M do -s %d -c 3 %s", p.Size-headers, p.Address.Addr()),
		})
	}
	if p.MSS > 0 && p.MSS < room && p.Large != PassageShut {
		all = append(all, Finding{
			Warning, i.Name, fmt.Sprintf("has an MTU of %d, and %s takes segments of %d bytes, where this end has room for %d: their interfaces differ, or something on the way is smaller",
				i.MTU, p.Name, p.MSS, room),
			"ip link show " + i.Name,
		})
	}
	return all
}

// facing returns the interface in whose subnet an address is.
func (f Facts) facing(a netip.Addr) (Interface, bool) {
	at := slices.IndexFunc(f.Interfaces, func(i Interface) bool { return !i.Loopback && i.reaches(a) })
	if at < 0 {
		return Interface{}, false
	}
	return f.Interfaces[at], true
}
