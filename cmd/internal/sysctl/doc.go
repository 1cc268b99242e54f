// Package sysctl sets sysctls for as long as they are needed, and puts them back.
//
// Keeper is all of it: Set names what is needed now, Restore ends it. What was right
// already is not touched. What a sysctl was before is in a file before it is changed, so
// that a process that was killed has it put back by the next one; what somebody else has
// changed meanwhile stays as it is. The kernel changes some sysctls along with others:
// those are in followers.go.
//
// It has no goroutine, and works in the network namespace of the calling thread.
package sysctl
