package syntax

import "strconv"

// Position is a place in a keepalived.conf or a file it includes. Line counts from 1.
type Position struct {
	File string
	Line int
}

// String returns FILE:LINE.
func (p Position) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Statement is a keyword with its arguments and, if it has one, its block.
type Statement struct {
	Position
	// Words is the keyword and its arguments as keepalived reads them where no escapes are
	// allowed: variables are replaced and the quotes taken away. It has at least one word.
	Words []string
	// Text is what Words was split from, for those who need to know the quotes.
	Text string
	// Block is what stands in braces.
	Block []*Statement
	// Braces says whether the statement has a block, which may be empty.
	Braces bool
	// Comments are the comment lines before the statement and the comment behind it,
	// without the # or !, in the order of the file.
	Comments []string
}

// Keyword returns the first word.
func (s *Statement) Keyword() string { return s.Words[0] }

// Args returns the words after the keyword.
func (s *Statement) Args() []string { return s.Words[1:] }

// Config is a keepalived.conf with all that it includes.
type Config struct {
	Statements []*Statement
	// Comments are those after the last statement.
	Comments []string
	// Files are all files that were read, in order, each once.
	Files []string
	// Remarks are what keepalived accepts and an operator may not have meant.
	Remarks Mistakes
}
