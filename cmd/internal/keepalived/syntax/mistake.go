package syntax

import "strings"

// Mistake is what is wrong at a place.
type Mistake struct {
	Position
	Text string
}

// String returns FILE:LINE: TEXT.
func (m Mistake) String() string { return m.Position.String() + ": " + m.Text }

// Mistakes is all that is wrong, in the order in which it was read.
type Mistakes []Mistake

// Error returns one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}
