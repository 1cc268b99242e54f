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
	"time"

	"golang.org/x/sys/unix"
)

// maxNumber is how many bytes a file with a number may have.
const maxNumber = 64

// file is kind "file": a regular file that is there or not, is fresh, or has a number.
type file struct {
	path    string
	spec    File
	folders *folders
	place   watchedPlace
}

func newFile(h *Host, s Spec) (Checker, error) {
	if !filepath.IsAbs(s.Target) {
		return nil, fmt.Errorf("file %q: must be an absolute path", s.Target)
	}
	if s.File.Absent && (s.File.Number || s.File.MaxAge != 0) {
		return nil, fmt.Errorf("file %q: one that must be absent has neither an age nor a number", s.Target)
	}
	return &file{path: filepath.Clean(s.Target), spec: s.File, folders: &h.folders}, nil
}

// Check looks at the file. None of what may lie there keeps it: a FIFO is not waited for,
// and a device is not opened.
func (f *file) Check(context.Context) (Finding, error) {
	f.folders.renew(&f.place)
	info, err := os.Stat(f.path)
	gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
	switch {
	case f.spec.Absent && gone:
		return Finding{}, nil
	case f.spec.Absent && err == nil:
		return Finding{}, errors.New("it is there")
	case gone:
		return Finding{}, errors.New("no such file")
	case err != nil:
		return Finding{}, plainError(err)
	}
	return f.judge(info, time.Now())
}

func (f *file) judge(info os.FileInfo, now time.Time) (Finding, error) {
	if !info.Mode().IsRegular() {
		return Finding{}, fmt.Errorf("not a regular file (%s)", info.Mode())
	}
	if err := f.fresh(now.Sub(info.ModTime())); err != nil || !f.spec.Number {
		return Finding{}, err
	}
	number, err := readNumber(f.path)
	return Finding{Value: Value{Is: number, Known: err == nil}}, err
}

func (f *file) fresh(age time.Duration) error {
	if f.spec.MaxAge == 0 || age <= f.spec.MaxAge {
		return nil
	}
	unit := time.Millisecond
	if age >= 10*time.Second {
		unit = time.Second
	}
	return fmt.Errorf("last written %s ago, at most %s allowed", age.Round(unit), f.spec.MaxAge)
}

// Watch tells of what happens to the name of the file in its folder, and of its content as
// soon as who writes it closes it. What is only seen elsewhere, as behind a symbolic link,
// is left to Check.
func (f *file) Watch(ctx context.Context, changed func()) error {
	f.folders.watch(ctx, &f.place, f.path, f.events(), changed)
	return nil
}

// events are those that are news. A number is not yet in a file that comes to be.
func (f *file) events() uint32 {
	if f.spec.Number {
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
