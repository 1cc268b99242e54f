package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// member is this node's part in the raft cluster, which decides who holds the VIPs.
type member struct {
	node   *cluster.Node
	vips   *vip.Manager
	holder *holder
	peers  *api.PeerClient

	hearsay   *hearsay
	sightings sightings
	teller    *teller
	overseer  *overseer
	clock     *clock.Keeper

	telling sync.Mutex  // guards what follows
	told    notify.Kind // what users were told last of the ownership

	owned atomic.Uint64 // the last term in which a converge hook was to be run for the owner
}

// stopLimit bounds the hand-over when the daemon is stopped, one that was under
// way already included. Who stops it does not wait for ever: Docker kills after 10 s.
const stopLimit = 5 * time.Second

// openMember makes the parts of a cluster's member. It starts nothing.
func (d *daemon) openMember(cfg *config.Config, credentials *cluster.Credentials) (err error) {
	m := &member{hearsay: newHearsay()}
	if m.node, err = cluster.Open(d.clusterConfig(cfg, credentials)); err != nil {
		return err
	}
	m.holder = newHolder(m.node, d.fence, d.situation, d.log)
	m.holder.record = d.recordChange
	if d.herald != nil && !cfg.BGP.Anycast {
		m.holder.told = d.herald.announce
	}
	m.vips, err = vip.New(vip.Options{
		Ledger:   filepath.Join(cfg.Node.DataDir, "vips.json"),
		Lifetime: lifetime,
		Fenced:   d.backstopped,
		Allowed:  func(vip.VIP) bool { return m.holder.allowed() },
		Guard:    d.fence.Guard,
		NoRanges: noRanges(d.fence.Kind()),
		Schedule: d.paceOf,
		Company:  &d.company,
		Log:      d.log.With("part", "vip"),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("open the kernel's address interface: %w", err), m.node.Close())
	}
	m.holder.vips = m.vips
	m.peers = api.NewPeerClient(m.node.DialPeer)
	d.member = m
	m.teller, m.overseer, m.clock = d.teller(), d.overseer(), d.openClock(cfg)
	return nil
}

// backstopped tells whether the lifetime of a VIP's address is but a backstop: the fence ends
// the answering of a node that is dead. It does not end a route by BGP, which goes with the
// address. And that of nftables may not last: who restarts a firewall flushes it, also the
// one of a dead node, which would answer again.
func (d *daemon) backstopped(vip.VIP) bool {
	return isBackstop(d.fence, d.herald != nil && d.anycast == nil)
}

func isBackstop(f lasting, routed bool) bool {
	return f.StrictLeases() && f.Trouble() == nil && !routed
}

// lasting is what there is to know of a fence here.
type lasting interface {
	StrictLeases() bool // of bpf alone
	Trouble() error
}

// noRanges says why a node with a fence of a kind may hold no ranges.
func noRanges(kind fence.Kind) error {
	if kind == fence.Lifetime || kind == fence.Off {
		return fmt.Errorf("fence %s does not end a route: a range takes bpf or nftables", kind)
	}
	return nil
}

// paceOf is how a VIP of the cluster is announced.
func (d *daemon) paceOf(v vip.VIP) vip.Pace {
	limit := d.config().Cluster.AnnounceRate
	if v.Kind == vip.Range {
		return vip.Pace{Rate: limit}
	}
	return vip.Pace{LinkRate: limit}
}

func (d *daemon) clusterConfig(cfg *config.Config, credentials *cluster.Credentials) cluster.Config {
	c := cluster.Config{
		Name:        cfg.Cluster.Name,
		Node:        cfg.Node.Name,
		Heartbeat:   cfg.Cluster.Heartbeat,
		Dir:         filepath.Join(cfg.Node.DataDir, "raft"),
		Credentials: credentials,
		Release:     func() error { return d.member.holder.release() },
		Linger:      linger(d.fence.Kind()),
		Sick:        d.isSick,
		Log:         d.log,
	}
	for _, p := range cfg.Cluster.Peers {
		c.Peers = append(c.Peers, cluster.Peer(p))
	}
	return c
}

// runMember starts the parts of a cluster's member, which end with the context.
func (d *daemon) runMember(g *crew, parts context.Context) {
	m := d.member
	g.Go(func() error { return m.node.Run(parts) })
	g.Go(func() error { return m.vips.Run(parts) })
	g.Go(func() error { return m.holder.run(parts) })
	g.Go(func() error { return m.holder.follow(parts) })
	g.Go(func() error { return m.teller.run(parts) })
	g.Go(func() error { return m.overseer.run(parts) })
	g.Go(func() error { return m.clock.Run(parts) })
	g.Go(func() error { return scribe(parts, m.holder.claims, m.node.Claim, d.log) })
	g.Go(func() error { return mover(parts, m.holder.moves, d.moveAway, d.log) })
	g.Go(func() error { return api.Serve(parts, m.node.PeerListener(), api.PeerHandler(peerSide{d}), d.log) })
}

// leave hands over, if this node leads and another can take over, and releases.
// The VIPs stay until the hand-over releases them, and do not come back if it
// fails. It does not wait for the hand-over longer than stopLimit, or than the
// other parts run.
func (d *daemon) leave(parts context.Context) error {
	d.member.holder.leave()
	ctx, cancel := context.WithTimeout(parts, stopLimit)
	defer cancel()
	done := make(chan struct{})
	go func() { // left behind when it takes too long: the process is about to end
		defer close(done)
		d.handOverAtEnd(ctx)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.log.Warn("stopping without a hand-over", "error", fmt.Errorf("not done: %w", ctx.Err()))
	}
	return d.member.holder.stop()
}

// handOverAtEnd hands over. One that is under way already is waited for.
func (d *daemon) handOverAtEnd(ctx context.Context) {
	move := cluster.Move{To: d.anyone(), Reason: state.Stopped(d.name())}
	winner, err := d.handOver(moveStop, move)
	for errors.Is(err, cluster.ErrTransferring) && ctx.Err() == nil {
		pause(ctx, 10*time.Millisecond)
		winner, err = d.handOver(moveStop, move)
	}
	switch {
	case ctx.Err() != nil: // nobody waits for it any more
	case err == nil:
		d.log.Info("handed over", "to", winner)
		d.member.node.AwaitClaim(ctx)
	case !errors.Is(err, cluster.ErrNotLeader):
		d.log.Warn("stopping without a hand-over", "error", err)
	}
}

// moveAway hands over because this node leads and may not own.
func (d *daemon) moveAway() error {
	winner, err := d.handOver(moveUnfit, cluster.Move{To: d.anyone(), Reason: whyMove(d.name(), d.situation())})
	if errors.Is(err, cluster.ErrNotLeader) {
		return nil
	}
	if err == nil {
		d.log.Info("handed over", "to", winner)
	}
	return err
}

// overseer hands over to where the VIPs are served best.
func (d *daemon) overseer() *overseer {
	return &overseer{
		look:  d.succession,
		now:   d.member.node.Now,
		delay: func() time.Duration { return d.config().Cluster.PreemptDelay },
		handOver: func(c course) error {
			winner, err := d.handOver(moveReasonOf(c.cause), cluster.Move{To: c.to, Reason: c.reason, Cause: c.cause})
			if err == nil {
				d.log.Info("handed over", "to", winner, "reason", c.reason)
			}
			return err
		},
		darkened: d.wake,
		log:      d.log,
		turned:   d.member.holder.turned,
		poke:     make(chan struct{}, 1),
	}
}

// teller tells the other nodes of this one's health.
func (d *daemon) teller() *teller {
	return &teller{
		peers: func() []string {
			var peers []string
			for _, p := range d.roster() {
				if p.Name != d.name() {
					peers = append(peers, p.Name)
				}
			}
			return peers
		},
		health: d.healthReport,
		tell:   d.member.peers.TellHealth,
		log:    d.log,
		pokes:  map[string]chan struct{}{},
	}
}

// situation says what speaks against this node as an owner.
func (d *daemon) situation() situation {
	self, _ := d.config().Cluster.Peer(d.name())
	return situation{
		witness:  self.Witness,
		drained:  d.member.node.Drained(d.name()),
		unfenced: d.fence.Trouble() != nil,
		dark:     d.member.overseer.dark.Load(),
	}
}

// standing is one line about a cluster's member.
func standing(view cluster.View, s situation, holding bool, vips int) string {
	switch {
	case holding && vips == 1:
		return fmt.Sprintf("owner of 1 VIP, term %d", view.Term)
	case holding:
		return fmt.Sprintf("owner of %d VIPs, term %d", vips, view.Term)
	case view.Left:
		return "no member of the cluster any more, perch join to come back"
	case !view.Quorum:
		return "no majority, no VIP is held"
	case view.Role != cluster.Leader:
		return fmt.Sprintf("standby, %s leads, term %d", view.Leader, view.Term)
	case s.witness:
		return fmt.Sprintf("leads, but is a witness and holds no VIP, term %d", view.Term)
	case s.drained:
		return fmt.Sprintf("leads, but is drained and holds no VIP, term %d", view.Term)
	case s.unfenced:
		return fmt.Sprintf("leads, but its fence does not hold and it holds no VIP, term %d", view.Term)
	case s.dark:
		return fmt.Sprintf("leads, but is sick and holds no VIP, term %d", view.Term)
	default:
		return fmt.Sprintf("leads, but holds no VIP yet, term %d", view.Term)
	}
}
