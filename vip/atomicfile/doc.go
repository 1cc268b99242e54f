// Package atomicfile replaces small files that must survive a crash: the ledgers of what
// may still be in the kernel, or in a daemon's configuration.
//
// Goroutines: none. It must never leave half of a file behind.
package atomicfile
