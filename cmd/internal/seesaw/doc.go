// Package seesaw reads the cluster config of Google's Seesaw v2, a cluster.pb, and says the
// same in perch's words: a document that package config reads as a perch.toml.
//
// The text is read by package prototext into Seesaw's own types, those of
// github.com/google/seesaw/pb/config, and by a small scanner (scan.go) that knows where each
// field stands, which prototext does not say.
//
// Nothing is passed over without a word. What Seesaw would stumble over is a mistake, and
// what perch has no equivalent for is a remark that says what it did and what to use
// instead.
//
// Goroutines: none. The package does no I/O, and the same text gives the same result.
package seesaw
