package vrrpnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tellPause = 5 * time.Millisecond // between two tellings
	readPause = time.Second          // after interfaces could not be read
)

// WatchInterfaces tells of all interfaces in the network namespace of the calling
// thread, by index: at once, and anew whenever something that an Interface shows has
// changed. The first change after a quiet moment is told without any delay, and what
// follows within milliseconds is told together. What is told must not be changed.
//
// It runs until ctx ends, and then returns nil.
func WatchInterfaces(ctx context.Context, log *slog.Logger, tell func([]Interface)) error {
	w, err := openInterfaceWatcher(log, tell)
	if err != nil {
		return err
	}
	defer w.close()
	return w.run(ctx)
}

// interfaceWatcher follows notifications, and reads everything only at its start and
// after some were lost: to do so at each of thousands of addresses would be quadratic.
type interfaceWatcher struct {
	log     *slog.Logger
	tell    func([]Interface)
	notices *interfaceNotices
	reader  interfaceReader
	read    func() (interfaceTable, error)

	table   interfaceTable
	readAt  time.Time // when all is to be read anew; zero for never
	changed bool      // since it was told
	told    []Interface
	toldAt  time.Time
}

func openInterfaceWatcher(log *slog.Logger, tell func([]Interface)) (*interfaceWatcher, error) {
	notices, err := openInterfaceNotices() // before the first look, so that nothing is missed
	if err != nil {
		return nil, err
	}
	reader, err := openInterfaceReader()
	if err != nil {
		return nil, errors.Join(err, notices.Close())
	}
	return &interfaceWatcher{log: log, tell: tell, notices: notices, reader: reader, read: reader.Read}, nil
}

func (w *interfaceWatcher) close() {
	_ = w.notices.Close() // nobody writes to it, so that nothing can be lost
	w.reader.Close()
}

func (w *interfaceWatcher) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = w.notices.Close() }) // ends Wait
	defer stop()
	err := w.readAll()
	if w.table == nil {
		return err
	}
	for {
		if err != nil && ctx.Err() == nil {
			w.log.Error("interfaces not read, tried again soon", "error", err)
		}
		w.tellChanges(time.Now())
		err = w.notices.Wait(w.due(), w.take)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			w.log.Info("notifications of interfaces were lost, all are read anew")
			w.readAt = time.Now()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("watch interfaces: %w", err)
		}
		err = nil
		if !w.readAt.IsZero() && !time.Now().Before(w.readAt) {
			err = w.readAll()
		}
	}
}

// readAll reads everything anew. Notifications that are older wait still, and are taken
// in together with what came later: none of them is told as if it were news.
func (w *interfaceWatcher) readAll() error {
	w.readAt = time.Time{}
	table, err := w.read()
	if table != nil {
		w.table, w.changed = table, true
	}
	if err != nil {
		w.readAt = time.Now().Add(readPause)
	}
	return err
}

func (w *interfaceWatcher) take(m syscall.NetlinkMessage) {
	changed, err := w.table.apply(m.Header.Type, m.Data)
	if err != nil {
		w.log.Warn("notification of an interface is not understood", "error", err)
	}
	w.changed = w.changed || changed
}

// due is when there is something to do at the latest; zero for never.
func (w *interfaceWatcher) due() time.Time {
	next := w.readAt
	if told := w.toldAt.Add(tellPause); w.changed && (next.IsZero() || told.Before(next)) {
		next = told
	}
	return next
}

func (w *interfaceWatcher) tellChanges(now time.Time) {
	if !w.changed || now.Sub(w.toldAt) < tellPause {
		return
	}
	w.changed = false
	list := w.table.list()
	if !w.toldAt.IsZero() && sameInterfaces(list, w.told) {
		return
	}
	w.told, w.toldAt = list, now
	w.tell(list)
}
