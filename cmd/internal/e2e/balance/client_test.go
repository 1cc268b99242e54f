//go:build ipvs

package balance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// visit has the client make requests one after the other, until the end of the test.
func (b *bed) visit(target netip.AddrPort) *lab.Requester {
	b.t.Helper()
	r, err := b.client.RequestInTurn(target)
	must(b.t, err)
	return r
}

// answered waits until that many requests that are sent from now on have been answered,
// and returns them all.
func (b *bed) answered(r *lab.Requester, many int) lab.Requests {
	b.t.Helper()
	from := time.Now()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	must(b.t, r.WaitAnswers(ctx, from, many))
	return r.Since(from)
}

// answeredBy counts the requests that a server has answered.
func answeredBy(rs lab.Requests, w *web) (count int) {
	for _, q := range rs {
		if q.By == w.Host.Name {
			count++
		}
	}
	return count
}

// guest is a connection of the client that stays open.
type guest struct {
	conn   net.Conn
	reader *bufio.Reader
	host   string // that answers
}

// connection is the one that the guest has.
func (g *guest) connection() connection {
	end := func(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }
	return connection{end(g.conn.LocalAddr()), end(g.conn.RemoteAddr())}
}

// ask sends a request on the connection and reads the answer.
func (g *guest) ask(path string) (answer *http.Response, err error) {
	if _, err := fmt.Fprintf(g.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, g.conn.RemoteAddr()); err != nil {
		return nil, err
	}
	return http.ReadResponse(g.reader, nil)
}

// talk has the same server answer as before.
func (g *guest) talk() error {
	if err := g.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	answer, err := g.ask("/")
	if err != nil {
		return fmt.Errorf("%v, served by %s: %w", g.connection(), g.host, err)
	}
	body, err := io.ReadAll(answer.Body)
	by := strings.TrimSpace(string(body))
	if g.host == "" {
		g.host = by
	}
	if err != nil || by != g.host {
		return fmt.Errorf("%v, served by %s: answered by %q: %w", g.connection(), g.host, by, err)
	}
	return nil
}

// dial opens a connection from the client.
func (b *bed) dial(to netip.AddrPort) *guest {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := b.client.Dial(ctx, "tcp", to)
	must(b.t, err)
	return b.newGuest(conn)
}

func (b *bed) newGuest(conn net.Conn) *guest {
	b.t.Cleanup(func() { _ = conn.Close() }) // it may be broken
	return &guest{conn: conn, reader: bufio.NewReader(conn)}
}

// dialFrom opens a connection from an address and port of the client.
func (b *bed) dialFrom(from, to netip.AddrPort) (g *guest, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(from), Control: reusePort}
	err = b.client.Do(func() error {
		conn, err := dialer.DialContext(ctx, "tcp", to.String())
		if err == nil {
			g = b.newGuest(conn)
		}
		return err
	})
	return g, err
}

// reusePort lets a port have connections to several addresses.
func reusePort(_, _ string, conn syscall.RawConn) (err error) {
	refused := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	return errors.Join(refused, err)
}

// guests are connections that stay open.
type guests []*guest

// invite opens connections and sends a few packets on each, as those with fewer are not
// told of to other directors.
func (b *bed) invite(many int, to netip.AddrPort) guests {
	b.t.Helper()
	var gs guests
	for range many {
		gs = append(gs, b.dial(to))
	}
	for range 3 {
		for _, err := range gs.talk() {
			b.t.Error(err)
		}
	}
	return gs
}

// talk sends a request on each connection and returns what is wrong with those that have
// not survived.
func (gs guests) talk() (broken []error) {
	results := make([]error, len(gs))
	var all sync.WaitGroup
	for i, g := range gs {
		all.Go(func() { results[i] = g.talk() })
	}
	all.Wait()
	for _, err := range results {
		if err != nil {
			broken = append(broken, err)
		}
	}
	return broken
}

// download is one that has begun.
type download struct {
	*guest
	done chan struct{}
	size int64 // valid once done is closed, as is err
	err  error
}

// download begins a download, which takes seconds.
func (b *bed) download(from netip.AddrPort) *download {
	b.t.Helper()
	d := &download{guest: b.dial(from), done: make(chan struct{})}
	must(b.t, d.talk())
	must(b.t, d.conn.SetDeadline(time.Now().Add(30*time.Second)))
	answer, err := d.ask(lab.DownloadPath)
	must(b.t, err)
	go func() {
		defer close(d.done)
		d.size, d.err = io.Copy(io.Discard, answer.Body)
	}()
	return d
}

func (d *download) over() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// wait waits for the end of the download and returns what is wrong with it.
func (d *download) wait() error {
	<-d.done
	if d.err == nil && d.size != lab.DownloadSize {
		return fmt.Errorf("%d bytes were downloaded, want %d", d.size, lab.DownloadSize)
	}
	return d.err
}
