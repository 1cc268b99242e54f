package vrrpnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

const rpFilter = "rp_filter"

// sysctl is a setting of an interface. The thread that opens its file decides of which
// network namespace it is.
type sysctl struct {
	Family    string `json:"family"` // ipv4, ipv6
	Interface string `json:"interface"`
	Name      string `json:"name"`
}

func (s sysctl) String() string { return "net/" + s.Family + "/conf/" + s.Interface + "/" + s.Name }

func (s sysctl) path() string { return "/proc/sys/" + s.String() }

// read returns the value as it is written.
func (s sysctl) read() (string, error) {
	b, err := os.ReadFile(s.path())
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", s, bare(err))
	}
	return strings.TrimSpace(string(b)), nil
}

func (s sysctl) readNumber() (int, error) {
	value, err := s.read()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Errorf("sysctl %s: %w", s, err)
	}
	return n, nil
}

// write writes the value even if it is there already: a value that was never written
// follows later changes of the default. Where only that is not allowed it does without.
func (s sysctl) write(value string) error {
	err := s.overwrite(value)
	if err == nil {
		return nil
	}
	if now, failed := s.read(); failed == nil && now == value {
		return nil
	}
	return fmt.Errorf("set sysctl %s to %s: %w", s, value, bare(err))
}

// bare is an error without the path, which the sysctl's name says.
func bare(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

func (s sysctl) overwrite(value string) error {
	f, err := os.OpenFile(s.path(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
