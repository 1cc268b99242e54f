package config

import (
	"cmp"
	"fmt"
	"sort"
	"strings"
)

// Mistake is one reason why a file cannot be run. Line and Col count from 1; Col is 0 for
// a whole line.
type Mistake struct {
	File      string
	Line, Col int
	Text      string
}

// String returns the mistake as compilers do: FILE:LINE:COL: TEXT.
func (m Mistake) String() string { return spot(m.File, m.Line, m.Col) + ": " + m.Text }

// Mistakes is all that is wrong with a file, in the order of the file.
type Mistakes []Mistake

// Error returns one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

// Warning is a remark on a file that can be run. Line and Col count as those of a Mistake.
type Warning struct {
	File      string
	Line, Col int
	Text      string
}

// String returns FILE:LINE:COL: warning: TEXT.
func (w Warning) String() string { return spot(w.File, w.Line, w.Col) + ": warning: " + w.Text }

func spot(file string, line, col int) string {
	if col == 0 {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return fmt.Sprintf("%s:%d:%d", file, line, col)
}

// report collects what is found in one file.
type report struct {
	file     string
	mistakes Mistakes
	warnings []Warning
}

func (r *report) add(at position, text string) {
	r.mistakes = append(r.mistakes, Mistake{r.file, at.line, at.col, text})
}

// badValue says that v's value is not allowed, at the value.
func (r *report) badValue(v *value, problem, allowed string) {
	r.add(v.pos, v.path()+v.assigned()+": "+problem+"; "+allowed)
}

// badKey says that v should not be there at all, or not in this form, at the key.
func (r *report) badKey(v *value, problem, allowed string) {
	r.add(v.key, v.path()+": "+problem+"; "+allowed)
}

// missing says that the table lacks the named key, at the table's name.
func (r *report) missing(table *value, name, allowed string) {
	r.add(table.key, join(table.path(), name)+": missing; "+allowed)
}

func (r *report) warn(at position, text string) {
	r.warnings = append(r.warnings, Warning{r.file, at.line, at.col, text})
}

// err returns the mistakes in file order, or nil when there are none.
func (r *report) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	sort.SliceStable(r.mistakes, func(i, j int) bool {
		a, b := &r.mistakes[i], &r.mistakes[j]
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col)) < 0
	})
	return r.mistakes
}

func (r *report) sortedWarnings() []Warning {
	sort.SliceStable(r.warnings, func(i, j int) bool {
		a, b := &r.warnings[i], &r.warnings[j]
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col)) < 0
	})
	return r.warnings
}
