package ipvs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

const recordVersion = 1

// maxRecord is several times what the record of 100,000 services has, in bytes.
const maxRecord = 64 << 20

// errRecord says that the content of the record is of no use.
var errRecord = errors.New("record is damaged")

// record is the file that remembers what perch put into the kernel. The empty path is a
// record that remembers nothing.
type record string

// memory is what a record remembers.
type memory struct {
	Boot   string // of which the kernel has it: the next boot knows nothing of it
	Keys   []Key  // of services, sorted
	Former former
}

type recordFile struct {
	Version  int           `json:"version"`
	Boot     string        `json:"boot"`
	Services []recordEntry `json:"services"`
	Former   recordFormer  `json:"former_timeouts,omitzero"`
}

type recordEntry struct {
	Protocol Protocol       `json:"protocol,omitempty"`
	Address  netip.AddrPort `json:"address,omitzero"`
	Mark     uint32         `json:"mark,omitempty"`
	Family   Family         `json:"family"`
}

type recordFormer struct {
	TCP    uint32 `json:"tcp,omitempty"`
	TCPFin uint32 `json:"tcp_fin,omitempty"`
	UDP    uint32 `json:"udp,omitempty"`
}

// Read returns what is remembered; nothing if the file does not exist.
func (r record) Read() (memory, error) {
	if r == "" {
		return memory{}, nil
	}
	if info, err := os.Stat(string(r)); err == nil && info.Size() > maxRecord {
		return memory{}, fmt.Errorf("read record %s: %w: %d bytes, want at most %d", r, errRecord, info.Size(), maxRecord)
	}
	b, err := os.ReadFile(string(r))
	if errors.Is(err, fs.ErrNotExist) {
		return memory{}, nil
	}
	if err != nil {
		return memory{}, fmt.Errorf("read record: %w", err)
	}
	m, err := parseRecord(b)
	if err != nil {
		return memory{}, fmt.Errorf("read record %s: %w", r, err)
	}
	return m, nil
}

// parseRecord drops entries that name no service: the others still count.
func parseRecord(b []byte) (memory, error) {
	var file recordFile
	if err := json.Unmarshal(b, &file); err != nil {
		return memory{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	if file.Version != recordVersion {
		return memory{}, fmt.Errorf("%w: version %d, want %d", errRecord, file.Version, recordVersion)
	}
	m := memory{Boot: file.Boot, Former: former(file.Former)}
	for _, e := range file.Services {
		if k := Key(e); k.check() == nil {
			m.Keys = append(m.Keys, k)
		}
	}
	return m, nil
}

// SetAside moves a record that cannot be read out of the way, where a human may look at
// it, and returns its new name.
func (r record) SetAside() (string, error) {
	to := string(r) + ".corrupt"
	if err := os.Rename(string(r), to); err != nil {
		return "", fmt.Errorf("set record aside: %w", err)
	}
	return to, nil
}

// Write replaces the record as a whole. When it returns nil the new content survives a
// crash.
func (r record) Write(m memory) error {
	if r == "" {
		return nil
	}
	if err := r.replace(formatRecord(m)); err != nil {
		return fmt.Errorf("write record %s: %w", r, err)
	}
	return nil
}

func formatRecord(m memory) []byte {
	file := recordFile{
		Version:  recordVersion,
		Boot:     m.Boot,
		Services: make([]recordEntry, len(m.Keys)),
		Former:   recordFormer(m.Former),
	}
	for i, k := range m.Keys {
		file.Services[i] = recordEntry(k)
	}
	b, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		panic(err) // numbers, strings and addresses always have a JSON form
	}
	return append(b, '\n')
}

func (r record) replace(content []byte) error {
	temporary := string(r) + ".new"
	err := writeSynced(temporary, content)
	if err == nil {
		err = os.Rename(temporary, string(r))
	}
	if err != nil {
		_ = os.Remove(temporary) // one that stays is overwritten the next time
		return err
	}
	return syncFolder(filepath.Dir(string(r)))
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

// thisBoot names the boot of the kernel that runs; "" where it says nothing.
func thisBoot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
