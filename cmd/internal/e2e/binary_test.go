package e2e

import (
	"debug/elf"
	"os"
	"testing"
)

// maxBinary is what perch may weigh, stripped. 16 MB were wanted, and held until it read the
// configs of others: Seesaw's types need the protobuf runtime, 1.7 MB, and what reads a
// keepalived.conf is 0.9 MB. Mails are 0.4 MB, and what tells operators is 1.7
// MB. See docs/performance.md.
const maxBinary = 21_700_000

func binarySize(tb testing.TB) int64 {
	tb.Helper()
	info, err := os.Stat(perchBinary(tb))
	must(tb, err)
	return info.Size()
}

func TestBinaryIsSmall(t *testing.T) {
	size := binarySize(t)
	t.Logf("%.2f MB", float64(size)/1e6)
	if size > maxBinary {
		t.Errorf("perch weighs %d bytes, at most %d are allowed", size, maxBinary)
	}
}

func TestBinaryIsStaticAndStripped(t *testing.T) {
	file, err := elf.Open(perchBinary(t))
	must(t, err)
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
			t.Errorf("perch is not static: it has a segment %s", segment.Type)
		}
	}
	for _, section := range []string{".symtab", ".debug_info", ".zdebug_info"} {
		if file.Section(section) != nil {
			t.Errorf("perch is not stripped: it has a section %s", section)
		}
	}
}
