package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	syncs     = 24 // writes that are tried
	syncsTake = 2 * time.Second
)

// tryDisk writes some blocks for good, in a file in data_dir that has no name any more.
func tryDisk(ctx context.Context, dir string) func(*Facts) {
	d := Disk{Known: true, Dir: dir}
	for !isDir(d.Dir) && d.Dir != filepath.Dir(d.Dir) {
		d.Absent, d.Dir = true, filepath.Dir(d.Dir)
	}
	var system unix.Statfs_t
	if err := unix.Statfs(d.Dir, &system); err != nil {
		return nil
	}
	d.System, d.ReadOnly = systemName(int64(system.Type)), system.Flags&unix.ST_RDONLY != 0
	d.Free, d.Inodes = system.Bavail*uint64(system.Bsize), system.Ffree
	if system.Files == 0 {
		d.Inodes = ^uint64(0)
	}
	if !d.Absent && !d.ReadOnly {
		if err := d.write(ctx); err != nil {
			d.Failed = short(err)
		}
	}
	return func(f *Facts) {
		d.Stall = f.Disk.Stall
		f.Disk = d
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// short is an error without the path that is named already.
func short(err error) string {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err.Error()
	}
	return err.Error()
}

func (d *Disk) write(ctx context.Context) error {
	file, err := os.CreateTemp(d.Dir, ".doctor-")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	block := make([]byte, 4096)
	begin := time.Now()
	for range syncs {
		if ctx.Err() != nil || time.Since(begin) > syncsTake {
			return nil
		}
		if _, err := file.Write(block); err != nil {
			return err
		}
		before := time.Now()
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return os.NewSyscallError("fdatasync", err)
		}
		d.Syncs = append(d.Syncs, time.Since(before))
	}
	return nil
}

// systemName names the file systems that matter here.
func systemName(magic int64) string {
	const fuse, ceph = 0x65735546, 0x00c36400
	return map[int64]string{
		unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.NFS_SUPER_MAGIC: "nfs",
		unix.SMB2_SUPER_MAGIC: "smb2", unix.CIFS_SUPER_MAGIC: "cifs", unix.V9FS_MAGIC: "9p", fuse: "fuse", ceph: "ceph",
	}[magic]
}
