// Package atomicfile replaces small files that must survive a crash, such as the ledgers of
// what may still be in the kernel.
//
// Goroutines: none. It must never leave half of a file behind.
package atomicfile
