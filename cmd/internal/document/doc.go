// Package document writes a perch.toml of which each line knows where it came
// from: what an import makes of the config of another program.
//
// A Document has tables, in the order in which they are added, and a Table has
// keys, comments and tables of its own. Render writes the text, and Parse has
// package config read it and tells what is wrong by the places it came from.
//
// Text that comes from elsewhere cannot break out of its place: strings are
// quoted, comments keep to their lines, and only names of keys and tables, which
// the caller makes up, are written as they are.
//
// Goroutines: none. The package does no I/O.
package document
