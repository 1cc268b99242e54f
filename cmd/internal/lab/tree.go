package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Where a SystemTree is kept, and what is in it beside the least that there can be.
const (
	treeFolder   = "/var/cache/perch-lab"
	treeRelease  = "bookworm"
	treePackages = "systemd,rpm,kmod,iproute2,udev,dbus,chrony"
	debianSource = "/etc/apt/sources.list.d/debian.sources"
)

// SystemTree returns the folder of a small Debian system with systemd and rpm. The first
// call makes it, in about a minute, from where this machine has its own packages; it is kept
// for later ones, also of other processes. It needs root and debootstrap(8).
func SystemTree(ctx context.Context) (string, error) {
	tree := filepath.Join(treeFolder, treeRelease+"-"+strings.ReplaceAll(treePackages, ",", "-"))
	if _, err := os.Stat(tree); err == nil {
		return tree, nil
	}
	mirror, err := debianMirror(debianSource)
	if err != nil {
		return "", fmt.Errorf("make the system %s: %w", tree, err)
	}
	if err := makeTree(ctx, tree, mirror); err != nil {
		return "", fmt.Errorf("make the system %s of packages from %s: %w", tree, mirror, err)
	}
	return tree, nil
}

// makeTree makes it under another name, so that nobody meets it half made.
func makeTree(ctx context.Context, tree, mirror string) (err error) {
	if err := os.MkdirAll(filepath.Dir(tree), 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(tree), "new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	if err := os.Chmod(draft, 0o755); err != nil {
		return err
	}
	if err := debootstrap(ctx, draft, mirror); err != nil {
		return err
	}
	if err := os.Rename(draft, tree); err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return err
	}
	return nil
}

// debootstrap runs debootstrap(8). With it ends all that it has started, and what it has
// mounted, also when ctx is done: a mirror that does not answer would keep it for hours.
func debootstrap(ctx context.Context, folder, mirror string) error {
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+treePackages, treeRelease, folder, mirror)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("debootstrap: %w: %s", err, out[max(0, len(out)-2000):])
	}
	return nil
}

// debianMirror returns the first place that a file of apt's sources names.
func debianMirror(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if uris, ok := strings.CutPrefix(lines.Text(), "URIs:"); ok && strings.TrimSpace(uris) != "" {
			return strings.Fields(uris)[0], nil
		}
	}
	return "", errors.Join(lines.Err(), fmt.Errorf("%s names no place of packages", file))
}
