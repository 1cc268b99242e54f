package keepalived

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// longestTitle is the longest name that a perch.toml may have, in bytes.
const longestTitle = 63

// titles gives things of one kind names that a perch.toml may have, each its own: those that
// they have, and else what is left of these.
type titles struct {
	taken map[string]bool
	next  map[string]int // the number that the next of a name gets
}

func newTitles() titles { return titles{map[string]bool{}, map[string]int{}} }

// named is a thing with a name, and where that stands.
type named struct {
	by    *syntax.Statement
	name  string
	title *string
}

// give gives each a title, and remarks on those that are not its name. Names that may stay
// as they are come first, so that they do.
func (im *importer) give(list []named) {
	t := newTitles()
	for _, n := range list {
		if allowed(n.name) && !t.taken[n.name] {
			*n.title = n.name
			t.taken[n.name] = true
		}
	}
	for _, n := range list {
		if *n.title != "" {
			continue
		}
		*n.title = t.make(n.name)
		if n.by != nil {
			im.remark(n.by, quoted(n.name)+" is called "+*n.title+" in perch: names are 1 to 63 letters, digits, dots, _ and -, each once")
		}
	}
}

// make makes a title of a name.
func (t titles) make(name string) string {
	base := strings.Map(func(r rune) rune {
		if r < 0x80 && inName(byte(r)) {
			return r
		}
		return '-'
	}, name)
	base = strings.TrimLeft(base, "._-")
	if base == "" {
		base = "unnamed"
	}
	base = base[:min(len(base), longestTitle)]
	title := base
	for t.taken[title] {
		t.next[base]++
		suffix := "-" + strconv.Itoa(t.next[base]+1)
		title = base[:min(len(base), longestTitle-len(suffix))] + suffix
	}
	t.taken[title] = true
	return title
}

// allowed reports whether a perch.toml may have the name.
func allowed(name string) bool {
	if name == "" || len(name) > longestTitle || strings.IndexByte("._-", name[0]) >= 0 {
		return false
	}
	for i := range len(name) {
		if !inName(name[i]) {
			return false
		}
	}
	return true
}

func inName(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '_' || c == '-'
}
