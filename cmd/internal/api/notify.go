package api

import "time"

// Notified is what has become of the events that a [[notify]] is for, since the daemon began.
type Notified struct {
	Target  string    `json:"target"` // a program, a FIFO, who gets mails, or where a webhook is
	Told    uint64    `json:"told"`
	Failed  uint64    `json:"failed"`
	Dropped uint64    `json:"dropped"` // newer ones came before it was told of them
	Retries uint64    `json:"retries"` // attempts after which it was tried again
	Error   string    `json:"error"`   // of the last; "" if it was told
	Last    time.Time `json:"last,omitzero"`
	Took    float64   `json:"took"` // the last attempt, in seconds
}

// Convergence is how far a converge hook of a [[notify]] has come, for one thing that is owned.
type Convergence struct {
	Hook      string    `json:"hook"`  // its program
	About     string    `json:"about"` // "cluster" or "vrrp"
	Name      string    `json:"name"`  // of the cluster or the virtual router
	State     string    `json:"state"` // one of those below
	Goal      string    `json:"goal"`  // "owner" or "standby"; "" while waiting
	Term      uint64    `json:"term,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Error     string    `json:"error"`     // of the last run; "" if it went well
	Succeeded uint64    `json:"succeeded"` // runs, since the daemon began
	Failed    uint64    `json:"failed"`    // likewise
	Last      time.Time `json:"last,omitzero"`
}

// States of Convergence.State.
const (
	Converged       = "converged"
	ConvergeRunning = "running"
	ConvergeFailing = "failing"
	ConvergeWaiting = "waiting" // neither owner nor standby is certain
)
