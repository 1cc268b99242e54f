package sysctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const recordVersion = 1

// record is what has been changed and not been put back.
type record struct {
	Version int      `json:"version"`
	Place   string   `json:"place"` // the boot and the network namespace that it is about
	Changes []change `json:"changes"`
}

// change is a sysctl that has been set, or was about to be.
type change struct {
	Name      string     `json:"name"`
	Before    int        `json:"before"`
	Set       int        `json:"set"`
	Followers []follower `json:"followers,omitempty"`
}

func (r *record) index(name string) int {
	return slices.IndexFunc(r.Changes, func(c change) bool { return c.Name == name })
}

func (r *record) forget(name string) {
	r.Changes = slices.DeleteFunc(r.Changes, func(c change) bool { return c.Name == name })
}

// readRecord returns an empty record if there is no file, if it is about another boot or
// namespace, whose sysctls are gone, or with an error.
func readRecord(file, place string) (record, error) {
	empty := record{Version: recordVersion, Place: place}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("read record of sysctls: %w", err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return empty, fmt.Errorf("read record of sysctls %s: %w", file, err)
	}
	if r.Version != recordVersion {
		return empty, fmt.Errorf("read record of sysctls %s: version %d, want %d", file, r.Version, recordVersion)
	}
	if r.Place != place {
		return empty, nil
	}
	return r, nil
}

// write replaces the file, or removes it if there is nothing to put back. It is not
// synced: after a crash of the machine it is of no use.
func (r *record) write(file string) error {
	err := r.replace(file)
	if err != nil {
		return fmt.Errorf("write record of sysctls: %w", err)
	}
	return nil
}

func (r *record) replace(file string) error {
	if len(r.Changes) == 0 {
		err := os.Remove(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	temporary := file + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// place tells this boot and this network namespace from others.
func place(root string) (string, error) {
	boot, err := os.ReadFile(filepath.Join(root, "kernel/random/boot_id"))
	if err != nil {
		return "", fmt.Errorf("read boot ID: %w", err)
	}
	namespace, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return "", fmt.Errorf("read network namespace: %w", err)
	}
	return strings.TrimSpace(string(boot)) + " " + namespace, nil
}
