// Package man writes perch's manual pages: one for each command, as the command describes
// itself (command.go), and one for the config file, of docs/config.md (document.go). roff.go
// has the language of the pages. All of it is pure.
//
// It is for `make man` alone: the perch that is installed has none of it.
package man
