package checker

import "context"

// Checker looks at one thing.
type Checker interface {
	// Check looks once and returns when it knows, or when ctx has ended at the latest.
	// The error is the reason why it is not well, in one line that a person reads, such
	// as "connection refused" or "status 503, wanted 200-299"; it does not repeat the
	// name of the check. The finding counts only without an error.
	Check(ctx context.Context) (Finding, error)
}

// Finding is what there is to say about what is well.
type Finding struct {
	Value   Value
	Warning string // in one line, such as of a certificate that expires soon
}

// Value is a number that a check has found: that of a file, or the weight that a script
// gives.
type Value struct {
	Is    int
	Known bool // there is one
}

// Watcher is a Checker that notices by itself when there is reason to look again.
type Watcher interface {
	Checker
	// Watch calls changed at each change of what Check looks at, until ctx ends or it can
	// notice nothing more, of which the error tells. Calls may come too often, and after
	// the change of a moment that is over again.
	Watch(ctx context.Context, changed func()) error
}
