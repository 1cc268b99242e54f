// Package keepalived reads a keepalived.conf and says the same in perch's words: a
// document that package config reads as a perch.toml.
//
// It works in steps. Package syntax makes statements of the text. Those are read by
// vocabularies (vocabulary.go), one for each kind of block, into what keepalived means by
// them, with keepalived's own defaults: the files named read_ and the types in model_
// files. What names stand for is found next (resolve.go), since blocks come in any order.
// The files named write_ then say it in perch's keys. What an instance comes to that asks for
// contradictory things was found by experiment with keepalived 2.2.7.
//
// A comment goes to the key or table that the statement became which it stands before or
// behind, or else to the table of the block (said.go, importer.claim).
//
// Nothing is passed over without a word. A keyword that keepalived does not know in its
// place, a bad value and a missing brace are mistakes: keepalived warns of them and runs the
// rest, which is not what the operator wrote. A keyword that perch has no equivalent for is
// a remark that says what it would have done and what to use instead.
//
// A password in the file becomes a secret: a file that the document names and Result.Secrets
// holds, since perch.toml has none in it.
//
// Goroutines: none. Import is pure but for the files that package syntax reads for it, and
// the same files give the same result.
package keepalived
