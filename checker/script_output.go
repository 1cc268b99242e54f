package checker

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const (
	maxOutput = 4 << 10 // bytes of output that are kept, the last ones
	maxPipe   = 1 << 20 // bytes that a pipe holds, as far as users can set
	maxLine   = 120     // bytes of output in a reason
)

// output takes what a script writes and keeps the end of it.
type output struct {
	tail []byte
	read *os.File
	done chan struct{}
}

// openOutput returns an output and where to write to.
func openOutput() (*output, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("open pipe: %w", err)
	}
	return &output{read: read, done: make(chan struct{})}, write, nil
}

// take reads until nobody can write anymore, or until close.
func (o *output) take() {
	defer close(o.done)
	b := make([]byte, maxOutput)
	for {
		n, err := o.read.Read(b)
		o.keep(b[:n])
		if err != nil {
			return
		}
	}
}

func (o *output) keep(b []byte) {
	o.tail = append(o.tail, b...)
	o.tail = slices.Delete(o.tail, 0, max(0, len(o.tail)-maxOutput))
}

// close takes what has been written, and does not wait for those who still could.
func (o *output) close() {
	o.end()
	_ = o.read.Close()
}

// release is close, but lets them write: nobody keeps it.
func (o *output) release() {
	o.end()
	_ = o.read.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, o.read)
		_ = o.read.Close()
	}()
}

// end takes what has been written.
func (o *output) end() {
	_ = o.read.SetReadDeadline(time.Unix(1, 0))
	<-o.done
	if conn, err := o.read.SyscallConn(); err == nil {
		_ = conn.Control(o.drain)
	}
}

// drain reads what is in the pipe.
func (o *output) drain(fd uintptr) {
	b := make([]byte, maxOutput)
	for total := 0; total < maxPipe; {
		n, err := unix.Read(int(fd), b)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		o.keep(b[:n])
		total += n
	}
}

// lastLine returns the last line that is not blank, fit for a reason.
func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	line := string(bytes.TrimSpace(text[bytes.LastIndexAny(text, "\r\n")+1:]))
	if len(line) > maxLine {
		end := maxLine
		for end > 0 && !utf8.RuneStart(line[end]) {
			end--
		}
		line = line[:end] + "..."
	}
	return printable(line)
}

// printable returns a text as it is, or quoted if there is something else in it.
func printable(line string) string {
	if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) || !utf8.ValidString(line) {
		return strconv.Quote(line)
	}
	return line
}
