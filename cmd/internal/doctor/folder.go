package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// Folder is one that perch writes into, and that is another program's.
type Folder struct {
	Path     string
	UID, GID int
	Mode     fs.FileMode
}

// folder looks at one. It has no path if it is not there, or cannot be looked at.
func (root files) folder(path string) Folder {
	info, err := os.Stat(root.path(path))
	if err != nil || !info.IsDir() {
		return Folder{}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Folder{}
	}
	return Folder{path, int(stat.Uid), int(stat.Gid), info.Mode().Perm()}
}

// takes tells whether files may be made there by who has a user and groups.
func (d Folder) takes(uid int, groups ...int) bool {
	const enter, write = 1, 2
	bits := d.Mode
	switch {
	case uid == 0:
		return true
	case uid == d.UID:
		bits >>= 6
	case slices.Contains(groups, d.GID):
		bits >>= 3
	}
	return bits&(enter|write) == enter|write
}

// closed returns as whom perch cannot write there; ok is false if it can. Into which groups a
// unit puts a daemon that does not run is not known: one that may write is taken for its own.
func (f Facts) closed(d Folder) (uid int, ok bool) {
	if d.Path == "" {
		return 0, false
	}
	running := f.daemons()
	for _, p := range running {
		if p.Read && !d.takes(p.UID, append(slices.Clone(p.Groups), p.GID)...) {
			return p.UID, true
		}
	}
	uid = f.Rights.Perch
	return uid, len(running) == 0 && f.Rights.Known && uid > 0 && !d.takes(uid, f.Rights.PerchGroup, d.GID)
}

// untold finds the folders of chrony's into which perch cannot write.
func untold(f Facts) (all []Finding) {
	if uid, ok := f.closed(f.Chrony.Dir); ok {
		all = append(all, Finding{
			Warning, f.Chrony.Dir.Path, fmt.Sprintf("cannot be written to by user %d, as whom perch runs: it does not say there from whom to take time", uid),
			"chgrp perch " + f.Chrony.Dir.Path + " && chmod g+wx " + f.Chrony.Dir.Path,
		})
	}
	if uid, ok := f.closed(f.Chrony.Run); ok {
		all = append(all, Finding{
			Warning, f.Chrony.Run.Path, fmt.Sprintf("cannot be written to by user %d, as whom perch runs: chronyd is not told to read a source of time", uid),
			"install -D -m 644 /usr/share/perch/chrony.service.d-examples/perch.conf /etc/systemd/system/chrony.service.d/perch.conf && " +
				"install -D -m 644 /usr/share/perch/perch.service.d-examples/chrony.conf /etc/systemd/system/perch.service.d/chrony.conf && " +
				"systemctl daemon-reload && systemctl restart chrony && systemctl restart perch # Red Hat's is chronyd",
		})
	}
	return all
}
