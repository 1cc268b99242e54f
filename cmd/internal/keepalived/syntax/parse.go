package syntax

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// parser reads one config.
type parser struct {
	builder
	o      Options
	limits limits
	files  []string
	sizes  sizes
	vars   map[string]*variable
	other  map[string][]string // variables defined for other IDs only, with those
	in     *source             // the file that is being read
	check  checks              // include_check
	random random
	text   texts
	buf    [2][]byte
	depth  int  // definitions in definitions
	warned bool // of a backslash behind a comment
}

// sizes are what counts for the limits.
type sizes struct{ files, bytes, lines, text int }

// source is a file that is being read.
type source struct {
	path   string
	folder string // for ${_PWD}, "" until it is asked for
	depth  int
}

// Parse reads a keepalived.conf and what it includes. Its error, if there is one, is a
// Mistakes with all that is wrong.
func Parse(path string, o Options) (*Config, error) {
	p := &parser{o: o, limits: defaultLimits, vars: map[string]*variable{}, other: map[string][]string{}}
	if o.limits != nil {
		p.limits = *o.limits
	}
	if p.o.Files == nil {
		p.o.Files = OSFiles{}
	}
	p.builder = builder{report: &report{}, limits: &p.limits, setting: p.setting}
	data, err := p.o.Files.Read(path)
	if err != nil {
		return nil, Mistakes{{Position{path, 1}, reason(err)}}
	}
	if mode, err := p.o.Files.Mode(path); err == nil && isExecutable(mode) {
		p.remark(Position{path, 1}, "the file may be executed, and keepalived reads no such file")
	}
	p.file(Position{path, 1}, path, data)
	p.finish()
	if p.mistakes != nil {
		return nil, p.mistakes
	}
	return &Config{Statements: p.all, Comments: p.pending, Files: p.files, Remarks: p.remarks}, nil
}

// reason is an error of a file without its path, which stands beside it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}

// file reads a file whose text is given. Its limits are told at the place that asked for it.
func (p *parser) file(at Position, path string, data []byte) {
	p.sizes.files++
	p.sizes.bytes += len(data)
	s := &source{path: path}
	if p.in != nil {
		s.depth = p.in.depth + 1
	}
	switch {
	case p.sizes.files > p.limits.files:
		p.stop(at, "more than %d files are read", p.limits.files)
	case p.sizes.bytes > p.limits.bytes:
		p.stop(at, "the files have more than %d bytes", p.limits.bytes)
	case s.depth > p.limits.depth:
		p.stop(at, "files include each other more than %d deep; does %s include itself?", p.limits.depth, path)
	case slices.Contains(data, 0):
		p.mistake(Position{path, 1}, "not a text file, it has a byte 0")
	default:
		p.read(s, string(data))
	}
}

func (p *parser) read(s *source, text string) {
	if !slices.Contains(p.files, s.path) {
		p.files = append(p.files, s.path)
	}
	outer, check := p.in, p.check
	p.in = s
	r := &reader{file: s.path, rest: strings.TrimPrefix(text, "\ufeff")}
	for !p.stopped {
		raw, at, ok := r.next()
		if !ok {
			break
		}
		p.fileLine(r, raw, at)
	}
	p.in, p.check = outer, check
}

// fileLine reads one line of a file, or all lines of a definition.
func (p *parser) fileLine(r *reader, raw string, at Position) {
	if !p.countLine(at) || !p.fits(at, raw) {
		return
	}
	text, c := uncomment(raw)
	p.hideRest(at, text, &c)
	if c.escaped {
		p.mistake(at, `\ before # or ! does not keep it from beginning a comment; quotes do`)
	}
	if text == "" {
		p.comment(c)
		p.backslash(at, raw, c)
		return
	}
	rest, taken := p.condition(at, text)
	if name, value, ok := definition(rest); ok {
		p.comment(c)
		lines := oneLine(at, value)
		if continues(raw, text) {
			lines = p.moreLines(r, at, name, lines)
		}
		if taken {
			p.define(at, name, newVariable(lines))
		} else {
			p.defineForOther(at, name, strings.Fields(text)[0])
		}
		return
	}
	if !taken {
		return
	}
	if strings.HasSuffix(text, `\`) {
		p.mistake(at, `\ at the end of a line that is not in a definition; keepalived joins no lines`)
		return
	}
	p.backslash(at, raw, c)
	p.last = nil
	p.interpret(at, text)
	if p.last != nil && c.given {
		p.last.Comments = append(p.last.Comments, clean(c.text))
	} else {
		p.comment(c)
	}
}

// backslash remarks on a comment that ends in a backslash, outside a definition.
func (p *parser) backslash(at Position, raw string, c comment) {
	if c.given && continues(raw, "") && !p.warned {
		p.warned = true
		p.remark(at, `a comment that ends in \, which keepalived reads as a word`)
	}
}

// line reads a line without comment that was generated.
func (p *parser) line(at Position, text string) {
	if p.countLine(at) {
		p.interpret(at, text)
	}
}

// interpret reads a line without comment, of a file or as it was generated.
func (p *parser) interpret(at Position, text string) {
	text, ok := p.special(at, text)
	if !ok {
		return
	}
	if strings.IndexByte(text, '$') < 0 {
		p.plain(at, text)
		return
	}
	expanded, several, ok := p.expand(at, text)
	if !ok {
		return
	}
	if several != nil {
		p.lines(at, expanded, several)
		return
	}
	expanded, _ = uncomment(expanded)
	if expanded, ok = p.special(at, expanded); !ok {
		return
	}
	if strings.IndexByte(expanded, '$') < 0 || p.undefined(at, expanded) {
		p.plain(at, expanded)
	}
}

// special deals with conditions, definitions and ~SEQ, and returns what else there is.
func (p *parser) special(at Position, text string) (string, bool) {
	text, ok := p.condition(at, text)
	if !ok || text == "" {
		return "", false
	}
	switch text[0] {
	case '$':
		if name, value, ok := definition(text); ok {
			p.define(at, name, newVariable(oneLine(at, value)))
			return "", false
		}
	case '~':
		if g, ok := p.generator(at, text); ok {
			p.generate(at, g)
			return "", false
		}
	}
	return text, true
}

// lines reads the lines of a variable, the first one with what stands before the variable.
func (p *parser) lines(at Position, before string, v *variable) {
	if p.depth == p.limits.depth {
		p.stop(at, "definitions use each other more than %d deep; does one use itself?", p.limits.depth)
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	for i := range v.lines {
		switch {
		case p.stopped:
			return
		case i == 0 && before != "":
			first, _ := uncomment(before + v.lines[0].text)
			p.line(at, first)
		default:
			p.definedLine(&v.lines[i])
		}
	}
}

// definedLine reads a line of a definition. What never changes is kept for the next time.
func (p *parser) definedLine(l *line) {
	if !l.isPlain {
		if strings.IndexByte(l.text, '$') >= 0 || strings.IndexByte("@~", l.text[0]) >= 0 || isInclude(l.text) {
			p.line(l.at, l.text)
			return
		}
		l.pieces, l.isPlain = pieces(nil, l.text), true
		for i := range l.pieces {
			p.split(l.at, &l.pieces[i])
		}
	}
	if p.countLine(l.at) {
		p.add(l.at, l.pieces)
	}
}

// plain reads a line in which everything is replaced.
func (p *parser) plain(at Position, text string) {
	if isInclude(text) {
		p.include(at, text)
		return
	}
	p.scratch = pieces(p.scratch[:0], text)
	p.add(at, p.scratch)
}

// countLine counts a line, also one that says nothing: each takes time, and most take memory.
func (p *parser) countLine(at Position) bool {
	p.sizes.lines++
	if p.sizes.lines > p.limits.lines {
		p.stop(at, "more than %d lines are read and generated", p.limits.lines)
	}
	return !p.stopped
}

// fits reports whether a line of a file is not too long.
func (p *parser) fits(at Position, raw string) bool {
	if len(raw) > p.limits.line {
		p.stop(at, "a line of more than %d bytes", p.limits.line)
	}
	return !p.stopped
}

// condition returns what stands behind @ID or @^ID, and whether it is for this node.
func (p *parser) condition(at Position, text string) (string, bool) {
	if !strings.HasPrefix(text, "@") {
		return text, true
	}
	n := strings.IndexAny(text, space)
	if n < 0 {
		return "", false
	}
	word, rest := text[1:n], trimLeft(text[n:])
	if strings.HasPrefix(rest, "@") {
		p.mistake(at, "%s: a line has no second condition", about(rest))
		return "", false
	}
	other, negated := strings.CutPrefix(word, "^")
	if negated {
		return rest, other != p.o.ID
	}
	return rest, word == p.o.ID
}
