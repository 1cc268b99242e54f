// Package netns moves the daemon into a network namespace that has a name, as `ip netns`
// gives one.
//
// A process is in a namespace only if all of its threads are, and Go has several before
// main begins. So Enter moves one thread, and has that replace the program by itself: what
// begins then has no thread elsewhere, and no socket that was opened there.
//
// Goroutines: none. It must never return on a thread that it has moved, but with an error
// that ends the process.
package netns
