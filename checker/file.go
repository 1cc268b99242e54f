package checker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// maxNumber is how many bytes a file with a number may have.
const maxNumber = 64

// emptyLimit is for how long the last number of a file counts that was emptied: a shell
// does that before it runs the command whose output is to be in the file.
const emptyLimit = 10 * time.Second

var errEmpty = errors.New(`holds "", wanted a whole number`)

// fileCheck is kind "file": a regular file that is there or not, is fresh, or has a number.
type fileCheck struct {
	path    string
	spec    File
	folders *folders
	place   watchedPlace
	last    atomic.Pointer[int] // the number that was there, or stood for none
}

func newFile(h *Host, s Spec) (Checker, error) {
	if !filepath.IsAbs(s.Target) {
		return nil, fmt.Errorf("file %q: must be an absolute path", s.Target)
	}
	if s.File.Absent && (s.File.Number || s.File.MaxAge != 0) {
		return nil, fmt.Errorf("file %q: one that must be absent has neither an age nor a number", s.Target)
	}
	if s.File.Missing != nil && !s.File.Number {
		return nil, fmt.Errorf("file %q: one without a number has none while it is missing", s.Target)
	}
	return &fileCheck{path: filepath.Clean(s.Target), spec: s.File, folders: &h.folders}, nil
}

// Check looks at the file. None of what may lie there keeps it: a FIFO is not waited for,
// and a device is not opened.
func (c *fileCheck) Check(context.Context) (Finding, error) {
	c.folders.renew(&c.place)
	info, err := os.Stat(c.path)
	gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
	switch {
	case c.spec.Absent && gone:
		return Finding{}, nil
	case c.spec.Absent && err == nil:
		return Finding{}, errors.New("it is there")
	case gone && c.spec.Missing != nil:
		c.last.Store(c.spec.Missing) // a file that comes to be is empty at first
		return Finding{Value: Value{Is: *c.spec.Missing, Known: true}}, nil
	case gone:
		return Finding{}, errors.New("no such file")
	case err != nil:
		return Finding{}, plainError(err)
	}
	return c.judge(info, time.Now())
}

func (c *fileCheck) judge(info os.FileInfo, now time.Time) (Finding, error) {
	if !info.Mode().IsRegular() {
		return Finding{}, fmt.Errorf("not a regular file (%s)", info.Mode())
	}
	if err := c.fresh(now.Sub(info.ModTime())); err != nil || !c.spec.Number {
		return Finding{}, err
	}
	number, err := readNumber(c.path)
	switch last := c.last.Load(); {
	case err == nil:
		c.last.Store(&number)
	case errors.Is(err, errEmpty) && last != nil && c.justEmptied():
		number, err = *last, nil
	}
	return Finding{Value: Value{Is: number, Known: err == nil}}, err
}

// justEmptied tells whether an empty file may be about to be written.
func (c *fileCheck) justEmptied() bool {
	info, err := os.Stat(c.path)
	return err == nil && time.Since(info.ModTime()) < emptyLimit
}

func (c *fileCheck) fresh(age time.Duration) error {
	if c.spec.MaxAge == 0 || age <= c.spec.MaxAge {
		return nil
	}
	unit := time.Millisecond
	if age >= 10*time.Second {
		unit = time.Second
	}
	return fmt.Errorf("last written %s ago, at most %s allowed", age.Round(unit), c.spec.MaxAge)
}

// Watch tells of what happens to the name of the file in its folder, and of its content as
// soon as who writes it closes it. What is only seen elsewhere, as behind a symbolic link,
// is left to Check.
func (c *fileCheck) Watch(ctx context.Context, changed func()) error {
	c.folders.watch(ctx, &c.place, c.path, c.events(), changed)
	return nil
}

// events are those that are news. A number is not yet in a file that comes to be.
func (c *fileCheck) events() uint32 {
	if c.spec.Number {
		return contentEvents
	}
	return contentEvents | unix.IN_CREATE
}

// readNumber reads a file of which a number is the content.
func readNumber(path string) (int, error) {
	text, err := readShort(path, maxNumber)
	if err != nil {
		return 0, err
	}
	if len(text) == 0 {
		return 0, errEmpty
	}
	text = bytes.TrimSpace(text)
	number, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("holds %q, wanted a whole number", text)
	}
	return int(max(math.MinInt32, min(math.MaxInt32, number))), nil
}

// readShort reads a regular file that must not be longer than so many bytes.
func readShort(path string, limit int) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, plainError(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, plainError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", info.Mode())
	}
	text, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return nil, plainError(err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return text, nil
}

// plainError takes the name of the file out of an error, which the check's own target tells.
func plainError(err error) error {
	if inner, is := errors.AsType[*os.PathError](err); is {
		return inner.Err
	}
	return err
}
