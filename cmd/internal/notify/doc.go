// Package notify tells programs, FIFOs, people by mail and webhooks what has happened, and runs
// hooks that have the world outside follow: [[notify]] of the config.
//
// An Event is about a subject: a virtual router, a sync group, the cluster, a service or
// one of its servers. An Entry says which events are for which Target. program.go, fifo.go,
// mail.go and webhook.go are targets; others need no more than the one method. How
// an event reads, in an environment, as keepalived writes it, or in a mail, is in words.go,
// keepalived.go, letter.go and report.go, which are pure, as are event.go, entry.go and queue.go.
//
// Each target has a lane, a queue of its own that is served one event at a time: a program
// has one for each subject, a FIFO one for all, since its lines are in order, and a mail
// server or a webhook one for all, since it is asked for one thing at a time. While an
// event waits a newer one about the same takes its place, also if that is not for this
// target: nobody is told what is over. A FIFO keeps FIFOBacklog lines before that begins.
// States that were told before may be told again (repeat.go), which no event is void by.
// What may go well later is tried again, after longer and longer pauses of its lane (serve.go), which
// newer of the same subject ends where the lane is of that alone.
//
// A FIFO may have a reader, a program that perch keeps running (reader.go, readers.go).
//
// A Converger is not told of events: it compares what is so with what a hook has brought about
// (convergence.go, which is pure) and runs the hook until both are the same (converger.go). It
// has a goroutine for each hook, and one for each run.
//
// Goroutines of the Notifier: Run, one that has readers begin and end, with two for each, and one for each
// lane while there is something in it, which Run ends unless its disk hangs. FIFOs are opened
// and closed there, too: whoever tells of an event or sets other entries waits for none.
//
// It must never: have whoever tells wait for a target; run two programs of one lane at
// once; drop an event without a word; write into anything but a FIFO, or through a
// symbolic link; send a password or a token in clear to another machine; follow a redirect; run a
// hook for a term that it knows to be over, or two runs of one at once; run two readers of one FIFO at
// once; outlast the end by more than EndLimit and what readers have then to end, and a second
// for each of both if a disk hangs.
package notify
