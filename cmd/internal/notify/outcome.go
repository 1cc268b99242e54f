package notify

import "time"

// Result is what has become of an event, or of a converge hook, for good.
type Result string

// The results.
const (
	Told    Result = "told"
	Failed  Result = "failed"
	Dropped Result = "dropped" // newer ones came before it was told of
)

// Outcome is what has become of an event at one target, or of a converge hook. That a target is
// tried again is none yet.
type Outcome struct {
	Target   string // the Name of its Entry or Hook
	About    string // whose ownership a hook follows; "" where there is no hook
	Event    string // such as "master of gw"
	OfServer bool   // the event is about a single real server
	Result   Result
	Error    string // in one line; "" if it was told
	Attempts int    // with the last
	Took     time.Duration
	At       time.Time
}
