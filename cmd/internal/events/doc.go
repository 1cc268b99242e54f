// Package events is what has happened on this node, in order: `perch events`, and /events at
// node.listen.
//
// An Event is small and flat; kind.go has the list of what may have happened. The Log
// numbers events and keeps the last ones in memory (ring.go, which is pure, as are event.go
// and kind.go). Each start of the daemon is a run with a name of its own, and an event's ID
// is the run and the number in it, without gaps. Who reads says behind which event, and is
// told when something is missing in between, by an event that is for that reader alone: the
// daemon was started anew (NewRun), or so much has happened since that the Log has
// forgotten (Gap).
//
// Goroutines: none. Readers wait in their own.
//
// It must never: have whoever adds an event wait for a reader, a disk or a clock; leave
// anything out without a word; grow without a bound.
package events
