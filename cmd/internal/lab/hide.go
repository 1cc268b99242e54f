package lab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Hide gives the host an empty folder in place of each of these, which exist: what its
// daemons write there is seen by no other host, and gone with it.
func (h *Host) Hide(folders ...string) error {
	return h.Do(func() error {
		if err := h.ns.unshareMounts(); err != nil {
			return err
		}
		var err error
		for _, folder := range folders {
			err = errors.Join(err, os.NewSyscallError("mount on "+folder, unix.Mount("hidden", folder, "tmpfs", 0, "mode=0755")))
		}
		if err != nil {
			return fmt.Errorf("hide folders of %s: %w", h.Name, err)
		}
		return nil
	})
}
