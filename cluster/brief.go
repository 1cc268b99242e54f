package cluster

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// A successor holds nothing before it has applied every command of its log. What is
// committed followers learn with the next entry, or after a while, and so it would first
// have to commit an entry of its own, through the disks of a majority, while nobody holds
// the VIPs. So it is told before they are released.

// briefing returns a request that says what is committed to a follower whose log is known
// to have entry last. It tells of no more than of that: what may follow there is not known.
func briefing(header raft.RPCHeader, term uint64, last raft.Log, committed uint64) *raft.AppendEntriesRequest {
	return &raft.AppendEntriesRequest{
		RPCHeader:         header,
		Term:              term,
		PrevLogEntry:      last.Index,
		PrevLogTerm:       last.Term,
		LeaderCommitIndex: min(committed, last.Index),
	}
}

// brief tells a follower what is committed. That it answers proves, too, that it is alive.
// Like any request of a leader it is not sent by a node that ends or hangs.
func (t *transport) brief(id raft.ServerID, target raft.ServerAddress) error {
	n := t.node
	if t.silent() {
		return ErrNotRunning
	}
	r := n.raft.Load()
	term, c := r.CurrentTerm(), n.contact(string(id))
	switch {
	case c.term != term || !n.leads(term):
		return ErrGivenUp
	case n.hangs(term):
		return errHung
	}
	var last raft.Log
	if err := n.store.peek(c.match, &last); err != nil {
		return fmt.Errorf("brief %s: %w", id, err)
	}
	resp, err := t.ask(string(id), target, briefing(t.header(), term, last, r.CommitIndex()))
	if err == nil && !resp.Success {
		err = errUnbriefed
	}
	if err != nil {
		return fmt.Errorf("brief %s: %w", id, err)
	}
	return nil
}

// errUnbriefed is why a follower is not handed over to: its log is not what this node took it for.
var errUnbriefed = errors.New("its log is another one")

// ask sends a request once that the library knows nothing of.
func (t *transport) ask(peer string, address raft.ServerAddress, req *raft.AppendEntriesRequest) (resp raft.AppendEntriesResponse, err error) {
	err = t.node.noting(peer, req, &resp, func() error {
		return again(func() error {
			return t.sound(t.NetworkTransport.AppendEntries(raft.ServerID(peer), address, req, &resp), &resp.Term)
		})
	})
	return resp, err
}

// header is that of a request of this node.
func (t *transport) header() raft.RPCHeader {
	id := raft.ServerID(t.node.cfg.Node)
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: t.EncodePeer(id, t.LocalAddr())}
}
