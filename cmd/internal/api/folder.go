package api

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Who may write into a folder. In one that is sticky nobody removes what is another's.
const (
	groupMay  fs.FileMode = 0o020
	othersMay fs.FileMode = 0o002
)

// safeFolder returns nil if nobody but root and the user of this process can replace a socket
// in a folder. Members of the process's own group may be trusted with it: they may speak to
// the socket anyway.
func safeFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", path)
	}
	if owner := ownerOf(info); owner != 0 && owner != os.Geteuid() {
		return fmt.Errorf("its folder belongs to user %s, who could replace it: it must be root's, or that of user %s", userName(uint32(owner)), userName(uint32(os.Geteuid())))
	}
	mode, group := info.Mode(), groupOf(info)
	foreign := mode&groupMay != 0 && group != 0 && group != os.Getegid()
	if mode&fs.ModeSticky == 0 && (mode&othersMay != 0 || foreign) {
		return fmt.Errorf("its folder has mode %04o, and others could replace it: chmod go-w %s", mode.Perm(), path)
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

func groupOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Gid)
	}
	return -1
}
