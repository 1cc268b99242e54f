package vrrpnet

import (
	"context"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// PollCarrier has WatchInterfaces told of carrier that came or went within a time.
// Without it the kernel may take a second: that is its pause between two notifications
// of this kind, in which it counts those of all interfaces and network namespaces of
// the machine. To ask for an interface ends the pause.
//
// It asks for the interfaces whose indices are returned by wanted, in the network
// namespace of the calling thread, until ctx ends, and then returns nil.
func PollCarrier(ctx context.Context, every time.Duration, wanted func() []int) error {
	reader, err := openInterfaceReader()
	if err != nil {
		return err
	}
	defer reader.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for _, index := range wanted() {
			reader.ask(index)
		}
	}
}

// ask asks for one interface, and drops the answer. Without one the kernel tells later,
// and no router is to end for that.
func (r interfaceReader) ask(index int) {
	q := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	q.Sockets = r
	q.AddRawData(linkQuery(index))
	_, _ = q.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
}
