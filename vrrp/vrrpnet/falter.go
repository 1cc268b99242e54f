//go:build !faults

package vrrpnet

// falter does nothing: only a binary that is built for tests has an engine that hangs at will.
func falter() {}
