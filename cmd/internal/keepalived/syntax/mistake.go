package syntax

import (
	"fmt"
	"strings"
)

// maxMistakes ends the reading of a file that is wrong all over.
const maxMistakes = 100

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

// report collects what is found, each thing once, however often a line is generated.
type report struct {
	mistakes Mistakes
	remarks  Mistakes
	seen     map[Mistake]bool
	stopped  bool
}

func (r *report) mistake(at Position, format string, args ...any) {
	m := Mistake{at, printable(fmt.Sprintf(format, args...))}
	if r.stopped || !r.isNew(m) {
		return
	}
	r.mistakes = append(r.mistakes, m)
	if len(r.mistakes) == maxMistakes {
		r.stop(at, "too many mistakes, what follows was not read")
	}
}

// stop reports what makes it senseless or too costly to read on.
func (r *report) stop(at Position, format string, args ...any) {
	if !r.stopped {
		r.stopped = true
		r.mistakes = append(r.mistakes, Mistake{at, printable(fmt.Sprintf(format, args...))})
	}
}

func (r *report) remark(at Position, format string, args ...any) {
	if len(r.remarks) == maxMistakes {
		return
	}
	if m := (Mistake{at, printable(fmt.Sprintf(format, args...))}); r.isNew(m) {
		r.remarks = append(r.remarks, m)
	}
}

func (r *report) isNew(m Mistake) bool {
	if r.seen[m] {
		return false
	}
	if r.seen == nil {
		r.seen = map[Mistake]bool{}
	}
	r.seen[m] = true
	return true
}
