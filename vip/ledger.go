package vip

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
)

const ledgerVersion = 1

// errLedger says that the content of the ledger is of no use.
var errLedger = errors.New("ledger is damaged")

// errUnsynced says that the ledger was replaced, but may come back after a crash.
var errUnsynced = errors.New("folder not synced")

// ledger is the file that remembers the VIPs that may still be in the kernel.
// The empty path is a ledger that remembers nothing.
type ledger string

type ledgerFile struct {
	Version int           `json:"version"`
	VIPs    []ledgerEntry `json:"vips"`
}

type ledgerEntry struct {
	Address   netip.Prefix `json:"address"`
	Interface string       `json:"interface"`
}

// Read returns the VIPs of the ledger; none if the file does not exist.
func (l ledger) Read() ([]VIP, error) {
	if l == "" {
		return nil, nil
	}
	b, err := os.ReadFile(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	vips, err := parseLedger(b)
	if err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", l, err)
	}
	return vips, nil
}

// parseLedger drops entries that name no VIP: the others still count.
func parseLedger(b []byte) ([]VIP, error) {
	var file ledgerFile
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", errLedger, err)
	}
	if file.Version != ledgerVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", errLedger, file.Version, ledgerVersion)
	}
	var vips []VIP
	for _, e := range file.VIPs {
		if v := VIP(e); v.check() == nil {
			vips = append(vips, v)
		}
	}
	return vips, nil
}

// SetAside moves a ledger that cannot be read out of the way, where a human may
// look at it, and returns its new name.
func (l ledger) SetAside() (string, error) {
	to := string(l) + ".corrupt"
	if err := os.Rename(string(l), to); err != nil {
		return "", fmt.Errorf("set ledger aside: %w", err)
	}
	return to, nil
}

// Write replaces the ledger as a whole. When it returns nil the new content
// survives a crash.
func (l ledger) Write(vips []VIP) error {
	if l == "" {
		return nil
	}
	if err := l.replace(formatLedger(vips)); err != nil {
		return fmt.Errorf("write ledger %s: %w", l, err)
	}
	return nil
}

func formatLedger(vips []VIP) []byte {
	file := ledgerFile{Version: ledgerVersion, VIPs: make([]ledgerEntry, len(vips))}
	for i, v := range vips {
		file.VIPs[i] = ledgerEntry(v)
	}
	b, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		panic(err) // strings and prefixes always have a JSON form
	}
	return append(b, '\n')
}

func (l ledger) replace(content []byte) error {
	temporary := string(l) + ".new"
	err := writeSynced(temporary, content)
	if err == nil {
		err = os.Rename(temporary, string(l))
	}
	if err != nil {
		_ = os.Remove(temporary) // one that stays is overwritten the next time
		return err
	}
	if err := syncFolder(filepath.Dir(string(l))); err != nil {
		return fmt.Errorf("%w: %w", errUnsynced, err)
	}
	return nil
}

func writeSynced(name string, content []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
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
