package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Secret is a file that nobody else is to read.
type Secret struct {
	Key    string // in the config
	Path   string
	Strict bool // perch refuses one that others can read
	Problem
	Mode     fs.FileMode // permissions
	UID, GID int
	LooseDir string // a folder above it in which others can put another file there; "" for none
}

// Problem is why a file is not to be seen; "" if it is.
type Problem string

// The problems.
const (
	missing Problem = "is not there"
	hidden  Problem = "is not to be seen"
)

// secretsOf returns the files of secrets that a config names, each once.
func secretsOf(c *config.Config) (all []Secret) {
	add := func(key, path string, strict bool) {
		if path != "" && !slices.ContainsFunc(all, func(s Secret) bool { return s.Path == path }) {
			all = append(all, Secret{Key: key, Path: path, Strict: strict})
		}
	}
	if c.Cluster != nil {
		add("cluster.secret_file", c.Cluster.SecretFile, true)
		add("cluster.tls_key", c.Cluster.TLSKey, true)
	}
	for i := range c.VRRP {
		r := &c.VRRP[i]
		add("auth of "+r.Name, r.Auth.SecretFile, true)
		for _, key := range r.Auth.Keys {
			add("auth of "+r.Name, key.File, true)
		}
	}
	for i := range c.Notify {
		add("password_file of [[notify]]", c.Notify[i].Mail.PasswordFile, true)
		add("signing_secret_file of [[notify]]", c.Notify[i].Webhook.SecretFile, true)
		add("token_file of [[notify]]", c.Notify[i].Webhook.TokenFile, true)
	}
	for _, checks := range [][]config.Check{c.Checks, c.ServerChecks} {
		for i := range checks {
			add("key_file of check "+checks[i].Name, checks[i].TLS.KeyFile, false)
		}
	}
	return all
}

func lookAtSecrets(c *config.Config) []Secret {
	all := secretsOf(c)
	for i := range all {
		all[i].look()
	}
	return all
}

func (s *Secret) look() {
	info, err := os.Stat(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Problem = missing
		return
	case err != nil:
		s.Problem = hidden
		return
	}
	s.Mode = info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		s.UID, s.GID = int(stat.Uid), int(stat.Gid)
	}
	s.LooseDir = looseDir(filepath.Dir(s.Path))
}

// looseDir returns the first folder from one upwards that others can write to, unless
// what is in it stays its owner's (the sticky bit).
func looseDir(dir string) string {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// exposed finds secrets that others can read or change, and those that are missing.
func exposed(f Facts) (all []Finding) {
	for _, s := range f.Secrets {
		switch {
		case s.Problem == missing:
			all = append(all, Finding{Error, s.Path, "is not there: it is " + s.Key + ", without which perch does not start", "ls -l " + quoted(filepath.Dir(s.Path))})
		case s.Problem == hidden:
			all = append(all, Finding{Hint, s.Path, "could not be looked at: it is " + s.Key + ", and nobody else is to read it", f.again()})
		default:
			all = append(all, s.examine(f)...)
		}
	}
	return all
}

// examine goes by the rules of the daemon: the file is its user's or root's, and at most
// the group reads it, too.
func (s Secret) examine(f Facts) (all []Finding) {
	severity, comes := Warning, "others can use it"
	if s.Strict {
		severity, comes = Error, "perch does not start"
	}
	if s.Mode&^0o640 != 0 {
		all = append(all, Finding{
			severity, s.Path, fmt.Sprintf("has mode %04o, and 0640 is the most for %s: %s", s.Mode, s.Key, comes), "chmod 0640 " + quoted(s.Path),
		})
	}
	if users := f.users(); len(users) > 0 && !slices.Contains(users, s.UID) {
		all = append(all, Finding{
			severity, s.Path, fmt.Sprintf("belongs to user %d, neither to root nor to perch's user, and is %s: %s", s.UID, s.Key, comes),
			fmt.Sprintf("chown %d %s", slices.Max(users), quoted(s.Path)),
		})
	}
	if groups := f.groups(); s.Mode&0o040 != 0 && len(groups) > 0 && !slices.Contains(groups, s.GID) {
		all = append(all, Finding{
			severity, s.Path, fmt.Sprintf("can be read by group %d, which is not that of perch, and is %s: %s", s.GID, s.Key, comes),
			fmt.Sprintf("chgrp %d %s", groups[0], quoted(s.Path)),
		})
	}
	if s.LooseDir != "" {
		all = append(all, Finding{
			Warning, s.LooseDir, "can be written to by all: they can put another " + s.Key + " in its place", "chmod o-w " + quoted(s.LooseDir),
		})
	}
	return all
}

// users are those to whom a secret may belong: root, and those of the daemons, or else that
// of the shipped unit and whoever runs doctor.
func (f Facts) users() []int {
	users := []int{0}
	for _, d := range f.daemons() {
		if d.Read {
			users = append(users, d.UID)
		}
	}
	if len(users) == 1 && f.Rights.Known {
		users = append(users, f.Rights.UID)
		if uid := f.Rights.Perch; uid > 0 {
			users = append(users, uid)
		}
	}
	return users
}

// groups are those that may read a secret; none where it is not known with which the daemon
// runs.
func (f Facts) groups() (groups []int) {
	for _, d := range f.daemons() {
		if d.Read {
			groups = append(groups, d.GID)
		}
	}
	if len(groups) > 0 && f.Rights.PerchGroup > 0 {
		groups = append(groups, f.Rights.PerchGroup)
	}
	return groups
}
