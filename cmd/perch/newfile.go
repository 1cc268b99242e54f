package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// secretBytes of randomness are beyond any guessing.
const secretBytes = 32

// secretFate is what init did about the secret.
type secretFate string

const (
	secretMade secretFate = "wrote" // a fresh one
	secretKept secretFate = "kept"  // the one that was there
)

// ensureSecret writes a fresh secret to path, unless there is one.
func ensureSecret(path, group string) (secretFate, error) {
	if _, err := os.Lstat(path); err == nil {
		return secretKept, nil
	}
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails
	text := hex.AppendEncode(nil, random)
	return secretMade, writeNew(path, 0o600, append(text, '\n'), readableBy(group))
}

// readableBy lets a group read the file, if this is root and there is such a group.
func readableBy(group string) func(*os.File) error {
	return func(file *os.File) error {
		g, err := user.LookupGroup(group)
		if err != nil || os.Geteuid() != 0 {
			return nil // the file stays its owner's alone
		}
		gid, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
		return errors.Join(file.Chown(0, gid), file.Chmod(0o640))
	}
}

// writeNew makes a file that was not there before, with its mode and owner set
// before it has any content. A file that cannot be finished is removed.
func writeNew(path string, mode fs.FileMode, content []byte, prepare ...func(*os.File) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	for _, p := range prepare {
		err = errors.Join(err, p(file))
	}
	if err == nil {
		_, err = file.Write(content)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}
