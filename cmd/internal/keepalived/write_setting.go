package keepalived

import (
	"strings"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// setting is a key that is about to be written, and the statement that says it: nil for a
// default of keepalived.
type setting struct {
	name  string
	value document.Value
	by    *syntax.Statement
}

// settings are the keys of a table in the order in which they are written.
type settings []setting

func (l *settings) add(name string, v document.Value, by *syntax.Statement) {
	*l = append(*l, setting{name, v, by})
}

// same reports whether a key has a value, whoever says it.
func (s setting) same(other setting) bool { return s.value.String() == other.value.String() }

// text is the same for the same keys with the same values.
func (l settings) text() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.name + " = " + s.value.String() + "\n")
	}
	return b.String()
}

// put gives a table keys, with the comments of the statements that say them.
func (im *importer) put(t *document.Table, l settings) {
	for _, s := range l {
		im.set(t, s.name, s.value, s.by)
	}
}
