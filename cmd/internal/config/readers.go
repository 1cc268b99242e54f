package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The readers of values of any type are thin: what does not need the type is in a reader of
// its own, which the binary has once.

// text reads a string; parse says what is wrong with one, as in "is empty".
func text[T any](dst *T, allowed string, parse func(string) (T, error)) reader {
	return readText(allowed, func(s string) error {
		parsed, err := parse(s)
		if err == nil {
			*dst = parsed
		}
		return err
	})
}

// readText reads a string that store takes, or says what is wrong with.
func readText(allowed string, store func(string) error) reader {
	return reader{allowed: allowed, read: func(d *decoder, v *value) {
		if v.kind != kindString {
			d.wrongType(v, "a string", allowed)
		} else if err := store(v.text); err != nil {
			d.badValue(v, err.Error(), allowed)
		}
	}}
}

// concealed has a reader say what is wrong with a value without the value, which may have a
// secret in it.
func concealed(whole reader) reader {
	read := whole.read
	whole.read = func(d *decoder, v *value) {
		before := len(d.mistakes)
		read(d, v)
		for i := range d.mistakes[before:] {
			m := &d.mistakes[before+i]
			for _, each := range append([]*value{v}, v.items...) {
				if each.pos == (position{m.Line, m.Col}) {
					m.Text = strings.Replace(m.Text, each.assigned(), "", 1)
				}
			}
		}
	}
	return whole
}

// option is one word that a choice takes, and what it stands for.
type option[T any] struct {
	word string
	is   T
}

// choice reads one of a few words.
func choice[T any](dst *T, options ...option[T]) reader {
	words := make([]string, len(options))
	for i, o := range options {
		words[i] = o.word
	}
	return readWord(words, func(i int) { *dst = options[i].is })
}

// readWord reads one of a few words, whose index store takes.
func readWord(words []string, store func(int)) reader {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	return readText("must be one of "+strings.Join(quoted, ", "), func(s string) error {
		i := slices.Index(words, s)
		if i < 0 {
			return errUnknownWord
		}
		store(i)
		return nil
	})
}

// words reads one of a few words that stand for themselves.
func words(dst *string, allowed ...string) reader {
	return readWord(allowed, func(i int) { *dst = allowed[i] })
}

// duration reads a Go duration within limits, both allowed.
func duration(dst *time.Duration, least, most time.Duration) reader {
	allowed := fmt.Sprintf(`must be a number with a unit, like "150ms", from %v to %v`, least, most)
	return text(dst, allowed, func(s string) (time.Duration, error) { return parseDuration(s, least, most) })
}

// seconds reads a duration within limits that is kept in whole seconds.
func seconds(dst *time.Duration, least, most time.Duration) reader {
	allowed := fmt.Sprintf(`must be whole seconds, like "90s" or "5m", from %v to %v`, least, most)
	return text(dst, allowed, func(s string) (time.Duration, error) {
		d, err := parseDuration(s, least, most)
		if err == nil && d%time.Second != 0 {
			err = errNotWhole
		}
		return d, err
	})
}

func parseDuration(s string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, errNoDuration
	case d < least:
		return 0, errTooShort
	case d > most:
		return 0, errTooLong
	}
	return d, nil
}

// integer reads a whole number within limits, both allowed.
func integer[T int | uint16 | uint32](dst *T, least, most T) reader {
	allowed := fmt.Sprintf("must be an integer from %d to %d", least, most)
	return reader{allowed: allowed, read: func(d *decoder, v *value) {
		if v.kind != kindInteger {
			d.wrongType(v, "an integer", allowed)
			return
		}
		// The parser vouches for the form; Go has the same prefixes and underscores.
		n, err := strconv.ParseInt(v.text, 0, 64)
		if err != nil || n < int64(least) || n > int64(most) {
			d.badValue(v, "is out of range", allowed)
			return
		}
		*dst = T(n)
	}}
}

// pointer reads what is nil unless it is there. Each value has a place of its own, though one
// reader may read several: see tables.
func pointer[T any](dst **T, of func(*T) reader) reader {
	n := new(T)
	whole := of(n)
	read := whole.read
	whole.read = func(d *decoder, v *value) {
		read(d, v)
		*dst = new(*n)
	}
	return whole
}

func boolean(dst *bool) reader {
	const allowed = "must be true or false"
	return reader{allowed: allowed, read: func(d *decoder, v *value) {
		if v.kind != kindBoolean {
			d.wrongType(v, "a boolean", allowed)
			return
		}
		*dst = v.text == "true"
	}}
}

// negation reads a boolean that is kept the other way round.
func negation(dst *bool) reader {
	var is bool
	r := boolean(&is)
	read := r.read
	r.read = func(d *decoder, v *value) {
		is = !*dst
		read(d, v)
		*dst = !is
	}
	return r
}

// textOrTable reads what may be written as a string by itself, or as a table with more.
func textOrTable(short, whole reader, allowed string) reader {
	return reader{allowed: allowed, keys: whole.keys, read: func(d *decoder, v *value) {
		switch v.kind {
		case kindString:
			short.read(d, v)
		case kindTable:
			whole.read(d, v)
		default:
			d.wrongType(v, "a string or a table", allowed)
		}
	}}
}

// table reads a [table] over what dst holds already.
func table[T any](dst *T, keys func(*T) []key) reader {
	return readTable(func() []key { return keys(dst) })
}

func readTable(keys func() []key) reader {
	const allowed = "must be written [PATH]"
	return reader{allowed: allowed, keys: keys, read: func(d *decoder, v *value) {
		if v.kind != kindTable {
			d.wrongType(v, "a table", allowed)
			return
		}
		d.table(v, keys())
	}}
}

// tablePointer reads a [table] whose absence means something: dst stays nil.
func tablePointer[T any](dst **T, defaults T, keys func(*T) []key) reader {
	t := &defaults
	r := table(t, keys)
	read := r.read
	r.read = func(d *decoder, v *value) {
		if v.kind == kindTable {
			*dst = t
		}
		read(d, v)
	}
	return r
}

// tables reads an array of [[tables]]. It appends an element for each one,
// right or wrong, so that element i of dst is item i of the document. All are read into
// the same place, one after the other, since making keys costs more than reading them.
func tables[T any](dst *[]T, defaults T, keys func(*T) []key) reader {
	const allowed = "must be tables, each written [[PATH]]"
	return reader{allowed: allowed, keys: func() []key { return keys(new(T)) }, read: func(d *decoder, v *value) {
		if v.kind != kindArray {
			d.wrongType(v, "an array of tables", allowed)
			return
		}
		*dst = slices.Grow(*dst, len(v.items))
		element := new(T)
		own := keys(element)
		for _, item := range v.items {
			*element = defaults
			if item.kind == kindTable {
				d.table(item, own)
			} else {
				d.wrongType(item, "a table", allowed)
			}
			*dst = append(*dst, *element)
		}
	}}
}

// list reads an array, each element by its own reader. It appends an element for each
// one, right or wrong, so that element i of dst is item i of the document.
func list[T any](dst *[]T, allowed string, each func(*T) reader) reader {
	return readList(allowed, keysOf(each), appendTo(dst, each))
}

// appendTo returns how a value becomes an element of a list.
func appendTo[T any](dst *[]T, each func(*T) reader) func(*decoder, *value) {
	return func(d *decoder, v *value) {
		var element T
		each(&element).read(d, v)
		*dst = append(*dst, element)
	}
}

func readList(allowed string, keys func() []key, each func(*decoder, *value)) reader {
	return reader{allowed: allowed, keys: keys, read: func(d *decoder, v *value) {
		if v.kind != kindArray {
			d.wrongType(v, "an array", allowed)
			return
		}
		for _, item := range v.items {
			each(d, item)
		}
	}}
}

// texts reads an array of strings.
func texts[T any](dst *[]T, allowed, each string, parse func(string) (T, error)) reader {
	return list(dst, allowed, func(element *T) reader { return text(element, each, parse) })
}

// oneOrMore reads what may be written as one element by itself, or as a list of them. It
// appends an element for each one, right or wrong: see elements.
func oneOrMore[T any](dst *[]T, allowed string, each func(*T) reader) reader {
	return readOneOrMore(allowed, keysOf(each), appendTo(dst, each))
}

// keysOf returns the keys of an element that is a table. It makes one only when it is asked.
func keysOf[T any](each func(*T) reader) func() []key {
	return func() []key {
		if keys := each(new(T)).keys; keys != nil {
			return keys()
		}
		return nil
	}
}

func readOneOrMore(allowed string, keys func() []key, each func(*decoder, *value)) reader {
	return reader{allowed: allowed, keys: keys, read: func(d *decoder, v *value) {
		for _, element := range elements(v) {
			each(d, element)
		}
	}}
}

// elements returns what oneOrMore has read, one value for each element.
func elements(v *value) []*value {
	switch {
	case v == nil:
		return nil
	case v.kind == kindArray:
		return v.items
	default:
		return []*value{v}
	}
}

// named reads one of a few words that stand for themselves, and suggests one for a word
// that is not known.
func named(dst *string, words []string) reader {
	allowed := "must be one of " + strings.Join(words, ", ")
	return reader{allowed: allowed, read: func(d *decoder, v *value) {
		switch {
		case v.kind != kindString:
			d.wrongType(v, "a string", allowed)
		case !slices.Contains(words, v.text):
			rule := allowed
			if near, ok := Nearest(v.text, words); ok {
				rule = "did you mean " + near + "?"
			}
			d.badValue(v, errUnknownWord.Error(), rule)
		default:
			*dst = v.text
		}
	}}
}
