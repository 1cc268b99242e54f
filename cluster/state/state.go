package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// HistoryLimit is the number of moves that are kept; older ones are forgotten.
const HistoryLimit = 1000

// Move is one change of ownership.
type Move struct {
	Time   time.Time `json:"time"`
	Term   uint64    `json:"term"`
	From   string    `json:"from"` // empty for the first owner
	To     string    `json:"to"`
	Reason string    `json:"reason"`
	Cause  string    `json:"cause,omitempty"` // of the plan that it follows
	Outage
}

// State is what the cluster remembers. The zero value is a new cluster.
type State struct {
	// Applied is the index in the log of the last command.
	Applied uint64 `json:"applied,omitempty"`
	// Drained holds the drained nodes' names, sorted.
	Drained []string `json:"drained,omitempty"`
	// History holds the last HistoryLimit moves, oldest first.
	History []Move `json:"history,omitempty"`
	// Plan is the announced move that has not happened yet, or nil.
	Plan *Plan `json:"plan,omitempty"`
	// Lingers holds the nodes whose VIPs linger, and for how long.
	Lingers map[string]time.Duration `json:"lingers_ns,omitempty"`
	// Servers holds what operators want of real servers. It is never changed in place.
	Servers Orders `json:"servers,omitempty"`
}

// Owner returns the last move, which names the present owner, and whether there
// was one.
func (s *State) Owner() (Move, bool) {
	if len(s.History) == 0 {
		return Move{}, false
	}
	return s.History[len(s.History)-1], true
}

// IsDrained tells whether node is drained.
func (s *State) IsDrained(node string) bool {
	_, found := slices.BinarySearch(s.Drained, node)
	return found
}

// Clone returns a copy that shares nothing with s that Apply would change.
func (s *State) Clone() State {
	return State{
		Applied: s.Applied,
		Drained: slices.Clone(s.Drained),
		History: slices.Clone(s.History),
		Plan:    s.Plan, // never changed in place
		Lingers: maps.Clone(s.Lingers),
		Servers: s.Servers, // likewise
	}
}

// Apply executes the log entry at index. It returns ErrUnknownCommand, or a
// decoding error, for an entry that it cannot read, and another one for an order that
// is not to be remembered; only Applied changes then.
func (s *State) Apply(index uint64, entry []byte) error {
	s.Applied = index
	c, err := decode(entry)
	if err != nil {
		return err
	}
	switch {
	case c.Drain != nil:
		s.applyDrain(*c.Drain)
	case c.Plan != nil:
		s.applyPlan(c.Plan)
	case c.Claim != nil:
		s.applyClaim(*c.Claim)
	case c.Linger != nil:
		s.applyLinger(*c.Linger)
	case c.Server != nil:
		return s.applyServer(*c.Server)
	}
	return nil
}

func (s *State) applyLinger(l Linger) {
	if l.For <= 0 {
		delete(s.Lingers, l.Node)
		return
	}
	if s.Lingers == nil {
		s.Lingers = make(map[string]time.Duration)
	}
	s.Lingers[l.Node] = l.For
}

// LongestLinger returns the longest time for which VIPs of any node but one linger.
func (s *State) LongestLinger(except string) time.Duration {
	longest := time.Duration(0)
	for node, linger := range s.Lingers {
		if node != except {
			longest = max(longest, linger)
		}
	}
	return longest
}

func (s *State) applyDrain(d Drain) {
	i, found := slices.BinarySearch(s.Drained, d.Node)
	switch {
	case d.Drained && !found:
		s.Drained = slices.Insert(slices.Clone(s.Drained), i, d.Node)
	case !d.Drained && found:
		s.Drained = slices.Delete(slices.Clone(s.Drained), i, i+1)
	}
}

func (s *State) applyPlan(p *Plan) {
	s.Plan = p
	if p.Reason == "" {
		s.Plan = nil
	}
}

// applyClaim adds a move. A claim of an older term than the last move's lost a
// race against a newer owner and is not part of the history.
func (s *State) applyClaim(c Claim) {
	last, _ := s.Owner()
	if c.Term < last.Term {
		return
	}
	move := Move{Time: c.Time, Term: c.Term, From: last.To, To: c.Node, Reason: s.reason(last, c), Outage: c.Outage.checked()}
	if s.planned(last, c) {
		move.Cause = s.Plan.Cause
	}
	keep := s.History[max(0, len(s.History)-HistoryLimit+1):]
	s.History = append(slices.Clone(keep), move)
	if s.Plan != nil && (s.Plan.From != c.Node || s.Plan.Term != c.Term) {
		s.Plan = nil
	} // else the claim was only written after the plan
}

// Stopped is the reason of a plan to move the VIPs away because the daemon of their
// owner ends.
func Stopped(node string) string { return node + " was stopped" }

// planned tells whether a claim is what came of the plan.
func (s *State) planned(last Move, c Claim) bool {
	return s.Plan != nil && s.Plan.From == last.To && c.Term > s.Plan.Term
}

// reason says why the VIPs went from the last owner to the claimant.
func (s *State) reason(last Move, c Claim) string {
	planned, back := s.planned(last, c), c.Node == last.To
	switch {
	case last.To == "":
		return "first owner"
	case planned && back && s.Plan.Reason == Stopped(c.Node):
		return Stopped(c.Node) + " and started again"
	case planned && back:
		return "took back, hand-over not completed: " + s.Plan.Reason
	case planned:
		return s.Plan.Reason
	case back:
		return c.Node + " regained a majority"
	default:
		return "lost contact with " + last.To
	}
}

// Encode returns the snapshot of s.
func (s *State) Encode() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	return data, nil
}

// Decode replaces s by a snapshot. On an error s is unchanged.
func (s *State) Decode(snapshot []byte) error {
	var fresh *State
	if err := json.Unmarshal(snapshot, &fresh); err != nil {
		return fmt.Errorf("decode snapshot: %w", err)
	}
	switch {
	case fresh == nil:
		return errors.New("decode snapshot: it is null")
	case len(fresh.History) > HistoryLimit:
		return fmt.Errorf("decode snapshot: %d moves, at most %d are kept", len(fresh.History), HistoryLimit)
	}
	orders, err := fresh.Servers.checked()
	if err != nil {
		return fmt.Errorf("decode snapshot: %w", err)
	}
	fresh.Servers = orders
	slices.Sort(fresh.Drained)
	fresh.Drained = slices.Compact(fresh.Drained)
	*s = *fresh
	return nil
}
