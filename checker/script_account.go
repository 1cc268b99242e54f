package checker

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is whom a script runs as; nil for the daemon's own.
type account struct {
	name string
	id   uint32
	gid  uint32
	gids []uint32 // all of them
}

// lookUpAccount finds a user in /etc/passwd, and its groups in /etc/group.
func lookUpAccount(name string) (*account, error) {
	if name == "" {
		return nil, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("user %q: not known on this machine", name)
	}
	a, err := parseAccount(found)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", name, err)
	}
	if a.isForeign() && !mayBecomeAnother() {
		return nil, fmt.Errorf("user %q: only root, or a daemon with CAP_SETUID and CAP_SETGID, can run scripts as somebody else", name)
	}
	return a, nil
}

func parseAccount(found *user.User) (*account, error) {
	groups, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up groups: %w", err)
	}
	ids := make([]uint32, 0, len(groups)+2)
	for _, text := range append([]string{found.Uid, found.Gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("parse id %q: %w", text, err)
		}
		ids = append(ids, uint32(id))
	}
	return &account{name: found.Username, id: ids[0], gid: ids[1], gids: ids[2:]}, nil
}

func (a *account) uid() int {
	if a == nil {
		return os.Geteuid()
	}
	return int(a.id)
}

// isForeign tells whether it takes capabilities to run something as the account, since the
// daemon is neither root nor of that user.
func (a *account) isForeign() bool {
	me := os.Geteuid()
	return me != 0 && a.uid() != me
}

// credential is for the start of a program, where it is not the daemon's.
func (a *account) credential() *syscall.Credential {
	if a == nil || os.Geteuid() != 0 && !a.isForeign() {
		return nil
	}
	return &syscall.Credential{Uid: a.id, Gid: a.gid, Groups: a.gids}
}
