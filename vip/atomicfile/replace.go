package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrUnsynced says that the file was replaced, but that the old one may come back after a
// crash.
var ErrUnsynced = errors.New("folder not synced")

// Replace replaces a file as a whole, or makes it, for its owner alone. When it returns nil
// the new content survives a crash; after an error other than ErrUnsynced the old one
// stands. Its folder must be there.
func Replace(path string, content []byte) error { return replace(path, content, 0o600) }

// ReplacePublic is Replace for a file that everybody may read, whatever the umask.
func ReplacePublic(path string, content []byte) error { return replace(path, content, 0o644) }

func replace(path string, content []byte, mode os.FileMode) error {
	temporary := path + ".new"
	err := writeSynced(temporary, content, mode)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary) // one that stays is overwritten the next time
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsynced, err)
	}
	return nil
}

func writeSynced(name string, content []byte, mode os.FileMode) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(mode); err != nil { // of one that was left, and whatever the umask
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes a rename in the folder last.
func syncFolder(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}
