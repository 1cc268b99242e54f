package syntax

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Files reads a config's files. Paths are as they stand in the config, relative
// ones joined to the path of the file that includes them.
type Files interface {
	// Read returns the text of a regular file. The error is config.ErrNotRegular where a path
	// leads to something else.
	Read(path string) ([]byte, error)
	// Mode returns what kind of file a path leads to.
	Mode(path string) (fs.FileMode, error)
	// Glob returns the sorted paths that match a pattern of glob(3), which has no
	// {a,b}. A folder that the pattern names and that is not there is an error.
	Glob(pattern string) ([]string, error)
	// Folder returns the absolute path of the folder of a file, without symbolic links.
	Folder(path string) (string, error)
}

var errTooLarge = errors.New("too large")

// OSFiles are the files of this machine.
type OSFiles struct{}

// Read returns the text of a regular file of at most 64 MiB.
func (OSFiles) Read(path string) ([]byte, error) {
	f, err := config.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(defaultLimits.bytes)+1))
	if errors.Is(err, os.ErrDeadlineExceeded) { // as /proc/kmsg, which has no end
		err = &fs.PathError{Op: "read", Path: path, Err: config.ErrNotRegular}
	}
	if err != nil {
		return nil, err
	}
	if len(data) > defaultLimits.bytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", errTooLarge, defaultLimits.bytes)}
	}
	return data, nil
}

// Mode returns what kind of file a path leads to.
func (OSFiles) Mode(path string) (fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

// Glob returns the sorted paths that match a pattern.
func (OSFiles) Glob(pattern string) ([]string, error) {
	g := globber{folders: maxFolders, list: func(folder string) ([]string, error) {
		entries, err := os.ReadDir(folder)
		return names(entries), err
	}}
	return g.glob(pattern)
}

// Folder returns the absolute path of the folder of a file, without symbolic links.
func (OSFiles) Folder(path string) (string, error) {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(folder)
}

// FSFiles are the files of a file system in memory, with its root as /.
type FSFiles struct{ FS fs.FS }

// Read returns the text of a file.
func (f FSFiles) Read(path string) ([]byte, error) { return fs.ReadFile(f.FS, name(path)) }

// Mode returns what kind of file a path leads to.
func (f FSFiles) Mode(path string) (fs.FileMode, error) {
	info, err := fs.Stat(f.FS, name(path))
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

// Glob returns the sorted paths that match a pattern.
func (f FSFiles) Glob(pattern string) ([]string, error) {
	g := globber{folders: maxFolders, list: func(folder string) ([]string, error) {
		entries, err := fs.ReadDir(f.FS, name(folder))
		return names(entries), err
	}}
	return g.glob(pattern)
}

// Folder returns the path of the folder of a file, which begins with /.
func (f FSFiles) Folder(file string) (string, error) { return path.Dir(path.Join("/", file)), nil }

// name is a path as io/fs wants it.
func name(file string) string {
	return path.Clean("./" + strings.TrimLeft(path.Clean(file), "/"))
}

func names(entries []fs.DirEntry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	sort.Strings(names)
	return names
}
