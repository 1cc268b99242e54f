package lab

import (
	"time"

	"github.com/vishvananda/netlink"
)

// Impairment is what a bad line does to each packet.
type Impairment struct {
	Delay time.Duration
	Loss  float32 // %
}

// Impair has what the switch sends to the host delayed and lost, until Mend. What the host
// sends is left alone. It needs a kernel with netem.
func (l *Link) Impair(by Impairment) error {
	return l.withPort("impair", func(nl *netlink.Handle, port netlink.Link) error {
		netem := netlink.NewNetem(rootOf(port), netlink.NetemQdiscAttrs{
			Latency: uint32(by.Delay.Microseconds()),
			Loss:    by.Loss,
		})
		return nl.QdiscReplace(netem)
	})
}

// Mend undoes Impair.
func (l *Link) Mend() error {
	return l.withPort("mend", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.QdiscDel(&netlink.Netem{QdiscAttrs: rootOf(port)})
	})
}

func rootOf(port netlink.Link) netlink.QdiscAttrs {
	return netlink.QdiscAttrs{
		LinkIndex: port.Attrs().Index,
		Handle:    netlink.MakeHandle(1, 0),
		Parent:    netlink.HANDLE_ROOT,
	}
}
