package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/events"
)

// reportLimit bounds how long a status waits for a peer that does not answer.
const reportLimit = 500 * time.Millisecond

// peerSide is the daemon as its peers see it.
type peerSide struct{ *daemon }

// NodeReport implements api.PeerBackend.
func (d peerSide) NodeReport(context.Context) (api.NodeReport, error) {
	return d.snapshot().report(), nil
}

// Transfer implements api.PeerBackend.
func (d peerSide) Transfer(_ context.Context, to string) (api.TransferResult, error) {
	return d.transfer(to, "transfer asked for by the operator")
}

// SetDrain implements api.PeerBackend.
func (d peerSide) SetDrain(ctx context.Context, node string, to api.Drain) error {
	if err := d.known(node); err != nil {
		return err
	}
	return d.drainer().here(ctx, node, to)
}

// controlSide is the daemon as the operator's commands see it: what only the
// leader can do is passed on to the leader.
type controlSide struct{ *daemon }

// Status implements api.Backend.
func (d controlSide) Status(ctx context.Context) (api.Status, error) {
	if d.member == nil {
		return d.snapshotOfAll().status(nil), nil
	}
	return d.snapshotOfAll().status(d.askPeers(ctx)), nil
}

// How long and how often a history that this node is yet to be told of is waited for.
const (
	recollectLimit = 2 * time.Second
	recollectPause = 20 * time.Millisecond
)

// errForgetful is a history of which nothing is known, which is not one without moves.
var errForgetful = errors.New("this node does not know the history: no leader has told it since it was started; see `perch status`")

// History implements api.Backend.
func (d controlSide) History(ctx context.Context) ([]api.Move, error) {
	if d.member == nil {
		return nil, api.ErrNoCluster
	}
	recollects := d.member.recollects(ctx)
	var moves []api.Move
	for _, m := range d.member.node.State().History {
		moves = append(moves, moveOf(m))
	}
	if !recollects && len(moves) == 0 {
		return nil, api.NotNow(errForgetful)
	}
	return moves, nil
}

// recollects waits until this node knows what it knew before it was started, but not for long.
func (m *member) recollects(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, recollectLimit)
	defer cancel()
	for !m.node.Recollects() {
		if ctx.Err() != nil {
			return false
		}
		pause(ctx, recollectPause)
	}
	return true
}

// Events implements api.Backend.
func (d controlSide) Events() *events.Log { return d.events }

// Transfer implements api.Backend.
func (d controlSide) Transfer(ctx context.Context, to string) (api.TransferResult, error) {
	if d.member == nil {
		return api.TransferResult{}, api.ErrNoCluster
	}
	if to != "" {
		if err := d.known(to); err != nil {
			return api.TransferResult{}, err
		}
	}
	leader, err := d.leader()
	if err != nil {
		return api.TransferResult{}, err
	}
	if leader == d.name() {
		return peerSide(d).Transfer(ctx, to)
	}
	return d.member.peers.Transfer(ctx, leader, to)
}

// SetDrain implements api.Backend.
func (d controlSide) SetDrain(ctx context.Context, node string, to api.Drain) error {
	if d.member == nil {
		return api.ErrNoCluster
	}
	if err := d.known(node); err != nil {
		return err
	}
	return d.drainer().anywhere(ctx, node, to)
}

// Reload implements api.Backend.
func (d controlSide) Reload(context.Context) (api.ReloadResult, error) { return d.reload() }

// transfer hands over from this node, which must lead, to a node or to the best one.
func (d *daemon) transfer(to, reason string) (api.TransferResult, error) {
	begin := time.Now()
	move, err := asked(d.peers(nil), to, reason)
	if err != nil {
		return api.TransferResult{}, err
	}
	winner, err := d.handOver(moveAsked, move)
	if err != nil {
		return api.TransferResult{}, refusal(err)
	}
	return api.TransferResult{From: d.name(), To: winner, Took: time.Since(begin)}, nil
}

// errMoving stands for the library's words about an election or a hand-over.
var errMoving = errors.New("leadership of the cluster is just changing hands: ask again in a moment")

// errBusy stands for the library's words about a leader that takes nothing more.
var errBusy = errors.New("the leader does not get its log written: see `perch status`")

// refusal marks errors that asking again later may cure.
func refusal(err error) error {
	is := func(sentinel error) bool { return errors.Is(err, sentinel) }
	switch {
	case slices.ContainsFunc([]error{cluster.ErrNoSuccessor, cluster.ErrGivenUp, cluster.ErrNotRunning, cluster.ErrChanging}, is):
		return api.NotNow(err)
	case is(raft.ErrEnqueueTimeout):
		return api.NotNow(errBusy)
	case is(cluster.ErrTransferring), is(cluster.ErrNoLeader):
		return api.Moving(err)
	case is(cluster.ErrNotMember), is(cluster.ErrViaCA), is(state.ErrTooManyOrders), is(state.ErrBadOrder):
		return api.Invalid(err)
	case slices.ContainsFunc([]error{
		cluster.ErrNotLeader, raft.ErrNotLeader, raft.ErrLeadershipLost,
		raft.ErrLeadershipTransferInProgress, raft.ErrRaftShutdown,
	}, is):
		return api.Moving(errMoving)
	}
	return err
}

// leader returns the node that leads.
func (d *daemon) leader() (string, error) {
	view := d.member.node.View()
	if view.Leader == "" {
		return "", api.Moving(errors.New("no node leads the cluster at the moment: without a majority nothing can be changed"))
	}
	return view.Leader, nil
}

// roster returns all nodes that this one knows.
func (d *daemon) roster() []config.Peer {
	return roster(d.config().Cluster, d.member.node.View().Members)
}

func (d *daemon) known(node string) error {
	var names []string
	for _, p := range d.roster() {
		if p.Name == node {
			return nil
		}
		names = append(names, p.Name)
	}
	return api.Invalid(fmt.Errorf("%q is not a node of cluster %s; its nodes are %s", node, d.config().Cluster.Name, strings.Join(names, ", ")))
}

// askPeers asks all other nodes at once what they say of themselves.
func (d *daemon) askPeers(ctx context.Context) map[string]answer {
	ctx, cancel := context.WithTimeout(ctx, reportLimit)
	defer cancel()
	var mu sync.Mutex
	var asks sync.WaitGroup
	answers := make(map[string]answer)
	for _, p := range d.roster() {
		if p.Name == d.name() {
			continue
		}
		asks.Go(func() {
			a := answerOf(ctx, p.Name, d.member.peers.Report)
			mu.Lock()
			defer mu.Unlock()
			answers[p.Name] = a
		})
	}
	asks.Wait()
	return answers
}

// answerOf asks a node what it says of itself, and looks how far its clock is off meanwhile.
func answerOf(ctx context.Context, node string, report func(context.Context, string) (api.NodeReport, error)) answer {
	sent := time.Now()
	said, err := report(ctx, node)
	return answer{said, err, skewOf(said.Time, sent, time.Since(sent))}
}
