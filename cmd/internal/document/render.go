package document

import (
	"bytes"
	"strings"
)

// wide is the longest line of a list that is written in one, in bytes.
const wide = 120

// Rendered is the text of a document.
type Rendered struct {
	Text   []byte
	places []Place // of each line, from 0
}

// Place returns where a line of the text came from. Lines count from 1.
func (r *Rendered) Place(line int) Place {
	if line < 1 || line > len(r.places) {
		return Place{}
	}
	return r.places[line-1]
}

// Render writes the document.
func (d *Document) Render() *Rendered {
	w := newWriter(d.tables)
	w.comments(d.Head, Place{}, "")
	for _, t := range d.tables {
		w.table(t)
	}
	if len(d.Tail) > 0 {
		w.gap()
		w.comments(d.Tail, Place{}, "")
	}
	return &Rendered{w.text.Bytes(), w.places}
}

// writer writes line by line.
type writer struct {
	text   bytes.Buffer
	places []Place
}

// newWriter returns one with room for most of what the tables have.
func newWriter(tables []*Table) *writer {
	bytes, lines := 0, 0
	for _, t := range tables {
		bytes += len(t.header) + 2
		lines += len(t.keys) + 3
		for i := range t.keys {
			bytes += len(t.keys[i].name) + len(t.keys[i].text) + len(" = \n")
		}
	}
	w := &writer{places: make([]Place, 0, lines)}
	w.text.Grow(bytes)
	return w
}

// line ends a line that came from there.
func (w *writer) line(at Place) {
	w.text.WriteByte('\n')
	w.places = append(w.places, at)
}

// gap writes an empty line, but not at the top.
func (w *writer) gap() {
	if len(w.places) > 0 {
		w.line(Place{})
	}
}

func (w *writer) comments(lines []string, at Place, indent string) {
	for _, text := range lines {
		for line := range strings.Lines(text) {
			w.text.WriteString(indent)
			w.comment(line)
			w.line(at)
		}
		if text == "" {
			w.text.WriteString(indent + "#")
			w.line(at)
		}
	}
}

// comment writes what may stand in a comment: TOML forbids control characters there.
func (w *writer) comment(text string) {
	text = strings.TrimRight(strings.ToValidUTF8(text, "\uFFFD"), " \t\r\n")
	w.text.WriteByte('#')
	if text != "" {
		w.text.WriteByte(' ')
	}
	w.text.WriteString(strings.Map(printable, text))
}

func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return ' '
	}
	return r
}

// table writes a table, unless there is nothing in it.
func (w *writer) table(t *Table) {
	if t.empty() {
		return
	}
	t.keep()
	w.gap()
	w.comments(t.Comments, t.Place, "")
	w.text.WriteString(t.header)
	w.line(t.Place)
	for i := range t.keys {
		w.key(&t.keys[i], t.Place)
	}
	for _, within := range t.tables {
		w.table(within)
	}
}

func (w *writer) key(k *line, table Place) {
	at, m := k.place, k.more
	if at == (Place{}) {
		at = table
	}
	if m == nil {
		m = &more{}
	}
	w.comments(m.comments, at, "")
	w.text.WriteString(k.name)
	w.text.WriteString(" = ")
	if m.items != nil {
		w.list(m.items, at)
	} else {
		w.text.WriteString(k.text)
	}
	if m.remark != "" {
		w.text.WriteByte(' ')
		w.comment(m.remark)
	}
	w.line(at)
}

// long says whether the value is a list that takes more than one line.
func (v *Value) long(name int) bool {
	if len(v.items) > 1 && name+len(v.text) > wide {
		return true
	}
	for i := range v.items {
		if len(v.items[i].Comments) > 0 {
			return true
		}
	}
	return false
}

// list writes a list, an element a line.
func (w *writer) list(items []Item, at Place) {
	const indent = "    "
	w.text.WriteByte('[')
	w.line(at)
	for i := range items {
		item := &items[i]
		own := item.Place
		if own == (Place{}) {
			own = at
		}
		w.comments(item.Comments, own, indent)
		w.text.WriteString(indent + item.text + ",")
		w.line(own)
	}
	w.text.WriteByte(']')
}
