package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A follower of the library looks at its leader's silence when a timer fires
// that is random in [H, 2H) and takes no notice of contact, so that detection
// takes between H and 3H. The waker makes the follower look when the silence
// really has lasted H.
//
// Survivors are woken in an order in which the best successor wins, without a split vote.
// First those who are too few to elect one of themselves, the worst of all: their pre-votes
// are refused by the others, who still believe in the leader, and they have given it up. A
// step later the best one, whom they make a majority: it asks, and nobody competes. Then one
// after the other the rest, should it not come to that. So the number of nodes does not
// make it last longer. If nobody won, for want of the log, they ask again (prevote.go).

// turnsApart is how many steps lie between survivors who could win: not all have heard of their
// leader at the same moment for the last time, and one that asks too early splits the votes.
const turnsApart = 3

// wakeStep lies between the wakings of those who are too few and of the best.
func wakeStep(heartbeat time.Duration) time.Duration {
	return max(heartbeat/16, 5*time.Millisecond)
}

// wakeDelay returns how long after the last contact with leader this node looks
// at the silence.
func wakeDelay(heartbeat time.Duration, preference []Peer, leader, self string) time.Duration {
	survivors := slices.DeleteFunc(slices.Clone(preference), func(p Peer) bool { return p.Name == leader })
	rank := slices.IndexFunc(survivors, func(p Peer) bool { return p.Name == self })
	return heartbeat + time.Duration(wakeTurn(rank, len(survivors), len(preference)))*wakeStep(heartbeat)
}

// wakeTurn returns how many steps the survivor of the given rank, 0 for the best, waits for
// others to give the leader up, in a cluster of so many nodes.
func wakeTurn(rank, survivors, nodes int) int {
	few := nodes / 2 // no majority
	if rank > 0 && rank >= survivors-few {
		return 0
	}
	return 1 + turnsApart*rank
}

// wake wakes raft's follower loop in time, until ctx ends.
func (n *Node) wake(ctx context.Context, r *raft.Raft) {
	var woken time.Time // the contact whose end was already acted on
	for ctx.Err() == nil {
		contact := r.LastContact()
		_, leader := r.LeaderWithID()
		wait := n.cfg.Heartbeat
		if r.State() == raft.Follower && n.member.Load() && leader != "" && contact != woken {
			delay := wakeDelay(n.cfg.Heartbeat, n.preference(), string(leader), n.cfg.Node)
			wait = delay - time.Since(contact)
			if wait <= 0 {
				n.kick(r)
				woken = contact
				continue
			}
		}
		pause(ctx, wait)
	}
}

// kick makes a follower look at its leader's silence now. The library does so
// when its heartbeat timeout is shortened, so it is lengthened first.
func (n *Node) kick(r *raft.Raft) {
	rc := r.ReloadableConfig()
	for _, timeout := range []time.Duration{n.cfg.Heartbeat + time.Nanosecond, n.cfg.Heartbeat} {
		rc.HeartbeatTimeout = timeout
		if err := r.ReloadConfig(rc); err != nil {
			n.cfg.Log.Warn("waking raft", "error", err)
		}
	}
}
