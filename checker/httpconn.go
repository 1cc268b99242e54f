package checker

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// httpConn is a connection that is asked once.
type httpConn struct {
	net.Conn
	h2   bool
	done func() // gives back what was borrowed for it; may be nil
}

// Close also gives back what was borrowed. Nothing is read after it.
func (c *httpConn) Close() error {
	err := c.Conn.Close()
	if c.done != nil {
		c.done()
		c.done = nil
	}
	return err
}

// untilConn is a connection that ends with a context.
type untilConn struct {
	net.Conn
	stop func() bool
}

// dialUntil connects. The connection is closed when ctx ends, whatever it is used for.
func dialUntil(ctx context.Context, dialer *net.Dialer, address string) (*untilConn, error) {
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	resetAtClose(conn)
	return &untilConn{conn, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

func (c *untilConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// httpShared is what HTTP checks have in common. The zero value is ready.
type httpShared struct {
	readers sync.Pool // of *bufio.Reader
	buffers sync.Pool // of *bytes.Buffer
	once    sync.Once
	http2   *http.Transport
}

// talkHTTP1 sends a request and returns the head of the answer. The rest comes through
// its body.
func (s *httpShared) talkHTTP1(request *http.Request, conn *httpConn) (*http.Response, error) {
	// A server that answers without reading all may have closed: its answer counts.
	sent := s.write(request, conn)
	head := &headReader{conn: conn.Conn, left: maxHead}
	reader := s.borrowReader(head)
	conn.done = func() { s.readers.Put(reader) }
	answer, err := readAnswer(reader, request)
	if err != nil {
		return nil, cmp.Or(sent, head.err, err)
	}
	head.lift()
	return answer, nil
}

func (s *httpShared) write(request *http.Request, conn net.Conn) error {
	buffer := s.borrowBuffer()
	defer s.giveBack(buffer)
	if err := request.Write(buffer); err != nil {
		return err
	}
	_, err := conn.Write(buffer.Bytes())
	return err
}

// readAnswer reads the head of an answer. Interim ones before it do not count, but for
// the bound on all that is read.
func readAnswer(reader *bufio.Reader, request *http.Request) (*http.Response, error) {
	for {
		answer, err := http.ReadResponse(reader, request)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, nil
		}
	}
}

// headReader reads from a connection, no more than a head may have until it is lifted.
type headReader struct {
	conn net.Conn
	left int   // -1 for without end
	err  error // why no more can be read, but for its end; a parser may lose that
}

func (r *headReader) Read(p []byte) (int, error) {
	if r.left < 0 {
		return r.conn.Read(p)
	}
	if r.left == 0 {
		r.err = errLongHead
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.conn.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != io.EOF {
		r.err = err
	}
	return n, err
}

func (r *headReader) lift() { r.left = -1 }

// errLongHead tells of a head without end.
var errLongHead = because("headers longer than %d KiB", maxHead>>10)

// withBody has judge judge the body of an answer, which it may not keep.
func (s *httpShared) withBody(answer *http.Response, judge func([]byte) error) error {
	buffer := s.borrowBuffer()
	defer s.giveBack(buffer)
	if err := readBody(answer, buffer, maxBody); err != nil {
		return err
	}
	return judge(buffer.Bytes())
}

// mayHaveBody tells whether a body can follow a head (RFC 9112, section 6.3).
func mayHaveBody(head *http.Response) bool {
	return head.Request.Method != http.MethodHead && head.StatusCode >= 200 &&
		head.StatusCode != http.StatusNoContent && head.StatusCode != http.StatusNotModified
}

// readBody reads the body of an answer to its end, within a limit.
func readBody(answer *http.Response, to io.Writer, limit int64) error {
	if answer.ContentLength > limit {
		return longBody(limit)
	}
	n, err := io.Copy(to, io.LimitReader(answer.Body, limit+1))
	if err == nil && n > limit {
		return longBody(limit)
	}
	return err
}

func longBody(limit int64) error {
	return because("body longer than %d MiB", limit>>20)
}

func (s *httpShared) borrowReader(from io.Reader) *bufio.Reader {
	if reader, ok := s.readers.Get().(*bufio.Reader); ok {
		reader.Reset(from)
		return reader
	}
	return bufio.NewReader(from)
}

func (s *httpShared) borrowBuffer() *bytes.Buffer {
	if buffer, ok := s.buffers.Get().(*bytes.Buffer); ok {
		return buffer
	}
	return new(bytes.Buffer)
}

// giveBack keeps a buffer for the next one, unless it has become large.
func (s *httpShared) giveBack(buffer *bytes.Buffer) {
	if buffer.Cap() <= maxHead {
		buffer.Reset()
		s.buffers.Put(buffer)
	}
}
