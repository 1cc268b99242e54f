package config

import (
	"slices"
	"strings"
)

// key is one known key of a table: its name, what it takes, and where that goes.
type key struct {
	name     string
	required bool
	kinds    []string // of a check that it is for; none for all
	reader
}

// reader turns one value of the document into a field of the Config.
type reader struct {
	// allowed completes every message about the value: "must be ...".
	allowed string
	// read stores the value, or reports why not and leaves the field alone.
	read func(d *decoder, v *value)
	// keys returns those of the table, or of each of the tables, that is read; nil for none.
	keys func() []key
}

func optional(name string, r reader) key { return key{name: name, reader: r} }

func required(name string, r reader) key { return key{name: name, required: true, reader: r} }

// decoder reads one document.
type decoder struct {
	*report
	known []string // all documented keys
}

// decode reads the document's tables by the list of known keys.
func decode(r *report, root *value, keys []key) {
	d := &decoder{report: r, known: knownKeys("", keys)}
	d.table(root, keys)
}

// table reads a table: each key it has, then those that it should have.
func (d *decoder) table(table *value, keys []key) {
	for _, v := range table.fields {
		d.key(table, v, keys)
	}
	for _, k := range keys {
		if k.required && table.child(k.name) == nil {
			d.missing(table, k.name, allowedAt(k.allowed, join(table.path(), k.name)))
		}
	}
}

func (d *decoder) key(table, v *value, keys []key) {
	for _, k := range keys {
		if k.name == v.name {
			k.read(d, v)
			return
		}
	}
	d.unknown(table, v, keys)
}

func (d *decoder) unknown(table, v *value, keys []key) {
	problem := "unknown key"
	if v.kind == kindTable || v.form == formArray {
		problem = "unknown table"
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	allowed, word := "must be one of "+strings.Join(names, ", "), fromKeepalived(v.name)
	if near, ok := Nearest(word, names); ok {
		allowed = "did you mean " + near + "?"
		table.misspelt(near, v)
	} else if elsewhere, ok := sameName(word, d.known); ok && !endsOneOf(word, names) {
		allowed = "did you mean " + elsewhere + "?"
	} else if word != v.name && slices.Contains(d.known, word) {
		allowed = "did you mean [[" + word + "]]?"
	}
	d.badKey(v, problem, allowed)
}

// endsOneOf reports whether a word is the end of a name: what was meant is rather that.
func endsOneOf(word string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "_"+word) })
}

// wrongType says what was found where something else is wanted.
func (d *decoder) wrongType(v *value, wanted, allowed string) {
	d.badValue(v, "is "+v.kind.String()+", not "+wanted, allowedAt(allowed, v.path()))
}

// allowedAt names the key itself in what is allowed there.
func allowedAt(allowed, path string) string {
	return strings.Replace(allowed, "PATH", path, 1)
}

// knownKeys returns the full name of every key and table, in order.
func knownKeys(prefix string, keys []key) []string {
	var known []string
	for _, k := range keys {
		path := join(prefix, k.name)
		known = append(known, path)
		if k.keys != nil {
			known = append(known, knownKeys(path, k.keys())...)
		}
	}
	return known
}
