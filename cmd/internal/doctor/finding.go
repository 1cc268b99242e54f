package doctor

// Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // something that the config asks for does not work
	Warning Severity = "warning" // it works, and may yet fail some clients
	Hint    Severity = "hint"    // it would be better otherwise, or may be wrong
)

// Finding is one thing that is wrong.
type Finding struct {
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // what it is about: "net.ipv4.ip_forward"
	Text     string   `json:"text"`    // what is wrong, and what comes of it: "is 0: ..."
	Command  string   `json:"command"` // that mends it, or shows more; "" if none does
}

// sorted puts the worst first and keeps the order otherwise.
func sorted(all []Finding) (found []Finding) {
	for _, severity := range []Severity{Error, Warning, Hint} {
		for _, f := range all {
			if f.Severity == severity {
				found = append(found, f)
			}
		}
	}
	return found
}
