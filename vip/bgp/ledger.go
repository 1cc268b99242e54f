package bgp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/perch-vip/perch/vip/atomicfile"
)

const ledgerVersion = 1

// errLedger says that the content of the ledger is of no use.
var errLedger = errors.New("ledger is damaged")

// ledger is the file that remembers which networks perch may have put into bgpd's
// configuration. The empty path is a ledger that remembers nothing.
type ledger string

type ledgerFile struct {
	Version  int            `json:"version"`
	Networks []netip.Prefix `json:"networks"`
}

// read returns the networks of the ledger; none if the file does not exist.
func (l ledger) read() ([]netip.Prefix, error) {
	if l == "" {
		return nil, nil
	}
	content, err := os.ReadFile(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	list, err := parseLedger(content)
	if err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", l, err)
	}
	return list, nil
}

// parseLedger drops what is no network of one address: it is not ours.
func parseLedger(content []byte) ([]netip.Prefix, error) {
	var file ledgerFile
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", errLedger, err)
	}
	if file.Version != ledgerVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", errLedger, file.Version, ledgerVersion)
	}
	var list []netip.Prefix
	for _, p := range file.Networks {
		if p.IsValid() && p.IsSingleIP() {
			list = append(list, p)
		}
	}
	return list, nil
}

// write replaces the ledger as a whole. When it returns nil the new content survives a
// crash.
func (l ledger) write(list []netip.Prefix) error {
	if l == "" {
		return nil
	}
	content, err := json.MarshalIndent(ledgerFile{ledgerVersion, list}, "", " ")
	if err != nil {
		return fmt.Errorf("write ledger %s: %w", l, err)
	}
	err = os.MkdirAll(filepath.Dir(string(l)), 0o700)
	if err == nil {
		err = atomicfile.Replace(string(l), append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write ledger %s: %w", l, err)
	}
	return nil
}
