package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/web/board"
)

// retryEvery is how often an address is tried that cannot be had.
const retryEvery = 5 * time.Second

// goneAfter is how long the kernel waits for a client to acknowledge.
const goneAfter = 30 * time.Second

// Server answers at an address that may change, and that may not be there yet. Its
// methods may be called from several goroutines at once.
type Server struct {
	pages   pages
	names   func() []string // of this host and its peers
	streams streams
	events  *events.Log
	log     *slog.Logger
	poke    chan struct{} // says that the address is another one

	mu      sync.Mutex // guards what follows
	at      netip.AddrPort
	trouble string
}

// Sources are what a server tells of. What they return is not changed afterwards. They may
// take their time, and are asked at most once a second.
type Sources struct {
	Metrics func() Metrics
	// Alive tells whether the main loops of the daemon get on.
	Alive func() bool
	// Obstacles are why this node cannot own or serve what its config says.
	Obstacles func() []string
	Board     func() board.View // asked only while somebody looks
	Events    *events.Log       // what has happened
	Names     func() []string   // by which browsers may ask, see forBrowsers; at once
}

// NewServer makes a server that listens nowhere, and starts nothing.
func NewServer(from Sources, log *slog.Logger) *Server {
	open := newStreams()
	return &Server{
		pages:   newPages(from, open.Count, log),
		names:   from.Names,
		events:  from.Events,
		streams: open,
		log:     log,
		poke:    make(chan struct{}, 1),
	}
}

// Listen has the server answer at an address; the zero value is for nowhere. It does not
// wait.
func (s *Server) Listen(at netip.AddrPort) {
	s.mu.Lock()
	s.at = at
	s.mu.Unlock()
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Trouble says why nobody is answered at the address, or "".
func (s *Server) Trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

func (s *Server) wanted() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// Run answers until ctx ends. An address that cannot be had is tried again: there is
// nothing for which it would end before.
func (s *Server) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		at := s.wanted()
		err := s.answer(ctx, at)
		if err == nil {
			continue
		}
		s.note(at, err)
		select {
		case <-ctx.Done():
		case <-s.poke:
		case <-time.After(retryEvery):
		}
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	s.pages.settle(grace)
	return nil
}

// answer answers at an address until another one is wanted, or ctx ends.
func (s *Server) answer(ctx context.Context, at netip.AddrPort) error {
	if !at.IsValid() {
		s.note(at, nil)
		s.keep(ctx, at)
		return nil
	}
	ln, err := listen(ctx, at)
	if err != nil {
		return err
	}
	s.note(at, nil)
	s.log.Info("dashboard and metrics are served", "address", at.String())
	serving, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		defer stop()
		failed <- serve(serving, ln, s.routes(), s.log)
	}()
	s.keep(serving, at)
	stop()
	return <-failed
}

// keep waits until another address is wanted, or ctx ends.
func (s *Server) keep(ctx context.Context, at netip.AddrPort) {
	for s.wanted() == at {
		select {
		case <-ctx.Done():
			return
		case <-s.poke:
		}
	}
}

// listen has the kernel give up clients that are gone without a word: what is written to
// one is not acknowledged. Else it would try for a quarter of an hour, and they would keep
// others from having a stream.
func listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(goneAfter.Milliseconds()))
		})
		return errors.Join(err, failed)
	}}
	return lc.Listen(ctx, network(at), at.String())
}

// network returns that of an address: "0.0.0.0" is for IPv4 alone, "::" for both.
func network(at netip.AddrPort) string {
	if at.Addr().Is4() {
		return "tcp4"
	}
	return "tcp"
}

// note remembers what became of an address, and logs it when it is something new.
func (s *Server) note(at netip.AddrPort, err error) {
	text := ""
	if err != nil {
		text = fmt.Sprintf("neither dashboard nor metrics are served at %s (node.listen): %v; that is tried again every %v",
			at, cause(err), retryEvery)
	}
	s.mu.Lock()
	was := s.trouble
	s.trouble = text
	s.mu.Unlock()
	if text != "" && text != was {
		s.log.Warn("dashboard and metrics are not served", "address", at.String(), "error", cause(err))
	}
}

// cause leaves out what package net says of the address once more.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
