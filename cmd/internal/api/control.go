package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// lookEvery is how often it is looked whether a control socket can still be reached.
const lookEvery = 3 * time.Second

// Control is a control socket that comes back when its file is gone: a node that cannot be
// commanded could not be drained either. Who is connected stays connected.
type Control struct {
	path  string
	every time.Duration
	log   *slog.Logger

	mu      sync.Mutex // guards what follows, for moments only
	now     *socket
	closed  bool
	trouble string
}

// ListenControl is ListenUnix for a socket that ServeControl looks after.
func ListenControl(path string, log *slog.Logger) (*Control, error) {
	s, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	return &Control{path: s.path, every: lookEvery, log: log, now: s}, nil
}

// Accept waits for a client at the file that is in place, whichever that is by then.
func (c *Control) Accept() (net.Conn, error) {
	for {
		s := c.current()
		conn, err := s.Accept()
		if errors.Is(err, net.ErrClosed) && c.current() != s {
			continue
		}
		return conn, err
	}
}

// Addr names the socket by its path.
func (c *Control) Addr() net.Addr { return c.current().Addr() }

// Close removes the file, unless another one's is in its place.
func (c *Control) Close() error {
	c.mu.Lock()
	s := c.now
	c.closed = true
	c.mu.Unlock()
	return s.Close()
}

// Trouble says why nobody can connect any more, or "". A nil Control has none.
func (c *Control) Trouble() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}

func (c *Control) current() *socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// keep looks after the file until ctx ends. Nobody waits for it: what it looks at may hang.
func (c *Control) keep(ctx context.Context) {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.look()
		}
	}
}

// look makes the file anew if it is not there any more, by the rules of the start.
func (c *Control) look() {
	old := c.current()
	why := old.missing()
	if why == "" {
		c.note("")
		return
	}
	fresh, err := listenUnix(c.path)
	if err != nil {
		said := strings.TrimPrefix(err.Error(), "socket "+c.path+": ") // it is named once
		c.note(fmt.Sprintf("%s and cannot be made anew: %s", why, said))
		return
	}
	if !c.replace(fresh) {
		_ = fresh.Close()
		return
	}
	_ = old.Close()
	c.log.Warn("control socket made anew", "path", c.path, "why", why)
	c.note("")
}

// replace has clients be waited for at another file, unless c is closed.
func (c *Control) replace(s *socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.now = s
	}
	return !c.closed
}

// note remembers what is wrong, and logs it when it is something new.
func (c *Control) note(trouble string) {
	c.mu.Lock()
	was, closed := c.trouble, c.closed
	c.trouble = trouble
	c.mu.Unlock()
	if trouble != "" && trouble != was && !closed {
		c.log.Warn("this node cannot be commanded", "path", c.path, "error", trouble)
	}
}

// missing says why clients do not reach this socket, or "".
func (s *socket) missing() string {
	info, err := os.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "its file is gone"
	case err != nil:
		return fmt.Sprintf("its file cannot be looked at (%v)", cause(err))
	case !os.SameFile(info, s.info):
		return "something else is in its place"
	}
	return ""
}
