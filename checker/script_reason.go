package checker

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// explainStart says why the script could not be started.
func (c *scriptCheck) explainStart(err error) error {
	name := c.argv[0]
	info, statErr := os.Stat(name)
	switch {
	case errors.Is(statErr, os.ErrNotExist):
		return fmt.Errorf("%s: no such file", name)
	case errors.Is(err, unix.ENOEXEC):
		return fmt.Errorf("%s: neither a program nor a script with a #! line", name)
	case statErr == nil && info.IsDir():
		return fmt.Errorf("%s: is a folder", name)
	case statErr == nil && info.Mode()&0o111 == 0:
		return fmt.Errorf("%s: not executable (mode %04o)", name, info.Mode().Perm())
	}
	return c.explainInterpreter(err)
}

func (c *scriptCheck) explainInterpreter(err error) error {
	name, interpreter := c.argv[0], interpreterOf(c.argv[0])
	if interpreter != "" && errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: interpreter %s: no such file", name, printable(interpreter))
	}
	if errors.Is(err, unix.EACCES) && c.account != nil {
		return fmt.Errorf("%s: user %s may not run it", name, c.account.name)
	}
	return fmt.Errorf("%s: %w", name, err)
}
