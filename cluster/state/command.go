package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrUnknownCommand is returned for an entry that a newer perch has written.
// Nodes that do not know it skip it, so that versions can be mixed during an
// upgrade.
var ErrUnknownCommand = errors.New("unknown command")

// Command is one entry of the replicated log. Exactly one field is set.
type Command struct {
	Drain  *Drain  `json:"drain,omitempty"`
	Plan   *Plan   `json:"plan,omitempty"`
	Claim  *Claim  `json:"claim,omitempty"`
	Linger *Linger `json:"linger,omitempty"`
	Server *Server `json:"server,omitempty"`
}

// Drain marks a node as drained, or takes the mark away. A drained node keeps
// its vote and never owns a VIP.
type Drain struct {
	Node    string `json:"node"`
	Drained bool   `json:"drained"`
}

// Plan is written by an owner before it hands over on purpose, so that the
// history can tell a planned move from a failure. One without a reason withdraws
// the last.
type Plan struct {
	Term   uint64 `json:"term"` // the term in which From leads
	From   string `json:"from"`
	Reason string `json:"reason"`
	Cause  string `json:"cause,omitempty"`
}

// Causes of a Plan, and of the Move that comes of it: what had the VIPs moved without
// being asked to. "" is for anything else, such as an operator or a failure.
const (
	CauseHealth  = "health"  // the owner was sick
	CausePreempt = "preempt" // another node is preferred
)

// Claim is written by a node after it began to hold the VIPs.
type Claim struct {
	Time time.Time `json:"time"`
	Term uint64    `json:"term"`
	Node string    `json:"node"`
	Outage
}

// Outage is for how long nobody held the VIPs before somebody took them, as that node can
// tell: by its own clock, from what it had last heard. Versions of perch that do not know
// it leave it out.
type Outage struct {
	For   time.Duration `json:"outage_ns,omitempty"`
	Known Estimate      `json:"outage_known,omitempty"`
}

// Estimate is how an Outage is known.
type Estimate string

// The estimates.
const (
	Unknown Estimate = ""
	AtMost  Estimate = "at_most" // since the last word of the owner before, which held for longer if at all
	About   Estimate = "about"   // since the owner before said that it had released, or since this node did
)

// longestOutage is what nobody waits for: beyond it a claim is nonsense.
const longestOutage = 10 * 365 * 24 * time.Hour

// checked returns an outage that makes sense, also to this version of perch.
func (o Outage) checked() Outage {
	if o.For < 0 || o.For > longestOutage || o.Known != AtMost && o.Known != About {
		return Outage{}
	}
	return o
}

// Linger says for how long the VIPs of a node that is dead or frozen may go on
// answering after its lease's end: 0 where the kernel enforces the lease.
type Linger struct {
	Node string        `json:"node"`
	For  time.Duration `json:"for_ns"`
}

// Encode returns the log entry for c.
func Encode(c Command) ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode command: %w", err)
	}
	return data, nil
}

// decode is the inverse of Encode. An entry with no known command is
// ErrUnknownCommand.
func decode(data []byte) (Command, error) {
	var c Command
	if err := json.Unmarshal(data, &c); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	if c == (Command{}) {
		return Command{}, ErrUnknownCommand
	}
	return c, nil
}
