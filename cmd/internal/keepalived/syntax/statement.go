package syntax

import "strconv"

// Position is a place in a keepalived.conf or a file it includes. Line counts from 1.
type Position struct {
	File string
	Line int
}

// String returns FILE:LINE.
func (p Position) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Statement is a keyword with its arguments and, if it has one, its block. Its place is
// where its text stands; for a line of a definition of several lines that is in the
// definition. Statements share what they consist of: only Comments may be changed.
type Statement struct {
	Position
	// Words are the keyword and its arguments, at least one. Variables are replaced, "
	// around a word are taken away, and a backslash is a backslash. For scripts,
	// patterns and passwords see Escaped and Command.
	Words []string
	// Text is what Words were split from.
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
	// Remarks are about what keepalived accepts and an operator may not have meant.
	Remarks Mistakes
}
