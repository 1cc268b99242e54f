//go:build !faults

package daemon

// falter does nothing: only a binary that is built for tests has parts that hang at will.
func falter(string) {}
