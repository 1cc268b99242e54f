package syntax

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// maxPasses is how deep the values of variables may name other variables.
const maxPasses = 64

// texts holds the texts of many lines in few pieces of memory.
type texts struct{ b strings.Builder }

func (t *texts) add(text []byte) string {
	if t.b.Cap()-t.b.Len() < len(text) {
		t.b.Reset()
		t.b.Grow(max(64<<10, len(text)))
	}
	start := t.b.Len()
	t.b.Write(text)
	return t.b.String()[start:]
}

// reference is a use of a variable.
type reference struct {
	name   []byte
	args   string
	end    int // behind it
	braces bool
}

// referenceAt reads the $NAME or ${NAME ARGS} that text begins with. Without braces, a name
// ends where keepalived sees an end.
func referenceAt(text []byte) (r reference, ok bool) {
	if bytes.HasPrefix(text, []byte("${")) {
		n := bytes.IndexByte(text, '}')
		if n < 0 {
			return r, false
		}
		inside := text[2:n]
		length := nameLen(inside)
		r = reference{name: inside[:length], args: string(inside[length:]), end: n + 1, braces: true}
		return r, length > 0 && (r.args == "" || isSpace(r.args[0]) && r.takesArgs())
	}
	n := 1 + nameLen(text[1:])
	if n == 1 || n < len(text) && !isSpace(text[n]) && text[n] != ',' && text[n] != ')' {
		return r, false
	}
	return reference{name: text[1:n], end: n}, true
}

func (r *reference) takesArgs() bool { return string(r.name) == "_RANDOM" || string(r.name) == "_ENV" }

// expand replaces variables until there is none that has a value. When the line ends
// in a variable of several lines, that is returned with what stands before it.
func (p *parser) expand(at Position, text string) (string, *variable, bool) {
	in := append(p.buf[0][:0], text...)
	out := p.buf[1][:0]
	defer func() { p.buf = [2][]byte{in, out} }()
	for pass := 0; ; pass++ {
		var last []byte
		var several *variable
		var ok bool
		head, tail := in, []byte(nil)
		if pass > 0 {
			head, tail = beforeGenerator(in)
		}
		out, last, several, ok = p.replace(at, out[:0], head)
		out = append(out, tail...)
		in, out = out, in
		p.sizes.text += len(in)
		switch {
		case !ok:
			return "", nil, false
		case len(in) > p.limits.line:
			p.stop(at, "with the value of $%s the line has more than %d bytes", last, p.limits.line)
			return "", nil, false
		case p.sizes.text > p.limits.text:
			p.stop(at, "lines with variables have more than %d bytes", p.limits.text)
			return "", nil, false
		case several != nil:
			return p.text.add(in), several, true
		case last == nil && pass == 0:
			return text, nil, true
		case last == nil || bytes.IndexByte(in, '$') < 0:
			return p.text.add(in), nil, true
		case pass == maxPasses:
			p.mistake(at, "the value of $%s leads to itself", last)
			return "", nil, false
		}
	}
}

// beforeGenerator splits text before a ~SEQ or ~LST that the value of a variable brought,
// behind which nothing is replaced yet.
func beforeGenerator(text []byte) (head, tail []byte) {
	for i, c := range text {
		if c == '~' && (bytes.HasPrefix(text[i:], []byte("~SEQ")) || bytes.HasPrefix(text[i:], []byte("~LST"))) {
			return text[:i], text[i:]
		}
	}
	return text, nil
}

// replace appends text to out with its variables replaced, and tells the last of them.
func (p *parser) replace(at Position, out, text []byte) (_, last []byte, several *variable, ok bool) {
	for {
		i := bytes.IndexByte(text, '$')
		if i < 0 {
			return append(out, text...), last, nil, true
		}
		out, text = append(out, text[:i]...), text[i:]
		r, found := referenceAt(text)
		if !found {
			out, text = append(out, '$'), text[1:]
			continue
		}
		v, ok := p.lookup(at, r)
		switch {
		case !ok:
			return nil, nil, nil, false
		case v == nil:
			out = append(out, text[:r.end]...)
		case v.lines != nil && r.end < len(text):
			p.mistake(at, "$%s has several lines, so nothing may follow it", r.name)
			return nil, nil, nil, false
		case v.lines != nil:
			return out, r.name, v, true
		default:
			out, last = append(out, v.value...), r.name
		}
		text = text[r.end:]
		if len(out) > p.limits.line {
			return out, last, nil, true
		}
	}
}

// undefined says what is not replaced in a line, and whether the line can be used all the same.
func (p *parser) undefined(at Position, text string) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		if text[i] == '"' {
			quoted = !quoted
		}
		if text[i] != '$' {
			continue
		}
		r, ok := referenceAt([]byte(text[i:]))
		if !ok {
			if !quoted && strings.HasPrefix(text[i:], "${") {
				p.mistake(at, `"${" is not followed by the name of a variable and "}"`)
				return false
			}
			p.unreplaced(at, text[i+1:])
			continue
		}
		name := string(r.name) + " is not defined" + p.others(r.name)
		if confidential(text) {
			name = "in this secret is not defined"
		}
		if i == 0 || r.braces && !quoted {
			p.mistake(at, "the variable %s", name)
			return false
		}
		p.remark(at, "the variable %s, so its name is left as it is", name)
		i += r.end - 1
	}
	return true
}

// others tells for which other IDs a variable is defined.
func (p *parser) others(name []byte) string {
	ids := slices.Clone(p.other[string(name)])
	if ids == nil {
		return ""
	}
	slices.Sort(ids)
	return fmt.Sprintf(" for the ID %q, only for %s", p.o.ID, strings.Join(slices.Compact(ids), ", "))
}

// unreplaced remarks on the name of a variable that something follows.
func (p *parser) unreplaced(at Position, text string) {
	n := nameLen(text)
	if n > 0 && n < len(text) && p.vars[text[:n]] != nil {
		p.remark(at, "$%s is left as it is because of the %q behind it; ${%s} would be replaced", text[:n], text[n:n+1], text[:n])
	}
}
