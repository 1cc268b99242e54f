package clock

import "net/netip"

// View is what decides from whom a node takes the time.
type View struct {
	Self        string     // this node
	SelfAddress netip.Addr // by which the others know it
	Leader      string     // the node that leads; "" when none is known
	Address     netip.Addr // of the leader; the zero value when it is not known
}

// Sources is what the file is to be.
type Sources struct {
	Verdict Verdict
	Content string // where it is Follow
}

// Verdict says what is to become of the file.
type Verdict uint8

// Verdicts.
const (
	Keep   Verdict = iota // as it is
	Follow                // it has a content
	Lead                  // it is not there
)

// SourcesOf returns what the file is to be. A leader that is not known is no reason to leave
// the one before: chronyd finds out by itself when it does not answer.
func SourcesOf(v View) Sources {
	switch {
	case v.Leader == "":
		return Sources{}
	case v.Leader == v.Self:
		return Sources{Verdict: Lead}
	case !v.Address.IsValid():
		return Sources{}
	}
	return Sources{Follow, line(v.Address)}
}

// line is a source of chronyd. Its first samples come at once (iburst), and later ones each 16
// to 64 s: a leader is near, and may be another one soon.
func line(a netip.Addr) string {
	return "# Written by perch: it is replaced whenever another node leads.\n" +
		"server " + a.Unmap().String() + " iburst minpoll 4 maxpoll 6\n"
}

// FileName is the name of a cluster's file: each cluster of a machine has its own.
func FileName(cluster string) string { return "perch-" + cluster + ".sources" }
