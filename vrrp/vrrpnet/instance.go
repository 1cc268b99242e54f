package vrrpnet

import (
	"net"
	"net/netip"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// Instance is one virtual router that this node is to run.
type Instance struct {
	Name      string
	Interface string // where its adverts go
	// Device is the name of the interface with the virtual MAC, which is made for it;
	// empty for none.
	Device     string
	Own        OwnMAC // of Device; the zero value for that of the RFC
	IPv6       bool
	Plain      bool // adverts leave by Interface, with its MAC, also if there is a Device
	IgnoreLink bool // stay, also while the interface is down
	// LinkDownDelay and LinkUpDelay are for how long a link must have gone or come back
	// before that counts. What is so at the start counts at once.
	LinkDownDelay, LinkUpDelay time.Duration

	TrackSource bool        // fault while the interface has not got the source that is set
	Fault       string      // why it is in fault as it begins; "" for none; see SetPriority
	Router      vrrp.Config // Source is filled in if it is not set: the interface's own address
	Wire        vrrp.WireConfig
	Group       string       // sync group; empty for none
	Held        []netip.Addr // all addresses that it may take: none of them is a source
	Lease       Lease
}

// mac is that of its device.
func (i *Instance) mac() net.HardwareAddr {
	return Device{VRID: i.Wire.VRID, IPv6: i.IPv6, Own: i.Own}.MAC()
}

// Lease is told until when this node may answer for a router's addresses. It is asked
// for from the thread of the adverts, and must not wait.
type Lease interface {
	Open(until time.Duration) // CLOCK_BOOTTIME; only ever later
	Shut()
}

// Status is what is known of an instance.
type Status struct {
	Name      string
	State     vrrp.State
	Since     time.Time // of the state
	Reason    string    // why it is in this state
	Priority  uint8     // effective
	Source    netip.Addr
	Master    netip.Addr // who it is, as far as is known; not valid if nobody
	Form      vrrp.Form  // of its checksums
	Announces uint64     // grows whenever the addresses are to be announced once more
	Sent      uint64     // adverts
	Late      uint64     // times that it woke up after its lease

	Transitions uint64 // to another state

	SendErrors uint64
	SendError  error // the last one, or nil
}

// Heard is who was heard with the VRID of an instance.
type Heard struct {
	Refused vrrp.Counts // packets, by reason
	Senders []vrrp.Sender
}
