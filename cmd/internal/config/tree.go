package config

import (
	"errors"
	"fmt"
	"sort"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth bounds the nesting of tables and arrays; perch's own keys need four.
const maxDepth = 16

// form is how a value came to be written, which decides what may be added to
// it later (TOML v1.0.0, "Table" and "Array of Tables").
type form int

const (
	formClosed  form = iota // KEY = VALUE: complete where it stands
	formDotted              // the a of a.b = VALUE: open to more dotted keys and deeper headers
	formImplied             // the a of [a.b]: open to a header of its own and deeper headers
	formHeader              // [a]: open to deeper headers
	formArray               // [[a]]: open to more [[a]]; deeper headers go into its last table
)

// part is one name of a dotted key.
type part struct {
	name string
	pos  position
}

// builder makes the tree of one document.
type builder struct {
	*report
	parser  unstable.Parser
	data    []byte
	newline []int  // offsets of all newlines
	table   *value // that the last header opened
}

// parseTree returns the document as a tree. Keys that are given twice are
// reported and the first one kept. It returns false when the text is no TOML.
func parseTree(r *report, data []byte) (*value, bool) {
	root := &value{key: position{1, 1}, pos: position{1, 1}, form: formImplied}
	b := &builder{report: r, data: data, table: root}
	for i, c := range data {
		if c == '\n' {
			b.newline = append(b.newline, i)
		}
	}
	b.parser.Reset(data)
	for b.parser.NextExpression() {
		b.expression(root, b.parser.Expression())
	}
	if err := b.parser.Error(); err != nil {
		b.syntaxError(err)
		return nil, false
	}
	return root, true
}

func (b *builder) expression(root *value, n *unstable.Node) {
	parts := b.parts(n)
	switch n.Kind {
	case unstable.KeyValue:
		b.assign(b.table, parts, n)
	case unstable.Table:
		b.table = b.openTable(b.descend(root, parts, formImplied), parts[len(parts)-1])
	case unstable.ArrayTable:
		b.table = b.openItem(b.descend(root, parts, formImplied), parts[len(parts)-1])
	}
}

// syntaxError replaces what was found so far: the rest of the text is unread,
// so that anything said about the part before would be half true.
func (b *builder) syntaxError(err error) {
	b.mistakes = nil
	at, hint := position{1, 1}, ""
	var perr *unstable.ParserError
	if errors.As(err, &perr) {
		offset := int(b.parser.Range(perr.Highlight).Offset)
		at, hint = b.position(offset), b.quoteHint(offset)
	}
	b.add(at, "not TOML: "+err.Error()+hint)
}

// quoteHint helps with the commonest slip, name = lb1.
func (b *builder) quoteHint(offset int) string {
	before := offset - 1
	for before >= 0 && (b.data[before] == ' ' || b.data[before] == '\t') {
		before--
	}
	if before < 0 || b.data[before] != '=' || offset >= len(b.data) || !isAlphanumeric(rune(b.data[offset])) {
		return ""
	}
	return `; text must be in double quotes, like "lb1"`
}

func (b *builder) position(offset int) position {
	line := sort.SearchInts(b.newline, offset)
	start := 0
	if line > 0 {
		start = b.newline[line-1] + 1
	}
	return position{line + 1, offset - start + 1}
}

// parts returns the names of a key or header; there is at least one.
func (b *builder) parts(n *unstable.Node) []part {
	var parts []part
	for it := n.Key(); it.Next(); {
		k := it.Node()
		parts = append(parts, part{string(k.Data), b.position(int(k.Raw.Offset))})
	}
	return parts
}

// descend walks from a table through all parts but the last, making the tables
// that are not there yet in the given form. It returns the table that the last
// part belongs to; when a part cannot be entered that is reported, and the
// table returned is outside of the document.
func (b *builder) descend(table *value, parts []part, through form) *value {
	if table.depth+len(parts) > maxDepth {
		b.add(parts[0].pos, fmt.Sprintf("%s: nested deeper than %d levels; must be less deep, as all of perch's keys are", join(table.path(), parts[0].name), maxDepth))
		return newValue(table, parts[0], through)
	}
	for _, p := range parts[:len(parts)-1] {
		next := table.child(p.name)
		switch {
		case next == nil:
			next = newValue(table, p, through)
			table.set(next)
		case next.form == formArray && through == formImplied:
			next = next.items[len(next.items)-1]
		case next.form == formClosed || through == formDotted && next.form != formDotted:
			b.twice(table, p, next)
			return newValue(table, p, through)
		}
		table = next
	}
	return table
}

// openTable enters the table of a [header]. One that is there already is
// entered again after the report, since its keys are still worth a look.
func (b *builder) openTable(parent *value, p part) *value {
	table := parent.child(p.name)
	switch {
	case table == nil:
		table = newValue(parent, p, formHeader)
		parent.set(table)
	case table.form == formImplied:
		table.form, table.key, table.pos = formHeader, p.pos, p.pos
	default:
		b.twice(parent, p, table)
	}
	return table
}

// openItem enters a new table of an [[array]].
func (b *builder) openItem(parent *value, p part) *value {
	array := parent.child(p.name)
	switch {
	case array == nil:
		array = newValue(parent, p, formArray)
		array.kind = kindArray
		parent.set(array)
	case array.form != formArray:
		b.twice(parent, p, array)
		return newValue(parent, p, formHeader)
	}
	item := newValue(parent, p, formHeader)
	item.depth++
	array.items = append(array.items, item)
	return item
}

// assign sets KEY = VALUE in a table.
func (b *builder) assign(table *value, parts []part, n *unstable.Node) {
	table = b.descend(table, parts, formDotted)
	last := parts[len(parts)-1]
	if first := table.child(last.name); first != nil {
		b.twice(table, last, first)
		return
	}
	v := newValue(table, last, formClosed)
	v.pos = b.valuePosition(n)
	table.set(v)
	b.fill(v, n.Value())
}

// valuePosition finds the value behind the = of a key, since the parser's
// arrays do not know where they begin.
func (b *builder) valuePosition(n *unstable.Node) position {
	var end int
	for it := n.Key(); it.Next(); {
		raw := it.Node().Raw
		end = int(raw.Offset + raw.Length)
	}
	for b.data[end] == ' ' || b.data[end] == '\t' || b.data[end] == '=' {
		end++
	}
	return b.position(end)
}

// fill copies a value out of the parser, whose nodes last for one expression only.
func (b *builder) fill(v *value, n *unstable.Node) {
	v.kind = kindOf(n.Kind)
	if (v.kind == kindTable || v.kind == kindArray) && v.depth >= maxDepth {
		b.badKey(v, fmt.Sprintf("nested deeper than %d levels", maxDepth), "must be less deep, as all of perch's keys are")
		return
	}
	switch v.kind {
	case kindTable:
		for it := n.Children(); it.Next(); {
			b.assign(v, b.parts(it.Node()), it.Node())
		}
	case kindArray:
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, b.item(v, it.Node()))
		}
	default:
		v.text = string(n.Data)
	}
}

func (b *builder) item(array *value, n *unstable.Node) *value {
	item := newValue(array.parent, part{array.name, array.key}, formClosed)
	item.depth = array.depth + 1
	item.pos = array.pos
	if n.Raw.Length > 0 {
		item.pos = b.position(int(n.Raw.Offset))
		item.key = item.pos
	}
	b.fill(item, n)
	return item
}

func (b *builder) twice(table *value, p part, first *value) {
	b.add(p.pos, fmt.Sprintf("%s: given twice, first on line %d; must be given once", join(table.path(), p.name), first.key.line))
}

func newValue(parent *value, p part, f form) *value {
	return &value{name: p.name, parent: parent, form: f, depth: parent.depth + 1, key: p.pos, pos: p.pos}
}

func kindOf(k unstable.Kind) kind {
	switch k {
	case unstable.InlineTable:
		return kindTable
	case unstable.Array:
		return kindArray
	case unstable.String:
		return kindString
	case unstable.Integer:
		return kindInteger
	case unstable.Float:
		return kindFloat
	case unstable.Bool:
		return kindBoolean
	default:
		return kindTime
	}
}
