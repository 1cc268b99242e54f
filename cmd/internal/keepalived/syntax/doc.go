// Package syntax turns the text of a keepalived.conf into statements: keywords with
// their arguments, blocks and comments, each knowing its file and line. It does for
// perch what keepalived does before any keyword has a meaning: comments, quotes,
// braces, include, @id lines, $VARIABLES, ~SEQ and ~LST.
//
// The order of things, as in keepalived 2.2.7 against which all of it was tried:
//
//   - A comment begins at a # or ! outside of " quotes. (line.go)
//   - @ID and @^ID keep or drop the rest of a line.
//   - $NAME=VALUE defines. A \ at the end of each line but the last makes it a definition of
//     several lines, which ends at an empty line too. Its lines are read when it is used, as
//     if they stood there, so they may define, include and generate. (define.go)
//   - ~SEQ and ~LST read the rest of their line again and again. (generate.go)
//   - $NAME (before a space, comma, closing parenthesis or the end) and ${NAME} are
//     replaced, in quotes too, and then what came of it, until there are none. A variable of
//     several lines must be the last thing on its line. (expand.go, builtin.go)
//   - A comment, condition, definition or generator that came of this counts. So
//     $OFF=${_HASH} switches lines off that begin with $OFF.
//   - include takes the rest of the line as a pattern, relative to the folder of the file
//     that it stands in. Files that may be executed are passed over. (include.go, glob.go)
//   - { and } outside of " quotes end statements. (build.go)
//   - Words end at spaces and at quotes. (words.go) Which keywords have their words
//     split by the richer rules of Escaped and Command is for others to know.
//
// Where keepalived warns and goes on with half of it, this is a mistake: braces that do
// not match, quotes that are not closed, ${NAME} without a definition, \ at the end of a
// line elsewhere, \# outside quotes (it begins a comment in keepalived's second reading), a
// wrong ~SEQ. A $NAME without a definition stays as it is with a remark, as it may be
// meant for a script; at the beginning of a line it is a mistake. A file that is not there is
// a mistake for the includes that say so, else a remark; a wildcard may match nothing.
// Where bugs of keepalived 2.2.7 spoil what its manual promises (include behind ~SEQ, a
// condition in a variable, arguments of _RANDOM), the manual is followed.
//
// Reading the same files twice gives the same. The numbers of ${_RANDOM}, which at each
// start of keepalived are others, even with a random_seed, follow from random_seed or
// from 0 here, with a remark. The manual's \xXX of two digits is read, not 2.2.7's of any
// number.
//
// Goroutines: none. Parse is pure but for the files that it reads through [Files]. It
// must never run without end nor use memory without bound: all that a file can ask
// for has a limit, and beyond the limit is a mistake with its place.
package syntax
