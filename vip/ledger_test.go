package vip

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLedgerRoundTrip(t *testing.T) {
	l := ledger(filepath.Join(t.TempDir(), "vips.json"))
	if got, err := l.Read(); err != nil || len(got) != 0 {
		t.Fatalf("before the first write: %v, %v, want nothing", got, err)
	}
	for _, want := range [][]VIP{
		{testVIP(1), {Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "bond0.7"}},
		{testVIP(1), testRange("198.19.0.0/20")},
		{testVIP(2)},
		{},
	} {
		if err := l.Write(want); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Read(); err != nil || !slices.Equal(got, want) {
			t.Errorf("read %v, %v, want %v", got, err, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(string(l))); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want the ledger alone", entries, err)
	}
}

// TestLedgerFormat pins the file: a later version must read what this one wrote.
func TestLedgerFormat(t *testing.T) {
	const want = `{
 "version": 1,
 "vips": [
  {
   "address": "198.18.0.1/16",
   "interface": "eth0"
  }
 ]
}
`
	if got := string(formatLedger([]VIP{testVIP(1)})); got != want {
		t.Errorf("the ledger is\n%s\nwant\n%s", got, want)
	}
}

func TestLedgerContents(t *testing.T) {
	good := `{"address":"198.18.0.1/16","interface":"eth0"}`
	tests := []struct {
		name, content string
		want          []VIP
		err           error
	}{
		{"a later version adds fields", `{"version":1,"vips":[` + good + `],"written":"today"}`, []VIP{testVIP(1)}, nil},
		{"an entry without interface", `{"version":1,"vips":[{"address":"198.18.0.2/16"},` + good + `]}`, []VIP{testVIP(1)}, nil},
		{"an entry of a kind of later versions", `{"version":1,"vips":[{"address":"198.18.0.2/16","interface":"eth0","kind":"cloud"},` + good + `]}`, []VIP{testVIP(1)}, nil},
		{"an entry without address", `{"version":1,"vips":[{"interface":"eth0"},` + good + `]}`, []VIP{testVIP(1)}, nil},
		{"empty", ``, nil, errLedger},
		{"cut off", `{"version":1,"vips":[` + good, nil, errLedger},
		{"not JSON", "\x00\x00\x00", nil, errLedger},
		{"an address that is none", `{"version":1,"vips":[{"address":"x","interface":"eth0"}]}`, nil, errLedger},
		{"another version", `{"version":2,"vips":[]}`, nil, errLedger},
		{"no version", `{"vips":[]}`, nil, errLedger},
	}
	for _, test := range tests {
		got, err := parseLedger([]byte(test.content))
		if !slices.Equal(got, test.want) || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, got, err, test.want, test.err)
		}
	}
}

func TestLedgerErrorsNameTheFile(t *testing.T) {
	l := ledger(filepath.Join(t.TempDir(), "missing", "vips.json"))
	if err := l.Write([]VIP{testVIP(1)}); err == nil || !strings.Contains(err.Error(), string(l)) {
		t.Errorf("write: %v, want an error with %s", err, l)
	}
	if _, err := l.SetAside(); err == nil || !strings.Contains(err.Error(), string(l)) {
		t.Errorf("set aside: %v, want an error with %s", err, l)
	}
	damaged := ledger(filepath.Join(t.TempDir(), "vips.json"))
	if err := os.WriteFile(string(damaged), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := damaged.Read(); !errors.Is(err, errLedger) || !strings.Contains(err.Error(), string(damaged)) {
		t.Errorf("read: %v, want %v with %s", err, errLedger, damaged)
	}
}

func TestNoLedger(t *testing.T) {
	var l ledger
	if err := l.Write([]VIP{testVIP(1)}); err != nil {
		t.Error(err)
	}
	if got, err := l.Read(); err != nil || got != nil {
		t.Errorf("read %v, %v, want nothing", got, err)
	}
}

func FuzzLedger(f *testing.F) {
	f.Add(formatLedger([]VIP{testVIP(1), testVIP(2)}))
	f.Add([]byte(`{"version":1,"vips":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		vips, err := parseLedger(b)
		if err != nil {
			return
		}
		again, err := parseLedger(formatLedger(vips))
		if err != nil || !slices.Equal(again, vips) {
			t.Errorf("%q holds %v, which reads back as %v, %v", b, vips, again, err)
		}
	})
}
