package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/bgp"
)

// ledgerOfBGP is the file that remembers which networks perch has announced.
const ledgerOfBGP = "bgp.json"

// settleAfter is for how long a new owner's routes are preferred: longer than those of an
// owner stay that is frozen or dead, whose addresses go with their lifetime.
const settleAfter = lifetime + afterLife + 7*time.Second

// speaker is what the daemon needs of package bgp.
type speaker interface {
	Own([]netip.Prefix) error
	Set(want []netip.Prefix, term uint64)
	Linger() error
	Stay()
	Status() bgp.Status
	Run(context.Context) error
}

// herald tells routers which VIPs this node holds. Nothing waits for it.
type herald struct {
	speaker speaker
	met     <-chan struct{}                  // closed once bgpd has told of its neighbors
	told    atomic.Pointer[map[vip.VIP]bool] // those that routers are told of
	log     *slog.Logger
	moving  sync.Mutex // held by a planned move
}

func (d *daemon) openHerald(cfg *config.Config) error {
	if cfg.BGP == nil {
		return nil
	}
	settle := settleAfter
	if cfg.BGP.Anycast {
		settle = 0 // nobody's routes are better than another's
	}
	log := d.log.With("part", "bgp")
	speaker := bgp.New(bgp.Options{
		Socket: cfg.BGP.Socket,
		ASN:    cfg.BGP.ASN,
		Ledger: filepath.Join(cfg.Node.DataDir, ledgerOfBGP),
		Settle: settle,
		Next:   d.nextTerm,
		Log:    log,
	})
	d.herald = &herald{speaker: speaker, met: speaker.Met(), log: log}
	d.checks.host.Follow(d.herald.session)
	return d.herald.configure(vipsOf(cfg.BGP.VIPs))
}

// nextTerm is that in which this node would own the VIPs, were it to take over next; 0 if
// that is not to be foreseen.
func (d *daemon) nextTerm() uint64 {
	if d.member == nil {
		return 0
	}
	v := d.member.node.View()
	if v.Role != cluster.Follower || v.Term == 0 {
		return 0
	}
	return v.Term + 1
}

func (h *herald) run(g *crew, parts context.Context) {
	g.Go(func() error { return h.speaker.Run(parts) })
}

// configure says which VIPs routers are told of.
func (h *herald) configure(vips []vip.VIP) error {
	told := make(map[vip.VIP]bool, len(vips))
	for _, v := range vips {
		told[v] = true
	}
	if err := h.speaker.Own(prefixes(vips)); err != nil {
		return fmt.Errorf("announce by BGP: %w", err)
	}
	h.told.Store(&told)
	return nil
}

// announce tells routers of those of the VIPs that they are told of, and of no other. The
// term is that of their ownership; 0 if they have no owner.
func (h *herald) announce(held []vip.VIP, term uint64) {
	told := *h.told.Load()
	var list []vip.VIP
	for _, v := range held {
		if told[v] {
			list = append(list, v)
		}
	}
	h.speaker.Set(prefixes(list), term)
}

// through does a planned move, through which routers keep a route to what is announced.
func (h *herald) through(move func() (winner string, err error)) (winner string, err error) {
	if !h.moving.TryLock() { // the move under way has seen to it
		return move()
	}
	defer h.moving.Unlock()
	if err := h.speaker.Linger(); err != nil {
		h.log.Warn("announcing through a planned move", "error", err)
	}
	winner, err = move()
	if err != nil {
		h.speaker.Stay()
	}
	return winner, err
}

// Why there is no session.
var (
	errNoAnswer    = errors.New("bgpd has not answered yet")
	errNoNeighbors = errors.New("bgpd has no neighbor")
)

// session tells why there is none with a neighbor of bgpd, or with none of them for "". At
// the start it waits until bgpd was asked once, as long as a look may take: until then there
// is nothing to make a verdict of.
func (h *herald) session(ctx context.Context, name string) error {
	select {
	case <-h.met:
	case <-ctx.Done():
	}
	return sessionOf(h.speaker.Status(), name)
}

func sessionOf(s bgp.Status, name string) error {
	var err error
	for _, n := range s.Neighbors {
		switch {
		case name != "" && name != n.Name:
		case n.Up():
			return nil
		default:
			err = fmt.Errorf("neighbor %s is in state %s", n.Name, n.State)
		}
	}
	switch {
	case s.Error != "":
		return errors.New(s.Error)
	case err != nil && name == "" && len(s.Neighbors) > 1:
		return fmt.Errorf("none of bgpd's %d neighbors is established", len(s.Neighbors))
	case err != nil:
		return err
	case len(s.Neighbors) == 0 && s.State == bgp.Pending:
		return errNoAnswer
	case len(s.Neighbors) == 0:
		return errNoNeighbors
	default:
		return fmt.Errorf("bgpd has no neighbor %s", name)
	}
}
