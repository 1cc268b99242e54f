package sysctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Root is where the kernel shows its sysctls.
const Root = "/proc/sys"

// Read returns the value of the sysctl of that name below root.
func Read(root, name string) (int, error) {
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return 0, fmt.Errorf("read sysctl %s: %w", Display(name), bare(err))
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read sysctl %s: %w", Display(name), err)
	}
	return value, nil
}

func write(root string, s Setting) error {
	f, err := os.OpenFile(filepath.Join(root, s.Name), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(s.Value))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("set sysctl %s: %w", s, bare(err))
	}
	return nil
}

// bare is an error without the path, which the sysctl's name says.
func bare(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
