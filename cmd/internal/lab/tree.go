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
	"strings"
)

// Where a SystemTree is kept, and what is in it beside the least that there can be.
const (
	treeFolder   = "/var/cache/perch-lab"
	treeRelease  = "bookworm"
	treePackages = "systemd,rpm,kmod,iproute2"
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
	if err := makeTree(ctx, tree); err != nil {
		return "", fmt.Errorf("make the system %s: %w", tree, err)
	}
	return tree, nil
}

// makeTree makes it under another name, so that nobody meets it half made.
func makeTree(ctx context.Context, tree string) (err error) {
	mirror, err := debianMirror(debianSource)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(treeFolder, 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(treeFolder, "new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	if err := os.Chmod(draft, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+treePackages, treeRelease, draft, mirror)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap: %w: %s", err, out[max(0, len(out)-2000):])
	}
	if err := os.Rename(draft, tree); err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return err
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
