package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// explain says in one line why the daemon behind the socket gave no answer.
func (c *Client) explain(err error) error {
	var refused *AnswerError
	switch {
	case errors.As(err, &refused) && refused.Code == http.StatusNotFound:
		return fmt.Errorf("the daemon at %s is of another version of perch, which does not know this: "+
			"`perch status` says of which, and a restart has it run the installed one (%w)", c.path, refused)
	case err == nil, errors.As(err, &refused), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return noDaemon(c.path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no access to %s: %s (%w)", c.path, whoMay(c.path), cause(err))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("the daemon at %s does not answer: is it stopped or overloaded? (%w)", c.path, cause(err))
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("the daemon at %s went away before it answered (%w)", c.path, cause(err))
	}
	return fmt.Errorf("daemon at %s: %w", c.path, err)
}

// peerError is a peer that gave no answer, in words of its own.
type peerError struct {
	text string
	error
}

func (e *peerError) Error() string { return e.text }

func (e *peerError) Unwrap() error { return e.error }

// explainPeer says in one sentence why the named node gave no answer. The lines
// of a refusal stay as they are, unless they are many or long.
func explainPeer(node string, err error) error {
	if refused, is := err.(*AnswerError); is {
		return refused.bounded()
	}
	if err == nil {
		return nil
	}
	if why := whyNoAnswer(err); why != "" {
		return &peerError{text: "node " + node + " " + why, error: NotNow(err)}
	}
	text := strings.TrimPrefix(err.Error(), "dial "+node+": ") // it is named once
	return &peerError{text: sentence("node " + node + ": " + text), error: err}
}

// whyNoAnswer completes "node X ..." for what operators meet, else it is empty.
func whyNoAnswer(err error) string {
	if stranger, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("has another secret or CA (%v)", stranger)
	}
	if alert := alertOf(err); alert == wrongProtocol {
		return "belongs to another cluster: its cluster.name differs (" + alert + ")"
	} else if alert != "" {
		return "does not let this node in (" + alert + ")"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "does not answer in time"
	}
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return "went away before it answered"
		}
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok && call.Syscall == "bind" && call.Err == syscall.EADDRNOTAVAIL {
		return "cannot be asked: the address that the list of peers has for this node is not on this host"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return "cannot be reached: " + errno.Error()
	}
	return ""
}

// wrongProtocol is the alert of a node of another cluster: the cluster's name is
// part of the protocol's.
const wrongProtocol = "tls: no application protocol"

// alertOf returns what the other side ended the TLS handshake with. Its type is
// the library's own.
func alertOf(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return e.Err.Error()
	}
	return ""
}

type noDaemonError struct {
	path string
	error
}

func noDaemon(path string, err error) error { return &noDaemonError{path: path, error: cause(err)} }

func (e *noDaemonError) Error() string {
	return fmt.Sprintf("no daemon answers at %s: is perch serve running on this node? (%v)", e.path, e.error)
}

func (e *noDaemonError) Unwrap() []error { return []error{e.error, ErrNoDaemon} }

// cause returns the system's own error where there is one: what net puts
// before it is said already.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

// whoMay says who may use the socket at path, as far as that can be seen.
func whoMay(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "use sudo"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "use sudo"
	}
	return fmt.Sprintf("it is for user %s and group %s: use sudo, or join that group",
		userName(stat.Uid), groupName(stat.Gid))
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
