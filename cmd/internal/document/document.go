package document

// Place is where something came from: a line of a file. The zero Place is nowhere.
type Place struct {
	File string
	Line int
}

// Document is a perch.toml that is being written.
type Document struct {
	Head []string // comments before the first table
	Tail []string // comments behind the last one

	tables []*Table
}

// Table is a table of the document, or one element of an array of tables.
type Table struct {
	Place
	Comments []string // lines above its name

	header string // such as "[[vrrp]]"
	path   string // such as "vrrp"
	keys   []line // but for the last
	last   Key
	tables []*Table
}

// Key is a key of a table with its value.
type Key struct {
	Place
	Comments []string // lines above it
	Remark   string   // behind it, on the same line; "" for none

	name  string
	value Value
}

// Table adds a table such as [node], which a document has once.
func (d *Document) Table(name string, at Place) *Table {
	return d.add(&Table{Place: at, path: name, header: "[" + name + "]"})
}

// Element adds an element to an array of tables such as [[vrrp]].
func (d *Document) Element(name string, at Place) *Table {
	return d.add(&Table{Place: at, path: name, header: "[[" + name + "]]"})
}

func (d *Document) add(t *Table) *Table {
	d.tables = append(d.tables, t)
	return t
}

// Table adds a table within t: "auth" in a vrrp is [vrrp.auth].
func (t *Table) Table(name string, at Place) *Table {
	path := t.path + "." + name
	return t.add(&Table{Place: at, path: path, header: "[" + path + "]"})
}

// Element adds an element to an array of tables within t: "server" in a service is
// [[service.server]].
func (t *Table) Element(name string, at Place) *Table {
	path := t.path + "." + name
	return t.add(&Table{Place: at, path: path, header: "[[" + path + "]]"})
}

func (t *Table) add(within *Table) *Table {
	t.tables = append(t.tables, within)
	return within
}

// line is a key as it is kept: there may be a million of them.
type line struct {
	name, text string
	place      Place
	more       *more // nil for most
}

// more is what few keys have.
type more struct {
	items    []Item
	comments []string
	remark   string
}

// usual is how many keys a table has room for at first.
const usual = 12

// Set adds a key, and returns it for comments. It is valid until the next Set.
func (t *Table) Set(name string, v Value, at Place) *Key {
	t.keep()
	t.last = Key{Place: at, name: name, value: v}
	return &t.last
}

// keep keeps the last key.
func (t *Table) keep() {
	k := &t.last
	if k.name == "" {
		return
	}
	l := line{name: k.name, text: k.value.text, place: k.Place}
	if !k.value.long(len(k.name)) {
		k.value.items = nil
	}
	if k.value.items != nil || k.Comments != nil || k.Remark != "" {
		l.more = &more{k.value.items, k.Comments, k.Remark}
	}
	if t.keys == nil {
		t.keys = make([]line, 0, usual)
	}
	t.keys = append(t.keys, l)
	t.last = Key{}
}

// empty says whether there is nothing in the table.
func (t *Table) empty() bool {
	return len(t.keys)+len(t.tables)+len(t.Comments) == 0 && t.last.name == ""
}
