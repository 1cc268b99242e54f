package api

import "time"

// Notified is what has become of the events that a [[notify]] is for, since the daemon began.
type Notified struct {
	Target  string    `json:"target"` // a program, a FIFO, or who gets mails
	Told    uint64    `json:"told"`
	Failed  uint64    `json:"failed"`
	Dropped uint64    `json:"dropped"` // newer ones came before it was told of them
	Error   string    `json:"error"`   // of the last; "" if it was told
	Last    time.Time `json:"last,omitzero"`
}
