package cluster

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A grant is a voter's word to a leader: for so long I take nobody else for the
// owner. It rides on the answer to an AppendEntries, in a field that the library
// fills and never reads there, and on some votes (votes.go).

// grants is the register of what this node has granted, one leader at a time,
// itself included. It is not safe for concurrent use. Times are of the boot clock.
type grants struct {
	to    string        // the leader that the grant was given to
	term  uint64        // in which that one led
	until time.Duration // the grant runs before this moment
}

// free tells whether leader may be granted to: no grant to another one runs.
func (g *grants) free(leader string, now time.Duration) bool {
	return g.to == leader || now >= g.until
}

// give grants to the leader of term until the given time, if leader is free to be
// granted to. It returns whether it is.
func (g *grants) give(leader string, term uint64, now, until time.Duration) bool {
	if !g.free(leader, now) {
		return false
	}
	if g.to == leader {
		term = max(term, g.term) // answers overtake each other
	}
	g.to, g.term, g.until = leader, term, max(g.until, until)
	return true
}

// released ends the grant to the leader of term: that one has said that it holds
// nothing and takes nothing more in term.
func (g *grants) released(term uint64) {
	if g.to != "" && g.term == term {
		*g = grants{}
	}
}

// How the header of an answer begins that is a grant, and of one that is none: one to
// another leader runs, or the node has no vote.
var (
	markGrant = []byte("\x00grant")
	markTaken = []byte("\x00taken")
)

// What a voter may say, against nonsense.
const (
	minGrant = time.Millisecond
	maxGrant = time.Minute
)

// marked returns the header of an answer that begins with a tag and says for how long this
// node's grants last: with markGrant it is one. Answers may share it.
func marked(tag []byte, length time.Duration) []byte {
	return slices.Clip(binary.BigEndian.AppendUint64(bytes.Clone(tag), uint64(length)))
}

// granted returns the length of the grant that an answer carries, or 0.
func granted(resp *raft.AppendEntriesResponse) time.Duration { return lengthIn(resp.Addr, markGrant) }

// stated returns for how long the grants of the voter last that answers, whether or
// not it grants, or 0 if it does not say.
func stated(resp *raft.AppendEntriesResponse) time.Duration {
	return max(lengthIn(resp.Addr, markGrant), lengthIn(resp.Addr, markTaken))
}

func lengthIn(addr, tag []byte) time.Duration {
	value, found := bytes.CutPrefix(addr, tag)
	if !found || len(value) != 8 {
		return 0
	}
	length := binary.BigEndian.Uint64(value)
	if length < uint64(minGrant) || length > uint64(maxGrant) {
		return 0
	}
	return time.Duration(length)
}

// markTerm is how the header of a TimeoutNow begins that names its term.
var markTerm = []byte("\x00term")

// call is what a leader that gives way says in a TimeoutNow.
type call struct {
	term  uint64 // in which it led
	clear bool   // it had waited for the addresses of all earlier owners to go
}

// calling returns a TimeoutNow that carries c.
func calling(req *raft.TimeoutNowRequest, c call) *raft.TimeoutNowRequest {
	marked := *req
	marked.Addr = binary.BigEndian.AppendUint64(bytes.Clone(markTerm), c.term)
	if c.clear {
		marked.Addr = append(marked.Addr, 1)
	} else {
		marked.Addr = append(marked.Addr, 0)
	}
	return &marked
}

// callOf returns what a TimeoutNow carries. No leader's term is 0.
func callOf(req *raft.TimeoutNowRequest) call {
	value, marked := bytes.CutPrefix(req.Addr, markTerm)
	if !marked || len(value) != 9 {
		return call{}
	}
	return call{term: binary.BigEndian.Uint64(value), clear: value[8] == 1}
}
