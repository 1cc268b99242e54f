package vrrpnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const stateVersion = 1

// deviceState is what has been changed in the kernel and not been put back.
type deviceState struct {
	Version int                   `json:"version"`
	Boot    string                `json:"boot"` // ID of the boot that it is about
	Devices map[string]madeDevice `json:"devices"`
	Sysctls []sysctlChange        `json:"sysctls"`
}

// sysctlChange is a sysctl of an interface that has been set.
type sysctlChange struct {
	sysctl
	Index  int    `json:"index"` // of the interface; 0 for all and default
	Before string `json:"before"`
	Set    string `json:"set"`
}

// stateFile is the file that remembers a deviceState. The empty path remembers nothing.
type stateFile string

// Read returns an empty state if there is no file, if it is of an earlier boot, or
// with an error.
func (f stateFile) Read() (deviceState, error) {
	boot, err := bootID()
	empty := deviceState{Version: stateVersion, Boot: boot, Devices: make(map[string]madeDevice)}
	if err != nil || f == "" {
		return empty, err
	}
	b, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("read state: %w", err)
	}
	var s deviceState
	if err := json.Unmarshal(b, &s); err != nil {
		return empty, fmt.Errorf("read state %s: %w", f, err)
	}
	if s.Version != stateVersion {
		return empty, fmt.Errorf("read state %s: version %d, want %d", f, s.Version, stateVersion)
	}
	if s.Boot != boot || s.Devices == nil {
		return empty, nil
	}
	return s, nil
}

// Write replaces the file, or removes it if there is nothing to remember. It is not
// synced: after a crash of the machine it is of no use.
func (f stateFile) Write(s deviceState) error {
	if f == "" {
		return nil
	}
	err := f.replace(s)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

func (f stateFile) replace(s deviceState) error {
	if len(s.Devices) == 0 && len(s.Sysctls) == 0 {
		err := os.Remove(string(f))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	temporary := string(f) + ".new"
	if err := os.WriteFile(temporary, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, string(f))
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot ID: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
