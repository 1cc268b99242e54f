package config

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// What may be added to a table or array, by the form it was begun in, is as
// go-toml's own decoder has it.
func TestGivenTwice(t *testing.T) {
	const fine, twice = false, true
	for text, want := range map[string]bool{
		"a = 1; b = 1":                fine,
		"a = 1; a = 1":                twice,
		"a = 1; a.b = 1":              twice,
		"a = {}; a.b = 1":             twice,
		"a = {b = 1, c = 1}":          fine,
		"a = {b = 1, b = 1}":          twice,
		"a = {b.c = 1, b.d = 1}":      fine,
		"a = {b.c = 1, b.c = 1}":      twice,
		"a = [{b = 1}, {b = 1}]":      fine,
		"a = [{b = 1, b = 1}]":        twice,
		"a.b = 1; a.c = 1":            fine,
		"a.b = 1; a.b.c = 1":          twice,
		"a.b = 1; a = 1":              twice,
		"a.b = 1; [a]":                twice,
		"a.b = 1; [a.c]":              fine,
		"a.b = 1; [a.b]":              twice,
		"a.b.c = 1; [a.b.d]":          fine,
		"a = 1; [a]":                  twice,
		"a = 1; [a.b]":                twice,
		"a = {}; [a]":                 twice,
		"a = {}; [a.b]":               twice,
		"[a]; [a]":                    twice,
		"[a]; [a.b]":                  fine,
		"[a.b]; [a]":                  fine,
		"[a.b]; [a]; [a]":             twice,
		"[a.b]; [a]; b = 1":           twice,
		"[a.b]; [a]; b.c = 1":         twice,
		"[a.b.c]; [a]; b.d = 1":       twice,
		"[a]; b = 1; [a.b]":           twice,
		"[a]; b.c = 1; [a.b]":         twice,
		"[a]; b.c = 1; [a.b.d]":       fine,
		"[[a]]; b = 1; [[a]]; b = 1":  fine,
		"[[a]]; b = 1; b = 1":         twice,
		"[[a]]; [a.b]; [[a]]; [a.b]":  fine,
		"[[a]]; [a.b]; [a.b]":         twice,
		"[[a]]; [[a.b]]; [[a.b]]":     fine,
		"[[a]]; [a]":                  twice,
		"[a]; [[a]]":                  twice,
		"[a.b]; [[a]]":                twice,
		"a = []; [[a]]":               twice,
		"a = [{}]; [a.b]":             twice,
		"a.b = 1; [[a]]":              twice,
		"[[a.b]]; [a]; b.c = 1":       twice,
		"[[a.b]]; [a]; c = 1":         fine,
		"[[a.b]]; [[a]]":              twice,
		"[a.a]; [a]; [\"a\".'a'.a]":   fine,
		"\"a\" = 1; 'a' = 1":          twice,
		"\"\\u0061\" = 1; a = 1":      twice,
		"\"\" = 1; [b]; \"\" = 1":     fine,
		"[a]; [b]; [a]; c = 1; c = 1": twice,
	} {
		doc := []byte(strings.ReplaceAll(text, "; ", "\n"))
		r := &report{}
		if _, ok := parseTree(r, doc); !ok {
			t.Fatalf("%s: %v", text, r.mistakes)
		}
		if got := len(r.mistakes) > 0; got != want {
			t.Errorf("%s: %v, want a mistake: %v", text, r.mistakes, want)
		}
		var anything map[string]any
		if err := toml.Unmarshal(doc, &anything); (err != nil) != want {
			t.Errorf("%s: go-toml says %v", text, err)
		}
	}
}

func TestPositions(t *testing.T) {
	text := "a  =\t 1 # é\r\n" +
		"'é' . b = [ 2,\n" +
		"   3, [4] ]\n" +
		"[ c . d ]\n" +
		"\te.f = { g = '''\n'''}\n"
	r := &report{}
	root, ok := parseTree(r, []byte(text))
	if !ok {
		t.Fatal(r.mistakes)
	}
	b := root.child("é").child("b")
	f := root.child("c").child("d").child("e").child("f")
	for name, c := range map[string]struct {
		v        *value
		key, pos position
	}{
		"document":       {root, position{1, 1}, position{1, 1}},
		"number":         {root.child("a"), position{1, 1}, position{1, 7}},
		"dotted table":   {root.child("é"), position{2, 1}, position{2, 1}},
		"array":          {b, position{2, 8}, position{2, 12}}, // é is two bytes
		"item":           {b.items[1], position{3, 4}, position{3, 4}},
		"array in array": {b.items[2], position{2, 8}, position{2, 12}},
		"implied table":  {root.child("c"), position{4, 3}, position{4, 3}},
		"table":          {root.child("c").child("d"), position{4, 7}, position{4, 7}},
		"inline table":   {f, position{5, 4}, position{5, 8}},
		"string":         {f.child("g"), position{5, 10}, position{5, 14}},
	} {
		if c.v.key != c.key || c.v.pos != c.pos {
			t.Errorf("%s: key at %v, value at %v, want %v and %v", name, c.v.key, c.v.pos, c.key, c.pos)
		}
	}
}
