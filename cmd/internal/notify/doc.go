// Package notify tells programs and FIFOs what has happened: [[notify]] of the config.
//
// An Event is about a subject: a virtual router, a sync group, the cluster, a service or
// one of its servers. An Entry says which events are for which Target. program.go and
// fifo.go are targets; others, such as a webhook, need no more than the one method. How an
// event reads, in an environment or as keepalived writes it, is in words.go and
// keepalived.go, which are pure, as are event.go, entry.go and queue.go.
//
// Each target has a lane, a queue of its own that is served one event at a time: a program
// has one for each subject, a FIFO one for all, since its lines are in order. While an
// event waits a newer one about the same takes its place, also if that is not for this
// target: nobody is told what is over. A FIFO keeps backlog lines before that begins.
//
// A FIFO may have a reader, a program that perch keeps running (reader.go, readers.go).
//
// Goroutines: Run, one that has readers begin and end, with two for each, and one for each lane while there is something in it, which Run ends
// unless its disk hangs. FIFOs are opened and closed there, too: whoever tells of an event or
// sets other entries waits for none of them.
//
// It must never: have whoever tells wait for a target; run two programs of one lane at
// once; drop an event without a word; write into anything but a FIFO, or through a
// symbolic link; outlast the end by more than EndLimit and what
// readers have then to end, and a second for each of both if a disk hangs; run two readers of one FIFO at once.
package notify
