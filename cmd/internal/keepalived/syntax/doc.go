// Package syntax turns the text of a keepalived.conf into statements: keywords with
// their arguments, blocks and comments, each knowing its file and line. It does for
// perch what keepalived does before any keyword has a meaning: comments, quotes,
// braces, include, @id lines, $VARIABLES, ~SEQ and ~LST.
//
// Goroutines: none. Parse is pure but for the files that it reads through [Files]. It
// must never run without end nor use memory without bound: all that a file can ask
// for has a limit, and beyond the limit is a mistake.
package syntax
