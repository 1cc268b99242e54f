package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// maxSecret bounds the secret file.
const maxSecret = 64 << 10

// secretHint is how a node that has its config already comes by its secret: `perch
// init` would refuse to run.
func secretHint(path string) string {
	return "copy it from a node that has it, or, if none has, make one here: (umask 077; head -c 48 /dev/urandom | base64 >'" + path + "')"
}

// perchGroup may read the secret, if this machine has it: `perch init` gives it to
// that group.
const perchGroup = "perch"

// readSecret reads the cluster's secret, if nobody else can.
func readSecret(path string) ([]byte, error) {
	secret, err := readSecretFile("secret_file", path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; %s", err, secretHint(path))
	case err != nil:
		return nil, err
	case len(secret) < cluster.MinSecret:
		return nil, fmt.Errorf("read secret_file %s: %d bytes, at least %d are needed; %s", path, len(secret), cluster.MinSecret, secretHint(path))
	}
	return secret, nil
}

// readSecretFile reads the file of a key, which nobody else can read, without the white
// space around what is in it.
func readSecretFile(key, path string) ([]byte, error) {
	data, err := readPrivate(key, path, maxSecret)
	return bytes.TrimSpace(data), err
}

// readPrivate reads the file of a key of the config, if nobody else can.
func readPrivate(key, path string, limit int64) ([]byte, error) {
	f, err := config.OpenFile(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("read %s: %w; run: chown %d %s", key, err, os.Geteuid(), path)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	defer f.Close()
	access, err := accessTo(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if err := access.check(path, thisProcess()); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", key, path, err)
	}
	data, err := readAtMost(f, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", key, path, bare(err))
	}
	return data, nil
}

// access says who may read a file.
type access struct {
	mode        fs.FileMode // permissions
	user, group int
}

func accessTo(f *os.File) (access, error) {
	info, err := f.Stat()
	if err != nil {
		return access{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return access{}, errors.New("no owner is known")
	}
	return access{info.Mode().Perm(), int(stat.Uid), int(stat.Gid)}, nil
}

// reader is a process that reads a secret: its user, and the groups that may read
// it, too, the preferred one first.
type reader struct {
	user   int
	groups []int
}

func thisProcess() reader {
	r := reader{user: os.Geteuid()}
	if g, err := user.LookupGroup(perchGroup); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil {
			r.groups = append(r.groups, gid)
		}
	}
	r.groups = append(r.groups, os.Getegid(), os.Getgid())
	return r
}

// check returns why somebody else than r could read or change the file, and what to
// do about it.
func (a access) check(path string, r reader) error {
	switch {
	case a.user != 0 && a.user != r.user:
		return fmt.Errorf("it belongs to user %d; it must belong to root or to the daemon's user, %d; run: chown %d %s", a.user, r.user, r.user, path)
	case a.mode&^0o640 != 0:
		return fmt.Errorf("its mode is %04o, at most 0640 is allowed; run: chmod %s %s", a.mode, a.narrowest(r), path)
	case a.mode&0o040 != 0 && !slices.Contains(r.groups, a.group):
		return fmt.Errorf("group %d may read it; only the daemon's may, %d; run: chgrp %d %s", a.group, r.groups[0], r.groups[0], path)
	}
	return nil
}

// narrowest is the least mode with which r can still read the file.
func (a access) narrowest(r reader) string {
	if a.user == r.user {
		return "0600"
	}
	return "0640"
}
