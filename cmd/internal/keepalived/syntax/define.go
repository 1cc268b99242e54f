package syntax

import "strings"

// variable is what $NAME stands for.
type variable struct {
	value string
	lines []line // if there are several, and value is nothing
}

func newVariable(lines []line) *variable {
	switch len(lines) {
	case 0:
		return &variable{}
	case 1:
		return &variable{value: lines[0].text}
	}
	return &variable{lines: lines}
}

func (p *parser) define(at Position, name string, v *variable) {
	p.vars[name] = v
	p.countVariables(at)
}

// defineForOther notes that a variable is defined on lines that begin with @ID for others.
func (p *parser) defineForOther(at Position, name, id string) {
	p.other[name] = append(p.other[name], id)
	p.countVariables(at)
}

func (p *parser) countVariables(at Position) {
	if len(p.vars)+len(p.other) > p.limits.variables {
		p.stop(at, "more than %d variables are defined", p.limits.variables)
	}
}

// definition takes $NAME=VALUE apart.
func definition(text string) (name, value string, ok bool) {
	if !strings.HasPrefix(text, "$") {
		return "", "", false
	}
	n := nameLen(text[1:])
	if n == 0 || !strings.HasPrefix(text[1+n:], "=") {
		return "", "", false
	}
	value = trim(text[n+2:])
	return text[1 : n+1], trimRight(strings.TrimSuffix(value, `\`)), true
}

// nameLen is the length of the name of a variable that text begins with.
func nameLen[T string | []byte](text T) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_', lower(c) >= 'a' && lower(c) <= 'z':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return i
		}
	}
	return len(text)
}

func oneLine(at Position, text string) []line {
	if text == "" {
		return nil
	}
	return []line{{at: at, text: text}}
}

// moreLines reads the lines of a definition after its first. Each but the last ends in a
// backslash; lines of a comment or of spaces between them need none.
func (p *parser) moreLines(r *reader, first Position, name string, lines []line) []line {
	for {
		raw, at, ok := r.next()
		if !ok {
			p.mistake(first, `the definition of $%s does not end, the file's last line ends in \`, name)
			return lines
		}
		if !p.countLine(at) || !p.fits(at, raw) {
			return lines
		}
		text, c := uncomment(raw)
		p.hideRest(at, text, &c)
		p.comment(c)
		lines = append(lines, oneLine(at, trimRight(strings.TrimSuffix(text, `\`)))...)
		if !continues(raw, text) && (text != "" || raw == "") {
			return lines
		}
	}
}
