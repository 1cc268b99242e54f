package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// RequestInterval is the time between two requests of a Requester.
	RequestInterval = 5 * time.Millisecond
	requestTimeout  = 150 * time.Millisecond

	// TurnTimeout is how long a request in turn waits for its answer.
	TurnTimeout  = 2 * time.Second
	turnInterval = 20 * time.Millisecond
)

// Requester sends an HTTP request to one address again and again, each by a
// connection of its own, and writes down what came of it.
type Requester struct {
	host   *Host
	target netip.AddrPort
	tls    *tls.Config // nil for http
	ticks  *os.File
	start  func(request func()) // at a tick
	wait   time.Duration        // for an answer
	ended  sync.WaitGroup
	close  func() error

	mu       sync.Mutex
	requests Requests // that have ended
}

// Request sends a request to target from the host each RequestInterval until the Requester
// or the lab is closed: over TLS, unless config is nil.
func (h *Host) Request(target netip.AddrPort, config *tls.Config) (*Requester, error) {
	r := &Requester{host: h, target: target, tls: config, wait: requestTimeout}
	r.start = r.ended.Go
	return h.beginRequests(r, RequestInterval)
}

// RequestInTurn is Request by http for a kernel that is slow: one request at a time, with
// pauses that leave time to others, each of which waits TurnTimeout for its answer.
func (h *Host) RequestInTurn(target netip.AddrPort) (*Requester, error) {
	r := &Requester{host: h, target: target, wait: TurnTimeout}
	r.start = func(request func()) { request() }
	return h.beginRequests(r, turnInterval)
}

func (h *Host) beginRequests(r *Requester, interval time.Duration) (*Requester, error) {
	var err error
	if r.ticks, err = newTicks(interval); err != nil {
		return nil, err
	}
	r.close = sync.OnceValue(r.end)
	if err := h.lab.begin(r, func() { r.ended.Go(r.send) }); err != nil {
		return nil, errors.Join(fmt.Errorf("request from %s: %w", h.Name, err), r.Close())
	}
	return r, nil
}

// Close ends the requests. What came of them stays readable.
func (r *Requester) Close() error { return r.close() }

func (r *Requester) end() error {
	err := r.ticks.SetReadDeadline(time.Now())
	r.ended.Wait()
	return errors.Join(err, r.ticks.Close())
}

// send starts one request a tick, until the deadline of the ticks. Unless they take turns,
// those of the last requestTimeout may be under way at once.
func (r *Requester) send() {
	missed := make([]byte, 8) // a number of ticks
	for {
		if _, err := r.ticks.Read(missed); err != nil {
			return
		}
		sent := time.Now()
		r.start(func() { r.note(r.request(sent)) })
	}
}

func (r *Requester) note(q Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
}

func (r *Requester) request(sent time.Time) Request {
	q := Request{Sent: sent}
	conn, err := r.host.connect(r.target)
	if err == nil {
		q.From = conn.LocalAddr().(*net.TCPAddr).AddrPort()
		q.Status, q.By, err = r.exchange(conn, sent.Add(r.wait))
	}
	q.Took = time.Since(sent)
	if err != nil {
		q.Status, q.By, q.Failure = 0, "", failure(err)
	}
	return q
}

func (r *Requester) exchange(conn net.Conn, deadline time.Time) (status int, by string, err error) {
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, "", err
	}
	if r.tls != nil {
		conn = tls.Client(conn, r.tls)
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", r.target); err != nil {
		return 0, "", err
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 1<<16)), nil)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, strings.TrimSpace(string(body)), err
}

// connect begins to connect from the host. The first write waits until it is done, and
// has its error.
func (h *Host) connect(to netip.AddrPort) (net.Conn, error) {
	var socket *os.File
	err := h.Do(func() error {
		fd, err := openTCP(to)
		if err == nil {
			socket = os.NewFile(uintptr(fd), "tcp")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	return net.FileConn(socket)
}

// openTCP opens a socket in the namespace of the calling thread, and does not wait until
// it is connected.
func openTCP(to netip.AddrPort) (int, error) {
	domain, addr := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())})
	if to.Addr().Is4() {
		domain, addr = unix.AF_INET, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return -1, errors.Join(os.NewSyscallError("connect", err), unix.Close(fd))
	}
	return fd, nil
}

// failure names an error by what it is about, without addresses.
func failure(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no answer"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}

// Since returns the requests that have been sent since a moment and have ended.
func (r *Requester) Since(from time.Time) Requests {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.requests), func(q Request) bool { return q.Sent.Before(from) })
}

// WaitAnswers waits until that many requests that were sent after a moment have been
// answered well.
func (r *Requester) WaitAnswers(ctx context.Context, after time.Time, many int) error {
	tick := time.NewTicker(RequestInterval)
	defer tick.Stop()
	for {
		since := r.Since(after)
		if len(since.good()) >= many {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d good answers of %s: %w; %s", many, r.target, context.Cause(ctx), since)
		case <-tick.C:
		}
	}
}
