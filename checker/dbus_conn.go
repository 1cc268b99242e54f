package checker

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	busDefault  = "unix:path=/run/dbus/system_bus_socket"
	busPatience = 5 * time.Second // for what no look waits for
	busCalls    = 32              // at once; dbus-daemon refuses more than 128
)

var (
	errBusGone = errors.New("the connection to the system bus is gone")
	errBusAuth = errors.New("the system bus lets nobody in")
)

// busFailure is an error that came as the answer to a call.
type busFailure struct{ name, text string }

func (e *busFailure) Error() string {
	if e.text != "" {
		return brief(e.text)
	}
	return brief(e.name)
}

// busConn is a connection to a message bus.
type busConn struct {
	conn    net.Conn
	reader  *bufio.Reader
	take    func(*busConn, busMessage) // what is no answer
	writing chan struct{}              // holds one: who writes
	calls   chan struct{}              // holds those that go on
	ended   chan struct{}              // closed by Read

	mu      sync.Mutex
	serial  uint32
	pending map[uint32]chan<- busMessage
}

// busAddress is the socket of the first unix transport in an address such as
// "unix:path=/run/dbus/system_bus_socket".
func busAddress(address string) (string, error) {
	for one := range strings.SplitSeq(address, ";") {
		transport, values, _ := strings.Cut(one, ":")
		for pair := range strings.SplitSeq(values, ",") {
			key, value, _ := strings.Cut(pair, "=")
			value, err := url.PathUnescape(value)
			switch {
			case transport != "unix" || err != nil || value == "":
			case key == "path":
				return value, nil
			case key == "abstract":
				return "@" + value, nil
			}
		}
	}
	return "", fmt.Errorf("%s names no unix socket of a bus", quoteAddress(address))
}

func quoteAddress(address string) string { return strconv.Quote(cut(address, 64)) }

// openBus connects to a bus and lets it know who this is. Someone must Read then.
func openBus(ctx context.Context, address string, take func(*busConn, busMessage)) (*busConn, error) {
	path, err := busAddress(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	c := newBusConn(conn, take)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.authenticate()
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func newBusConn(conn net.Conn, take func(*busConn, busMessage)) *busConn {
	return &busConn{
		conn: conn, reader: bufio.NewReader(conn), take: take,
		writing: make(chan struct{}, 1), calls: make(chan struct{}, busCalls), ended: make(chan struct{}),
		pending: make(map[uint32]chan<- busMessage),
	}
}

// authenticate says that this is who the socket says it is (SASL mechanism EXTERNAL).
func (c *busConn) authenticate() error {
	id := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := c.conn.Write([]byte("\x00AUTH EXTERNAL " + id + "\r\n")); err != nil {
		return err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	if !strings.HasPrefix(string(line), "OK ") {
		return errBusAuth
	}
	_, err = c.conn.Write([]byte("BEGIN\r\n"))
	return err
}

// Close ends Read and all calls.
func (c *busConn) Close() { _ = c.conn.Close() }

// Read takes what the bus sends until the connection ends.
func (c *busConn) Read() {
	defer close(c.ended)
	defer c.Close()
	for {
		m, whole, err := c.next()
		if err != nil {
			return
		}
		if whole {
			c.dispatch(m)
		}
	}
}

// next reads a message. One that is longer than any that matters is skipped.
func (c *busConn) next() (m busMessage, whole bool, err error) {
	var begin [busFixedHeader]byte
	if _, err := io.ReadFull(c.reader, begin[:]); err != nil {
		return m, false, err
	}
	_, size, err := busLengths(begin)
	if err != nil {
		return m, false, err
	}
	if size > busMessageMax {
		_, err := io.CopyN(io.Discard, c.reader, int64(size-busFixedHeader))
		return m, false, err
	}
	b := append(make([]byte, 0, size), begin[:]...)
	if _, err := io.ReadFull(c.reader, b[busFixedHeader:size]); err != nil {
		return m, false, err
	}
	m, err = parseBusMessage(b[:size])
	return m, true, err
}

func (c *busConn) dispatch(m busMessage) {
	if m.kind != busReturn && m.kind != busError {
		c.take(c, m)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, waits := c.pending[m.replySerial]; waits {
		delete(c.pending, m.replySerial)
		answer <- m
	}
}

// Call calls a method with texts and returns the answer.
func (c *busConn) Call(ctx context.Context, destination, path, iface, member string, texts ...string) (busMessage, error) {
	body := busWriter{order: binary.LittleEndian}
	for _, text := range texts {
		body.String(text)
	}
	return c.call(ctx, busMessage{
		kind: busCall, destination: destination, path: path, iface: iface, member: member,
		signature: strings.Repeat("s", len(texts)), body: body.b,
	})
}

func (c *busConn) call(ctx context.Context, m busMessage) (busMessage, error) {
	select {
	case c.calls <- struct{}{}:
	case <-ctx.Done():
		return busMessage{}, ctx.Err()
	}
	defer func() { <-c.calls }()
	answer := make(chan busMessage, 1)
	m.serial = c.expect(answer)
	defer c.forget(m.serial)
	if err := c.send(ctx, m); err != nil {
		return busMessage{}, err
	}
	select {
	case <-ctx.Done():
		return busMessage{}, ctx.Err()
	case <-c.ended:
		return busMessage{}, errBusGone
	case got := <-answer:
		return got, got.failure()
	}
}

// failure is the error that a message is, nil if it is none.
func (m busMessage) failure() error {
	if m.kind != busError {
		return nil
	}
	text, _ := m.text()
	return &busFailure{m.errorName, text}
}

// expect returns the serial of the call whose answer goes to a channel.
func (c *busConn) expect(answer chan<- busMessage) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serial++; c.serial == 0 {
		c.serial = 1
	}
	c.pending[c.serial] = answer
	return c.serial
}

func (c *busConn) forget(serial uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, serial)
}

// send writes a message. If it cannot be written whole the connection is of no use any
// longer.
func (c *busConn) send(ctx context.Context, m busMessage) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.writing }()
	until, some := ctx.Deadline()
	if !some {
		until = time.Now().Add(busPatience)
	}
	if err := c.conn.SetWriteDeadline(until); err != nil {
		return errBusGone
	}
	if _, err := c.conn.Write(m.marshal()); err != nil {
		c.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return context.DeadlineExceeded
		}
		return errBusGone
	}
	return nil
}
