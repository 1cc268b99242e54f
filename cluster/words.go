package cluster

import (
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// words are the last ones of each node that has led: from them the next owner estimates for
// how long nobody held the VIPs. Nothing is decided by them. The zero value knows nothing.
// It is not safe for concurrent use. Times are of the boot clock.
type words map[string]lastWord

// lastWord is what was heard last of a leader.
type lastWord struct {
	heard    time.Duration // when it last asked as the leader; 0 for never
	released time.Duration // when this node was told that it had released; 0 for never
	term     uint64        // in which it released
}

// mostLeaders bounds of how many nodes words are kept. No cluster has as many.
const mostLeaders = 64

// heard notes a leader's request.
func (w *words) heard(leader string, now time.Duration) {
	word := (*w)[leader]
	word.heard = now
	w.set(leader, word)
}

// released notes that a leader of term has given up the VIPs.
func (w *words) released(leader string, term uint64, now time.Duration) {
	word := (*w)[leader]
	word.released, word.term = now, term
	w.set(leader, word)
}

func (w *words) set(leader string, word lastWord) {
	if *w == nil {
		*w = words{}
	}
	if _, known := (*w)[leader]; known || len(*w) < mostLeaders {
		(*w)[leader] = word
	}
}

// outage estimates for how long nobody has held the VIPs when a node takes them now, in
// term, after another one. A release counts only if it is of the ownership that was the
// last, or follows on it: the owner may have held again since.
func (w words) outage(last state.Move, term uint64, now time.Duration) state.Outage {
	word, known := w[last.To]
	switch {
	case !known:
		return state.Outage{}
	case word.released > 0 && word.term >= last.Term && word.term < term && word.released >= word.heard:
		return state.Outage{For: now - word.released, Known: state.About}
	case word.heard > 0:
		return state.Outage{For: now - word.heard, Known: state.AtMost}
	}
	return state.Outage{}
}

// Outage estimates for how long nobody has held the VIPs, for a node that has just taken
// them in term, and itself held them until a time that Now had; 0 for never.
func (n *Node) Outage(term uint64, held time.Duration) state.Outage {
	last, moved := n.fsm.owner()
	if !moved {
		return state.Outage{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	switch {
	case last.To != n.cfg.Node:
		return n.words.outage(last, term, now)
	case held > 0:
		return state.Outage{For: now - held, Known: state.About}
	}
	return state.Outage{}
}
