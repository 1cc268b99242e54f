package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A node whose data directory is empty is either one of a new cluster, or one that
// has lost it and with it its votes. Were it to begin like a new one, two that lost
// theirs could found a second history beside the third. So a cluster is founded only
// when all nodes of the list say that they are new; whoever finds others at work
// waits to be admitted (membership.go), and has no vote before it is invited
// (invitation.go).
//
// A data directory has a birth, a random number. The founders write down each other's
// births, so that one that was asked and had not begun yet when the others did is
// told from one that has lost its directory since.

// foundingPause lies between two rounds of questions, unless one that was silent asks itself.
const foundingPause = 250 * time.Millisecond

// entry is this node on its way into the cluster.
type entry struct {
	birth    string // of the data directory
	ask      func(ctx context.Context, peer string, q question) (answer, error)
	staging  sync.Mutex                        // held while it becomes a member, or none: what is written down goes with it
	member   atomic.Bool                       // it votes and grants
	joining  atomic.Bool                       // its operator wants it to become a member
	left     atomic.Bool                       // it was one, and is none any more
	via      atomic.Pointer[string]            // HOST:PORT of a member, if its operator has named one
	met      atomic.Pointer[[]Peer]            // members that others have told of
	hindered atomic.Pointer[string]            // why Join is not done yet
	stuck    atomic.Pointer[error]             // that the group has lost its majority for good
	seeking  chan struct{}                     // a signal for seek
	callers  callers                           // while it founds the cluster
	waitsFor atomic.Pointer[string]            // before it takes part
	familiar atomic.Bool                       // with what it knew before it was started
	founders atomic.Pointer[map[string]string] // if this node founded the cluster: see keyFounders
}

// setMember makes this node one that votes, or one that does not.
func (n *Node) setMember(member bool) {
	n.member.Store(member)
	r := n.raft.Load()
	if r == nil {
		return
	}
	if err := r.ReloadConfig(n.reloadable(r.ReloadableConfig())); err != nil {
		n.cfg.Log.Error("changing the heartbeat timeout of raft", "error", err)
	}
}

// reloadable sets how long the library waits before it stands for election.
func (n *Node) reloadable(rc raft.ReloadableConfig) raft.ReloadableConfig {
	rc.HeartbeatTimeout, rc.ElectionTimeout = noElection, noElection
	if n.member.Load() {
		usual := n.cfg.raftConfig()
		rc.HeartbeatTimeout, rc.ElectionTimeout = usual.HeartbeatTimeout, usual.ElectionTimeout
	}
	return rc
}

// begin makes this node a member if it is one or founds the cluster, and leaves it a
// newcomer if it is not.
func (n *Node) begin(ctx context.Context, rc *raft.Config, trans raft.Transport) error {
	known, err := raft.HasExistingState(n.store, n.store, n.store)
	if err != nil {
		return fmt.Errorf("read state of cluster %s: %w", n.cfg.Name, err)
	}
	stage, err := n.store.note(keyStage)
	switch {
	case err != nil:
		return fmt.Errorf("read stage in cluster %s: %w", n.cfg.Name, err)
	case bytes.Equal(stage, stageNewcomer):
		return nil
	case bytes.Equal(stage, stageLeft):
		n.outside()
		return nil
	case known:
		if err := n.readFounders(); err != nil {
			return err
		}
		n.member.Store(true)
		return nil
	}
	founder, err := n.found(ctx)
	if err != nil {
		return err
	}
	if !founder {
		return n.store.setNote(keyStage, stageNewcomer)
	}
	err = raft.BootstrapCluster(rc, n.store, n.store, n.store, trans, n.cfg.bootstrap())
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		return fmt.Errorf("bootstrap cluster %s: %w", n.cfg.Name, err)
	}
	n.member.Store(true)
	n.say("")
	return nil
}

// newBirth draws a birth.
func newBirth() string {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// found asks the other nodes of the list who they are until it knows how this one
// begins: as a founder of the cluster, or as a newcomer to one at work. What it waits
// for is told by Waiting.
func (n *Node) found(ctx context.Context) (founder bool, err error) {
	var before map[string]string
	defer n.callers.end()
	for {
		n.callers.begin()
		answers, failures := n.askAll(ctx)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		switch verdict, why := n.judge(answers, failures); verdict {
		case founds:
			// The answers of a round are of different moments: two rounds must agree.
			if now := birthsOf(answers); !maps.Equal(now, before) {
				before = now
				continue
			}
			return true, n.setFounders(answers)
		case comesLater:
			return false, nil
		default:
			n.say(why)
		}
		n.callers.await(ctx, failures, foundingPause)
	}
}

func birthsOf(answers map[string]answer) map[string]string {
	births := make(map[string]string)
	for name, a := range answers {
		births[name] = a.Birth
	}
	return births
}

// verdict is how a node with an empty data directory begins.
type verdict int

const (
	notYet     verdict = iota // it has to ask again
	founds                    // with the others of the list
	comesLater                // to a cluster at work
)

// judge decides how this node begins by the answers of the others, by name, and the
// errors of those that gave none.
func (n *Node) judge(answers map[string]answer, failures map[string]error) (verdict, string) {
	own := members(n.cfg.bootstrap())
	foundersKnowUs, late := false, false
	for _, a := range answers {
		late = late || a.Late
		switch {
		case a.Member && a.Founders[n.cfg.Node] == n.birth:
			foundersKnowUs = true
		case a.Member:
			return comesLater, ""
		}
	}
	if late && !foundersKnowUs {
		return comesLater, "" // to a cluster that this node's list may have nobody of
	}
	for _, name := range sortedKeys(answers) {
		if other := answers[name].List; other != own {
			return notYet, fmt.Sprintf("cannot found the cluster: %s lists the peers %s, this node lists %s", name, other, own)
		}
	}
	switch {
	case foundersKnowUs:
		return founds, ""
	case len(failures) > 0:
		return notYet, "waits for " + withStrangers(failures) +
			": a cluster is founded once all nodes of the list are there, so that nodes that lost their data found no second one beside the others"
	}
	return founds, ""
}

// members describes a configuration.
func members(c raft.Configuration) string {
	var list []string
	for _, s := range c.Servers {
		list = append(list, fmt.Sprintf("%s at %s", s.ID, s.Address))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// askAll asks all other nodes that this one knows at once who they are.
func (n *Node) askAll(ctx context.Context) (map[string]answer, map[string]error) {
	ctx, cancel := context.WithTimeout(ctx, parleyLimit)
	defer cancel()
	var mu sync.Mutex
	var asks sync.WaitGroup
	answers, failures := make(map[string]answer), make(map[string]error)
	note := func(name string, a answer, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failures[name] = err
			return
		}
		answers[name] = a
	}
	for _, p := range n.peers() {
		if p.Name == n.cfg.Node {
			continue
		}
		asks.Go(func() {
			a, err := n.ask(ctx, p.Name, question{Birth: n.birth})
			note(p.Name, a, err)
		})
	}
	if via := n.via.Load(); via != nil {
		asks.Go(func() {
			name, a, err := n.askAt(ctx, *via, question{Birth: n.birth})
			note(name, a, err)
		})
	}
	asks.Wait()
	n.meet(answers)
	return answers, failures
}

// meet remembers the members that others tell of, which this node may not have on
// its list.
func (n *Node) meet(answers map[string]answer) {
	var met []Peer
	for _, name := range sortedKeys(answers) {
		for _, m := range answers[name].Members {
			if _, known := find(met, m.Name); !known {
				met = append(met, Peer{Name: m.Name, Address: m.Address, Priority: LowestPriority})
			}
		}
	}
	if met != nil {
		n.met.Store(&met)
	}
}

// setFounders writes down the births of all data directories that are new, this one
// among them. Of one that has begun already its own word for them counts.
func (n *Node) setFounders(answers map[string]answer) error {
	births := map[string]string{n.cfg.Node: n.birth}
	for name, a := range answers {
		births[name] = a.Birth
	}
	for _, a := range answers {
		for name, birth := range a.Founders {
			births[name] = birth
		}
	}
	data, err := json.Marshal(births)
	if err != nil {
		return fmt.Errorf("encode the founders: %w", err)
	}
	n.founders.Store(&births)
	return n.store.setNote(keyFounders, data)
}

// readFounders reads what setFounders wrote down, if it did.
func (n *Node) readFounders() error {
	data, err := n.store.note(keyFounders)
	if err != nil || data == nil {
		return err
	}
	var births map[string]string
	if err := json.Unmarshal(data, &births); err != nil {
		return fmt.Errorf("read the founders of the cluster: %w", err)
	}
	n.founders.Store(&births)
	return nil
}

// say tells what this node waits for before it takes part, once for each reason.
func (n *Node) say(what string) {
	n.readied()
	if before := n.waitsFor.Swap(&what); before == nil || *before != what {
		if what != "" {
			n.cfg.Log.Warn("this node does not take part in the cluster", "reason", what)
		}
		n.notify()
	}
}

// Waiting says what this node waits for before it takes part in the cluster, or "".
func (n *Node) Waiting() string {
	if what := n.waitsFor.Load(); what != nil {
		return *what
	}
	return ""
}
