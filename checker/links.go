package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"github.com/mdlayher/socket"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	linkBuffer = 64 << 10 // bytes: longer than any notification
	linkRetry  = time.Second
)

// links tells those who listen what the kernel tells of interfaces.
type links struct {
	open func() (*socket.Conn, error)
	listeners[linkNews]
}

// linkNews says of which interface something is told.
type linkNews struct {
	index int64
	names []string // all that it answers to
}

func (l linkNews) has(name string) bool { return slices.Contains(l.names, name) }

// Run hears what the kernel tells until ctx ends.
func (l *links) Run(ctx context.Context, log *slog.Logger) {
	for ctx.Err() == nil {
		err := l.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, unix.ENOBUFS) {
			continue // some were lost; whoever listens looks again
		}
		log.Warn("changes of interfaces are not noticed at once", "error", err)
		pause(ctx, linkRetry)
	}
}

func (l *links) hear(ctx context.Context) error {
	conn, err := l.open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	l.TellAll() // nobody knows what was missed
	b := make([]byte, linkBuffer)
	for {
		n, from, err := conn.Recvfrom(ctx, b, 0)
		if err != nil {
			return fmt.Errorf("read netlink notifications: %w", err)
		}
		if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid == nl.PidKernel {
			l.take(b[:n])
		}
	}
}

// openLinks subscribes to notifications of interfaces.
func openLinks() (*socket.Conn, error) {
	conn, err := socket.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, "netlink", nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := conn.Bind(&unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to netlink notifications: %w", err), conn.Close())
	}
	return conn, nil
}

// take tells of each interface in a datagram.
func (l *links) take(b []byte) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		l.TellAll()
		return
	}
	for _, m := range messages {
		if m.Header.Type == unix.RTM_NEWLINK || m.Header.Type == unix.RTM_DELLINK {
			l.Tell(parseLinkNews(m.Data))
		}
	}
}

// parseLinkNews reads the payload of RTM_NEWLINK or RTM_DELLINK.
func parseLinkNews(b []byte) linkNews {
	if len(b) < unix.SizeofIfInfomsg {
		return linkNews{}
	}
	news := linkNews{index: int64(int32(binary.NativeEndian.Uint32(b[4:])))}
	news.addNames(b[unix.SizeofIfInfomsg:])
	return news
}

// addNames adds the names in a list of attributes, in which may be a further list.
func (l *linkNews) addNames(b []byte) {
	attributes, err := nl.ParseRouteAttr(b)
	if err != nil {
		return
	}
	for _, a := range attributes {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case unix.IFLA_IFNAME, unix.IFLA_ALT_IFNAME:
			l.names = append(l.names, unix.ByteSliceToString(a.Value))
		case unix.IFLA_PROP_LIST:
			l.addNames(a.Value)
		}
	}
}
