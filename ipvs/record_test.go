package ipvs

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func (m memory) equal(o memory) bool {
	return m.Boot == o.Boot && m.Former == o.Former && slices.Equal(m.Keys, o.Keys)
}

func fullMemory() memory {
	return memory{
		Boot:   "b1",
		Keys:   []Key{web(1).Key, KeyOf(SCTP, netip.MustParseAddrPort("[2001:db8::1]:0")), KeyOfMark(7, IPv6)},
		Former: former{TCP: 900},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	r := record(filepath.Join(t.TempDir(), "ipvs.json"))
	if got, err := r.Read(); err != nil || !got.equal(memory{}) {
		t.Fatalf("before the first write: %v, %v, want nothing", got, err)
	}
	for _, want := range []memory{fullMemory(), {Boot: "b2", Keys: []Key{web(2).Key}}, {}} {
		if err := r.Write(want); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Read(); err != nil || !got.equal(want) {
			t.Errorf("read %v, %v, want %v", got, err, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(string(r))); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want the record alone", entries, err)
	}
}

// TestRecordFormat pins the file: a later version must read what this one wrote.
func TestRecordFormat(t *testing.T) {
	const want = `{
 "version": 1,
 "boot": "b1",
 "services": [
  {
   "protocol": 6,
   "address": "198.18.0.1:80",
   "family": 4
  },
  {
   "mark": 7,
   "family": 6
  }
 ],
 "former_timeouts": {
  "tcp": 900
 }
}
`
	m := fullMemory()
	m.Keys = slices.Delete(m.Keys, 1, 2)
	if got := string(formatRecord(m)); got != want {
		t.Errorf("the record is\n%s\nwant\n%s", got, want)
	}
}

func TestRecordContents(t *testing.T) {
	good := `{"protocol":6,"address":"198.18.0.1:80","family":4}`
	known := memory{Keys: []Key{web(1).Key}}
	tests := []struct {
		name, content string
		want          memory
		err           error
	}{
		{"a later version adds fields", `{"version":1,"services":[` + good + `],"written":"today"}`, known, nil},
		{"an entry without a key", `{"version":1,"services":[{},` + good + `]}`, known, nil},
		{"an entry with a mark and an address", `{"version":1,"services":[{"mark":1,"address":"198.18.0.1:80","family":4},` + good + `]}`, known, nil},
		{"empty", ``, memory{}, errRecord},
		{"cut off", `{"version":1,"services":[` + good, memory{}, errRecord},
		{"not JSON", "\x00\x00\x00", memory{}, errRecord},
		{"an address that is none", `{"version":1,"services":[{"protocol":6,"address":"x","family":4}]}`, memory{}, errRecord},
		{"another version", `{"version":2,"services":[]}`, memory{}, errRecord},
		{"no version", `{"services":[]}`, memory{}, errRecord},
	}
	for _, test := range tests {
		got, err := parseRecord([]byte(test.content))
		if !got.equal(test.want) || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, got, err, test.want, test.err)
		}
	}
}

func TestRecordErrorsNameTheFile(t *testing.T) {
	r := record(filepath.Join(t.TempDir(), "missing", "ipvs.json"))
	if err := r.Write(fullMemory()); err == nil || !strings.Contains(err.Error(), string(r)) {
		t.Errorf("write: %v, want an error with %s", err, r)
	}
	if _, err := r.SetAside(); err == nil || !strings.Contains(err.Error(), string(r)) {
		t.Errorf("set aside: %v, want an error with %s", err, r)
	}
	damaged := record(filepath.Join(t.TempDir(), "ipvs.json"))
	if err := os.WriteFile(string(damaged), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := damaged.Read(); !errors.Is(err, errRecord) || !strings.Contains(err.Error(), string(damaged)) {
		t.Errorf("read: %v, want %v with %s", err, errRecord, damaged)
	}
}

// A garbled length is not taken for that much memory.
func TestRecordTooLarge(t *testing.T) {
	r := record(filepath.Join(t.TempDir(), "ipvs.json"))
	if err := os.WriteFile(string(r), formatRecord(fullMemory()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(string(r), maxRecord+1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); !errors.Is(err, errRecord) || !strings.Contains(err.Error(), "67108865 bytes") {
		t.Errorf("read: %v, want %v with its size", err, errRecord)
	}
}

// What was remembered stays so when the disk is full, and nothing is left beside it.
func TestRecordOnAFullDisk(t *testing.T) {
	r := record(filepath.Join(t.TempDir(), "ipvs.json"))
	want := fullMemory()
	if err := r.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", string(r)+".new"); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(memory{Boot: "b2"}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %v, want %v", err, syscall.ENOSPC)
	}
	if got, err := r.Read(); err != nil || !got.equal(want) {
		t.Errorf("read %v, %v, want %v", got, err, want)
	}
	if entries, err := os.ReadDir(filepath.Dir(string(r))); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want the record alone", entries, err)
	}
}

func TestNoRecord(t *testing.T) {
	var r record
	if err := r.Write(fullMemory()); err != nil {
		t.Error(err)
	}
	if got, err := r.Read(); err != nil || !got.equal(memory{}) {
		t.Errorf("read %v, %v, want nothing", got, err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(formatRecord(fullMemory()))
	f.Add([]byte(`{"version":1,"services":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseRecord(b)
		if err != nil {
			return
		}
		again, err := parseRecord(formatRecord(m))
		if err != nil || !again.equal(m) {
			t.Errorf("%q holds %v, which reads back as %v, %v", b, m, again, err)
		}
	})
}
