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
