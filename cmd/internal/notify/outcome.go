package notify

import "time"

// Outcome is what has become of a run of a converge hook.
type Outcome struct {
	Target   string // the Name of its Hook
	Event    string // such as "converge owner 7 of edge"
	Error    string // in one line; "" if it went well
	Attempts int    // with the last
	Took     time.Duration
	At       time.Time
}
