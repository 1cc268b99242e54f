package fence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	nfnl "github.com/mdlayher/netlink"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// newsBuffer is the size of the buffers for notifications in bytes. One that
// overflows costs no more than a look at everything.
const newsBuffer = 1 << 20

// newsSockets hear of changes of the ruleset and of interfaces.
type newsSockets struct {
	rules, links *nfnl.Conn
	own          []uint32 // ports of ours that change rules
}

// openNews subscribes in the namespace of the calling thread.
func openNews(own ...uint32) (*newsSockets, error) {
	rules, err := subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil {
		return nil, fmt.Errorf("subscribe to changes of nftables: %w", err)
	}
	links, err := subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to changes of interfaces: %w", err), rules.Close())
	}
	return &newsSockets{rules: rules, links: links, own: own}, nil
}

func subscribe(family int, group uint32) (*nfnl.Conn, error) {
	socket, err := nfnl.Dial(family, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(socket.SetReadBuffer(newsBuffer), socket.JoinGroup(group)); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

func (s *newsSockets) close() error { return errors.Join(s.rules.Close(), s.links.Close()) }

// Watch implements mechanism.
func (n *nftFence) Watch(ctx context.Context, changed func()) error {
	n.foreign.Store(true)
	n.watched.Store(true)
	defer n.watched.Store(false)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := listen(ctx, n.news.rules, n.news.isForeign, func() {
			n.foreign.Store(true)
			changed()
		})
		if err != nil {
			return fmt.Errorf("listen to changes of nftables: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		if err := listen(ctx, n.news.links, func(nfnl.Message) bool { return true }, changed); err != nil {
			return fmt.Errorf("listen to changes of interfaces: %w", err)
		}
		return nil
	})
	return g.Wait()
}

// isForeign tells whether others have changed something in a table of perch's name.
func (s *newsSockets) isForeign(m nfnl.Message) bool {
	if slices.Contains(s.own, m.Header.PID) || len(m.Data) < nfgenmsgLength {
		return false
	}
	attributes, err := nfnl.UnmarshalAttributes(m.Data[nfgenmsgLength:])
	return err != nil || slices.ContainsFunc(attributes, func(a nfnl.Attribute) bool {
		// Whatever the message is about, this is the name of its table.
		return a.Type == unix.NFTA_TABLE_NAME && string(a.Data) == tableName+"\x00"
	})
}

// listen calls changed after every message that matters, until ctx ends.
func listen(ctx context.Context, socket *nfnl.Conn, matters func(nfnl.Message) bool, changed func()) error {
	if err := socket.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })()
	for {
		messages, err := socket.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ENOBUFS):
			changed() // some were lost
		case err != nil:
			return err
		case slices.ContainsFunc(messages, matters):
			changed()
		}
	}
}
