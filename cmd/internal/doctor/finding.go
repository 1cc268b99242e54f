package doctor

import (
	"cmp"
	"slices"
)

// Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // something that the config asks for does not work
	Warning Severity = "warning" // it works, and may yet fail some clients
	Hint    Severity = "hint"    // it would be better otherwise, or may be wrong
)

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Hint}, s) }

// Finding is one thing that is wrong.
type Finding struct {
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // what it is about: "net.ipv4.ip_forward"
	Text     string   `json:"text"`    // what is wrong, and what comes of it: "is 0: ..."
	Command  string   `json:"command"` // that mends it, or shows more; "" if none does
}

// sorted puts the worst first and keeps the order otherwise.
func sorted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
	return all
}
