package syntax

// builder puts pieces of lines together to statements. It allocates many at once.
type builder struct {
	*report
	limits  *limits
	setting func(*Statement) // is told of the statements of global_defs

	all     []*Statement // of the blocks that are open, the outer ones first
	opened  []block
	pending []string   // comments that belong to the next statement
	last    *Statement // that a comment behind it belongs to
	closed  *Statement // the last block that was closed
	closer  Position   // where
	count   int
	scratch []piece

	statementPool []Statement
	pointerPool   []*Statement
	wordPool      []string
}

// block is one that is open.
type block struct {
	of    *Statement
	start int // of its statements in all
}

// pool is how much is allocated at once.
const pool = 1024

// add adds what a line consists of.
func (b *builder) add(at Position, line []piece) {
	for i := range line {
		if b.stopped {
			return
		}
		switch p := &line[i]; p.kind {
		case inText:
			b.statement(at, p)
		case opening:
			b.open(at)
		case closing:
			b.close(at)
		}
	}
}

func (b *builder) statement(at Position, p *piece) {
	words := p.words
	if words == nil {
		if words = b.words(at, p.text); words == nil {
			return
		}
	}
	if b.count++; b.count > b.limits.statements {
		b.stop(at, "more than %d statements", b.limits.statements)
		return
	}
	if _, ok := includes(words[0]); ok {
		b.mistake(at, "%s: not the first word of a line, or without the name of a file", words[0])
		return
	}
	if len(b.opened) > 0 && isRoot(words[0]) {
		b.outside(at, words)
	}
	if len(b.statementPool) == 0 {
		b.statementPool = make([]Statement, pool)
	}
	s := &b.statementPool[0]
	b.statementPool = b.statementPool[1:]
	*s = Statement{Position: at, Words: words, Text: p.text, Comments: b.pending}
	b.pending, b.last = nil, s
	b.all = append(b.all, s)
	if len(b.opened) == 1 && b.opened[0].of.Keyword() == "global_defs" {
		b.setting(s)
	}
}

// split finds the words of a piece that is used more than once.
func (b *builder) split(at Position, p *piece) {
	if p.kind == inText {
		p.words = b.words(at, p.text)
	}
}

// words splits text; what has escaped quotes only the rules of scripts can split.
func (b *builder) words(at Position, text string) []string {
	if cap(b.wordPool)-len(b.wordPool) < 8 {
		b.wordPool = make([]string, 0, 2*pool)
	}
	start := len(b.wordPool)
	words, err := plainWords(b.wordPool, text)
	if err != nil {
		if words, err = escapedWords(text); err != nil {
			b.mistake(at, "%s: %v", about(text), err)
			return nil
		}
		return words
	}
	b.wordPool = words
	return words[start:len(words):len(words)]
}

func (b *builder) open(at Position) {
	inner := b.inner()
	if len(inner) == 0 || inner[len(inner)-1].Braces {
		b.mistake(at, "a { without a keyword before it")
		inner = append(inner, &Statement{Position: at, Words: []string{"{"}})
		b.all = append(b.all, inner[len(inner)-1])
	}
	s := inner[len(inner)-1]
	if len(b.opened) == b.limits.blocks {
		b.stop(at, "more than %d blocks are open, the innermost since %s", b.limits.blocks, b.opened[len(b.opened)-1].of.Position)
		return
	}
	s.Braces = true
	b.last = s
	b.opened = append(b.opened, block{s, len(b.all)})
}

// inner are the statements so far of the innermost block that is open.
func (b *builder) inner() []*Statement {
	if len(b.opened) == 0 {
		return b.all
	}
	return b.all[b.opened[len(b.opened)-1].start:]
}

func (b *builder) close(at Position) {
	if len(b.opened) == 0 {
		b.surplus(at)
		return
	}
	s, inner := b.opened[len(b.opened)-1].of, b.inner()
	s.Block = b.keep(inner)
	if b.pending != nil {
		owner := s
		if len(inner) > 0 {
			owner = inner[len(inner)-1]
		}
		owner.Comments = append(owner.Comments, b.pending...)
		b.pending = nil
	}
	b.all = b.all[:len(b.all)-len(inner)]
	b.opened = b.opened[:len(b.opened)-1]
	b.last, b.closed, b.closer = s, s, at
}

// keep copies the statements of a block to where they stay.
func (b *builder) keep(statements []*Statement) []*Statement {
	n := len(statements)
	if n > len(b.pointerPool) {
		b.pointerPool = make([]*Statement, max(pool, n))
	}
	kept := b.pointerPool[:n:n]
	b.pointerPool = b.pointerPool[n:]
	copy(kept, statements)
	return kept
}

func (b *builder) surplus(at Position) {
	for i := len(b.all) - 1; i >= 0; i-- {
		s := b.all[i]
		if isRoot(s.Keyword()) && !s.Braces {
			b.mistake(at, "a } without a block; %s at %s has no {", label(s.Words), s.Position)
			return
		}
		if isRoot(s.Keyword()) {
			break
		}
	}
	if b.closed == nil {
		b.mistake(at, "a } without a { before it")
		return
	}
	b.mistake(at, "a } without a block; the last one, %s at %s, is closed at %s", label(b.closed.Words), b.closed.Position, b.closer)
}

// outside closes all blocks before a statement that can stand in none.
func (b *builder) outside(at Position, words []string) {
	outer := b.opened[len(b.opened)-1].of
	b.mistake(at, "%s begins in the block of %s, which began at %s; is a } missing?", label(words), label(outer.Words), outer.Position)
	for len(b.opened) > 0 {
		b.close(at)
	}
}

// finish reports the blocks that are open at the end.
func (b *builder) finish() {
	if b.stopped {
		return
	}
	for _, o := range b.opened {
		b.mistake(o.of.Position, "the block of %s, which begins here, is not closed", label(o.of.Words))
	}
}

func (b *builder) comment(c comment) {
	if c.given {
		b.pending = append(b.pending, clean(c.text))
	}
}
