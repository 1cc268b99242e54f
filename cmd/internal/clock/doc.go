// Package clock has the followers of a cluster take time from its leader, through the chronyd
// of the machine, and looks how far the own clock is off.
//
// A Keeper keeps one file in a sourcedir of chronyd, perch-CLUSTER.sources: on a follower it
// names the leader, and on the leader it is not there. sources.go, which is pure, says what
// it is to hold. After each change of the file, and once at the start, `chronyc reload sources`
// has chronyd read it. While no leader is known the file stays as it is: time is not to come
// and go with elections. It stays, too, when the daemon ends. chrony.conf is never touched.
//
// A follower asks the leader for its time by NTP now and then (ask.go), which only is for
// people: it is shown, and warned of beyond a limit. What is wrong, in words, is in
// warnings.go, which is pure.
//
// Goroutines of Run: itself, one that keeps the file and one that asks. Either may hang in a
// disk that does; Run leaves it behind then.
//
// It must never: have anything wait for it, or end the daemon. Nothing that decides on the
// ownership of a VIP looks at a wall clock.
package clock
