package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/perch-vip/perch/ipvs"
)

// syncMark is a file that has the roles in which perch may have sync daemons in the kernel,
// so that they are found after it was killed. It begins with the ID of the boot, which they
// do not outlive. An earlier version wrote that alone, for both roles.
type syncMark string

// roles returns those that were set since this machine was booted.
func (m syncMark) roles() (roles []ipvs.Role) {
	marked, err := os.ReadFile(string(m))
	boot, errBoot := bootID()
	names, same := strings.CutPrefix(string(marked), boot)
	if err != nil || errBoot != nil || !same {
		return nil
	}
	for _, role := range [...]ipvs.Role{ipvs.SyncMaster, ipvs.SyncBackup} {
		if names == "" || strings.Contains(names, role.String()) {
			roles = append(roles, role)
		}
	}
	return roles
}

func (m syncMark) set(roles []ipvs.Role) error {
	if slices.Equal(roles, m.roles()) {
		return nil
	}
	text, err := bootID()
	for _, role := range roles {
		text += role.String() + "\n"
	}
	temporary := string(m) + ".new" // where the disk is full the old one stays
	if err == nil {
		err = os.WriteFile(temporary, []byte(text), 0o600)
	}
	if err == nil {
		err = os.Rename(temporary, string(m))
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
