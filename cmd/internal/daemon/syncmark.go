package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// syncMark is a file that is there while perch may have sync daemons in the kernel, so that
// they are found after it was killed. It has the ID of the boot, which they do not outlive.
type syncMark string

// isSet tells whether it was set since this machine was booted.
func (m syncMark) isSet() bool {
	marked, err := os.ReadFile(string(m))
	boot, errBoot := bootID()
	return err == nil && errBoot == nil && string(marked) == boot
}

func (m syncMark) set() error {
	if m.isSet() {
		return nil
	}
	boot, err := bootID()
	if err == nil {
		err = os.WriteFile(string(m), []byte(boot), 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember sync daemons: %w", err)
	}
	return nil
}

func (m syncMark) clear() error {
	if err := os.Remove(string(m)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget sync daemons: %w", err)
	}
	return nil
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(id), err
}
