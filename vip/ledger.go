package vip

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/perch-vip/perch/vip/atomicfile"
)

const ledgerVersion = 1

// errLedger says that the content of the ledger is of no use.
var errLedger = errors.New("ledger is damaged")

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
	Kind      Kind         `json:"kind,omitempty"`
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
	if err := atomicfile.Replace(string(l), formatLedger(vips)); err != nil {
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
