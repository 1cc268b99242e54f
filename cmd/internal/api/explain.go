package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// explain says in one line why the daemon behind the socket gave no answer.
func (c *Client) explain(err error) error {
	var refused *AnswerError
	switch {
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
