package keepalived

import (
	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// watch is what instances and sync groups can track, and becomes a [[check]].
type watch struct {
	by     *syntax.Statement // nil for an interface
	at     *syntax.Statement // the same, or what has an interface watched first
	kind   watchKind
	name   string     // there
	title  string     // here, if it is tracked
	weight weight     // where the one who tracks it gives none
	file   *trackFile // of a track_file
	// tracked says that something tracks it: what nothing tracks is not run.
	tracked bool
	checked bool // a FILE_CHECK has it
	// write gives the [[check]] all keys but its name and weight; nil for one that is wrong.
	write func(t *document.Table)
}

// watchKind is the block that defines a watch. Names of different kinds have nothing to do
// with each other.
type watchKind string

// The kinds, by what they are called in messages.
const (
	watchesScript    watchKind = "vrrp_script"
	watchesFile      watchKind = "track_file"
	watchesProcess   watchKind = "vrrp_track_process"
	watchesBFD       watchKind = "bfd_instance"
	watchesInterface watchKind = "interface"
)

// weight is what a watch does to a priority; 0 is a fault.
type weight struct {
	by      *syntax.Statement
	value   int
	reverse bool
}

// tracked is a watch in the list of an instance or a sync group.
type tracked struct {
	by      *syntax.Statement
	kind    watchKind
	name    string
	weight  said[int]  // not given for that of the watch
	reverse said[bool] // likewise
	early   bool       // stands before the watch is defined
}

// syncGroup is a vrrp_sync_group.
type syncGroup struct {
	by      *syntax.Statement
	name    string
	title   string
	members []member
	tracks  []tracked
	// instances and references are what the names of members and tracks stand for.
	instances  []*instance
	references []reference
	// heedsWeights says that weights of members count: sync_group_tracking_weight.
	heedsWeights said[bool]
	notify       notification
	alert        said[bool] // whether mails are sent
}

// member is a name in the group of a vrrp_sync_group.
type member struct {
	by   *syntax.Statement
	name string
}
