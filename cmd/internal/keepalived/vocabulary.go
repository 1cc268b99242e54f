package keepalived

import (
	"fmt"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// vocabulary is what the keywords of one kind of block mean for a T.
type vocabulary[T any] map[string]word[T]

// word is what a keyword means.
type word[T any] struct {
	// read takes the statement into the T; nil for a word without an equivalent.
	read func(im *importer, s *syntax.Statement, into T)
	// does and instead are for a word without an equivalent: see importer.lose.
	does, instead string
	// block says that the word may have braces.
	block bool
}

// means is a keyword that is read, without a block.
func means[T any](read func(im *importer, s *syntax.Statement, into T)) word[T] {
	return word[T]{read: read}
}

// opens is a keyword that is read with its block.
func opens[T any](read func(im *importer, s *syntax.Statement, into T)) word[T] {
	return word[T]{read: read, block: true}
}

// lost is a keyword that perch has no equivalent for: what keepalived does with it, and what to
// use instead.
func lost[T any](does, instead string) word[T] {
	return word[T]{does: does, instead: instead, block: true}
}

// lostFlag is such a keyword that may be told off, which is nothing to lose.
func lostFlag[T any](does, instead string) word[T] {
	return means(func(im *importer, s *syntax.Statement, _ T) {
		if on, ok := im.flag(s); ok && on {
			im.lose(s, does, instead)
		}
	})
}

// needless is a keyword that nothing has to be said or done for.
func needless[T any]() word[T] {
	return word[T]{read: func(*importer, *syntax.Statement, T) {}, block: true}
}

// needlessFlag is such a keyword that may be told on or off.
func needlessFlag[T any]() word[T] {
	return means(func(im *importer, s *syntax.Statement, _ T) { im.flag(s) })
}

// needlessNumber is such a keyword with an integer from least to most.
func needlessNumber[T any](least, most int) word[T] {
	return means(func(im *importer, s *syntax.Statement, _ T) { im.number(s, least, most) })
}

// readBlock reads the statements of a block, called in, by its words.
func readBlock[T any](im *importer, in string, statements []*syntax.Statement, words vocabulary[T], into T) {
	for _, s := range statements {
		if len(im.mistakes) == mostMistakes {
			return
		}
		w, known := words[s.Keyword()]
		switch {
		case !known:
			im.unknown(s, in, words.meant(s.Keyword()))
		case s.Braces && !w.block:
			im.wrong(s, "must have no block in braces")
		case w.read == nil:
			im.lose(s, w.does, w.instead)
		default:
			w.read(im, s, into)
		}
	}
}

// unknown says that a keyword is not known in a block. In one with secrets it may be one.
func (im *importer) unknown(s *syntax.Statement, in, hint string) {
	if hint == "" && (in == "authentication" || in == "auth_hmac") {
		im.mistake(s, "a word that is unknown in "+in)
		return
	}
	im.wrong(s, "unknown in "+in+hint)
}

// meant is a hint at the keyword that a misspelt one was meant to be.
func (v vocabulary[T]) meant(word string) string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	if name, ok := config.Nearest(word, names); ok {
		return fmt.Sprintf("; did you mean %s?", name)
	}
	return ""
}

// all gives several keywords one meaning.
func (v vocabulary[T]) all(w word[T], keywords ...string) {
	for _, keyword := range keywords {
		v[keyword] = w
	}
}

// add adds the keywords of other vocabularies.
func (v vocabulary[T]) add(others ...vocabulary[T]) {
	for _, other := range others {
		for keyword, w := range other {
			v[keyword] = w
		}
	}
}
