package cluster

import (
	"cmp"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// The library takes a request for what its leader meant, and panics where it makes no
// sense: when a configuration does not decode, an entry is of a type that it does not
// know, or the log has a gap. Such a request is refused before. Lies in
// well-formed words, by one who has the secret, are no concern here.

const (
	// maxLeap is how far a term, or the log by a snapshot, may be ahead: an election
	// each ms takes thousands of years to it. At its end a term could go no further, and
	// the cluster could elect nobody any more.
	maxLeap = 1 << 48
	// maxServers is of how many nodes a configuration may be.
	maxServers = 128
)

// place is where a node is when it hears a request.
type place struct{ term, index uint64 }

// place returns where this node is.
func (n *Node) place() place {
	r := n.raft.Load()
	if r == nil {
		return place{}
	}
	return place{r.CurrentTerm(), r.LastIndex()}
}

// vet returns why a request makes no sense, or nil.
func (at place) vet(command any) error {
	switch req := command.(type) {
	case *raft.AppendEntriesRequest:
		return cmp.Or(vetHeader(req.RPCHeader), at.vetTerm(req.Term), vetEntries(req))
	case *raft.RequestVoteRequest:
		return cmp.Or(vetHeader(req.RPCHeader), at.vetTerm(req.Term), vetLast(req.LastLogTerm, req.Term))
	case *raft.RequestPreVoteRequest:
		return cmp.Or(vetHeader(req.RPCHeader), at.vetTerm(req.Term), vetLast(req.LastLogTerm, req.Term))
	case *raft.InstallSnapshotRequest:
		return cmp.Or(vetHeader(req.RPCHeader), at.vetTerm(req.Term), vetLast(req.LastLogTerm, req.Term), at.vetSnapshot(req))
	case *raft.TimeoutNowRequest:
		return vetHeader(req.RPCHeader)
	}
	return fmt.Errorf("%w: a %T", errMalformed, command)
}

// vetHeader wants a request to name its sender: a vote for nobody, or for more than
// the ballot holds, could not be written down.
func vetHeader(h raft.RPCHeader) error {
	if len(h.ID) == 0 || len(h.ID) > maxCandidate || len(h.Addr) == 0 || len(h.Addr) > maxCandidate {
		return fmt.Errorf("%w: from a node with a name of %d bytes and an address of %d", errMalformed, len(h.ID), len(h.Addr))
	}
	return nil
}

// vetTerm wants a term that a leader or a candidate can be of.
func (at place) vetTerm(term uint64) error {
	if term == 0 {
		return fmt.Errorf("%w: of term 0", errMalformed)
	}
	return at.vetAnswer(term)
}

// vetAnswer wants a term that a node can have come to since this one was in its own.
func (at place) vetAnswer(term uint64) error {
	if term > at.term && term-at.term > maxLeap {
		return fmt.Errorf("%w: of term %d, after %d", errMalformed, term, at.term)
	}
	return nil
}

// vetLast wants a log that does not end in a later term than its node is in.
func vetLast(last, term uint64) error {
	if last > term {
		return fmt.Errorf("%w: of term %d, with a log of term %d", errMalformed, term, last)
	}
	return nil
}

// vetEntries wants entries that go on where the log is said to end, without a gap.
func vetEntries(req *raft.AppendEntriesRequest) error {
	index, term := req.PrevLogEntry, req.PrevLogTerm
	for _, entry := range req.Entries {
		if entry == nil || entry.Index == 0 || entry.Index != index+1 || entry.Term < term || entry.Term > req.Term {
			return fmt.Errorf("%w: the entry after %d of term %d has not the next index, or no fitting term", errMalformed, index, term)
		}
		if err := vetEntry(entry); err != nil {
			return fmt.Errorf("entry %d: %w", entry.Index, err)
		}
		index, term = entry.Index, entry.Term
	}
	return vetLast(term, req.Term)
}

// vetEntry wants an entry of a type that perch writes. What a command says is for
// package state, which refuses what it does not know on every node alike.
func vetEntry(entry *raft.Log) error {
	switch entry.Type {
	case raft.LogCommand, raft.LogNoop, raft.LogBarrier:
		return nil
	case raft.LogConfiguration:
		return vetConfiguration(entry.Data)
	}
	return fmt.Errorf("%w: of type %d", errMalformed, entry.Type)
}

// vetConfiguration wants a configuration that the library decodes, and would write.
func vetConfiguration(data []byte) error {
	if err := whole(data); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	c, err := decodeConfiguration(data)
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	votes := 0
	for _, s := range c.Servers {
		id, address := "id "+string(s.ID), "at "+string(s.Address)
		if s.ID == "" || s.Address == "" || seen[id] || seen[address] || s.Suffrage > raft.Staging {
			return fmt.Errorf("%w: configuration with %q at %q as a %d", errMalformed, s.ID, s.Address, s.Suffrage)
		}
		seen[id], seen[address] = true, true
		if s.Suffrage == raft.Voter {
			votes++
		}
	}
	if votes == 0 || len(c.Servers) > maxServers {
		return fmt.Errorf("%w: configuration of %d nodes, %d with a vote", errMalformed, len(c.Servers), votes)
	}
	return nil
}

// decodeConfiguration returns an error where the library panics.
func decodeConfiguration(data []byte) (c raft.Configuration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errMalformed, p)
		}
	}()
	return raft.DecodeConfiguration(data), nil
}

// vetSnapshot wants a snapshot that can be one of this log's.
func (at place) vetSnapshot(req *raft.InstallSnapshotRequest) error {
	switch {
	case req.SnapshotVersion != raft.SnapshotVersionMax:
		return fmt.Errorf("%w: snapshot of version %d", errMalformed, req.SnapshotVersion)
	case req.Size < 0 || req.Size > maxSnapshot:
		return fmt.Errorf("%w: snapshot of %d bytes", errMalformed, req.Size)
	case req.LastLogIndex == 0 || req.LastLogTerm == 0 || req.LastLogIndex > at.index && req.LastLogIndex-at.index > maxLeap:
		return fmt.Errorf("%w: snapshot up to entry %d of term %d, after %d", errMalformed, req.LastLogIndex, req.LastLogTerm, at.index)
	case req.ConfigurationIndex > req.LastLogIndex:
		return fmt.Errorf("%w: snapshot with a configuration later than itself", errMalformed)
	}
	return vetConfiguration(req.Configuration)
}

// readSnapshot reads the content of a snapshot, and wants one that can be restored:
// the library would keep any, and not start again with it.
func readSnapshot(r io.Reader, size int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, size))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a snapshot: %w", err)
	case int64(len(content)) < size:
		return nil, fmt.Errorf("%w: snapshot of %d bytes, of which %d came", errMalformed, size, len(content))
	}
	var s state.State
	return content, s.Decode(content)
}
