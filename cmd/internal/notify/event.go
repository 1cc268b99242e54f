package notify

import (
	"net/netip"
	"time"
)

// Kind is what has happened.
type Kind string

// The kinds. Those of virtual routers and sync groups are called as keepalived's states.
const (
	Master           Kind = "master"
	Backup           Kind = "backup"
	Fault            Kind = "fault"
	Stop             Kind = "stop"                // perch ends
	Deleted          Kind = "deleted"             // by a reload
	MasterPriority   Kind = "master_priority"     // of a master that stays one
	BackupPriority   Kind = "backup_priority"     // likewise
	MasterRxLowerPri Kind = "master_rx_lower_pri" // another master was heard, and is weaker
	Owner            Kind = "owner"               // this node has the VIPs of the cluster
	Standby          Kind = "standby"             // it has not
	ServerUp         Kind = "server_up"
	ServerDown       Kind = "server_down"
	QuorumUp         Kind = "quorum_up"
	QuorumDown       Kind = "quorum_down"
)

// About is what kind of thing an event is about.
type About string

// What events are about.
const (
	Router  About = "vrrp"
	Group   About = "sync_group"
	Cluster About = "cluster"
	Virtual About = "service"
	Server  About = "server" // of a service
)

// Subject is what an event is about.
type Subject struct {
	About  About
	Name   string         // of a server that of its service
	Server netip.AddrPort // the zero value for all others
}

// Event is something that has happened.
type Event struct {
	Kind     Kind
	Before   Kind // what was so, of what has a state; "" for nothing yet
	Subject  Subject
	Priority int     // of a router; 0 for none
	Term     uint64  // of the ownership that a cluster's event is about; 0 for none
	Reason   string  // in one line; "" if there is nothing to say
	Service  Service // of a server or a quorum
	At       time.Time
	// Settled tells whether the kernel is as the event says; nil if it is. Nobody is told
	// before, or before settleLimit.
	Settled func() bool
}

// Service is a virtual service, as far as keepalived's words for it need it.
type Service struct {
	Addresses []netip.AddrPort // none with a mark
	Protocol  string           // "tcp"; "" with a mark
	FWMark    uint32
}

// topic is what of a subject an event tells: a newer one on the same makes it void.
type topic struct {
	subject Subject
	of      string
}

func (e Event) topic() topic {
	of := "state"
	switch e.Kind {
	case MasterPriority, BackupPriority:
		of = "priority"
	case MasterRxLowerPri:
		of = "rival"
	}
	return topic{e.Subject, of}
}
