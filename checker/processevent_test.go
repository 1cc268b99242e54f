package checker

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// As Linux 6.18 sends them, of a process that forks 0x6581, which runs another program;
// the first one is its answer to the request.
const (
	capturedAck  = "4c000000030000000000000000000000010000000100000000000000010000002800000000000000000000008299677e031e0000000000000000000000000000000000000000000000000000"
	capturedFork = "4c00000003000000010000000000000001000000010000000100000000000000280000000100000000000000cf9d687e031e00003b6500003b65000081650000816500000000000000000000"
	capturedExec = "4c0000000300000000000000000000000100000001000000000000000000000028000000020000000100000010686d7e031e0000816500008165000000000000000000000000000000000000"
)

func captured(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skipf("captured on a little endian machine (%v)", err)
	}
	return b
}

// eventOf returns a captured message with another event and other data in it.
func eventOf(t testing.TB, what uint32, data ...uint32) []byte {
	b := captured(t, capturedFork)
	binary.NativeEndian.PutUint32(b[whatAt:], what)
	for i, word := range data {
		binary.NativeEndian.PutUint32(b[dataAt+4*i:], word)
	}
	return b
}

func TestProcessEventRequest(t *testing.T) {
	const want = "28000000030000000000000000000000" + "0100000001000000000000000000000004000000" + "01000000"
	if got := processEventRequest(procListen); !slices.Equal(got, captured(t, want)) {
		t.Errorf("%x, want %s", got, want)
	}
}

// The filter must pass what is read, and nothing else.
func TestProcessEvents(t *testing.T) {
	filter, err := bpf.NewVM(processEventFilter())
	must(t, err)
	other := captured(t, capturedFork)
	other[connectorAt] = 9
	for _, c := range []struct {
		name string
		b    []byte
		want []int
	}{
		{"answer to the request", captured(t, capturedAck), nil},
		{"fork", captured(t, capturedFork), []int{0x6581}},
		{"exec", captured(t, capturedExec), []int{0x6581}},
		{"fork of a thread", eventOf(t, eventFork, 1, 1, 8, 7), nil},
		{"fork by a thread", eventOf(t, eventFork, 3, 2, 7, 7), []int{7}},
		{"exec of a thread", eventOf(t, eventExec, 8, 7), nil},
		{"name", eventOf(t, eventComm, 7, 7), []int{7}},
		{"name of a thread", eventOf(t, eventComm, 8, 7), nil},
		{"user", eventOf(t, 0x4, 7, 7, 7, 7), nil},
		{"exit", eventOf(t, 0x80000000, 7, 7, 7, 7), nil},
	} {
		if got := parseProcessEvents(c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if passes, err := filter.Run(c.b); err != nil || passes != 0 != (len(c.want) > 0) {
			t.Errorf("%s: the filter passes %d bytes (%v)", c.name, passes, err)
		}
	}
	if got := parseProcessEvents(other); got != nil {
		t.Errorf("of another connector: %v", got)
	}
}

const connectorAt = 16 // where the connector's index is

func TestProcessEventsInOneDatagram(t *testing.T) {
	b := slices.Concat(captured(t, capturedFork), eventOf(t, eventExec, 7, 7), captured(t, capturedAck))
	if got := parseProcessEvents(b); !slices.Equal(got, []int{0x6581, 7}) {
		t.Errorf("%v", got)
	}
	for cut := range b {
		if got := parseProcessEvents(b[:cut]); len(got) > cut/(whatAt+eventHeader) {
			t.Errorf("first %d bytes: %v", cut, got)
		}
	}
}

func FuzzProcessEvents(f *testing.F) {
	for _, text := range []string{capturedAck, capturedFork, capturedExec} {
		f.Add(captured(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, pid := range parseProcessEvents(b) {
			if pid <= 0 {
				t.Errorf("process %d", pid)
			}
		}
	})
}

func TestParseStat(t *testing.T) {
	const rest = " 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 1234 5678 90"
	for _, c := range []struct {
		text string
		want process
	}{
		{"42 (cat) R" + rest, process{pid: 42, comm: "cat", state: 'R', flags: 4194560, threads: 3}},
		{"42 (a) R (b)) S" + rest, process{pid: 42, comm: "a) R (b)", state: 'S', flags: 4194560, threads: 3}},
		{"42 () Z" + rest, process{pid: 42, state: 'Z', flags: 4194560, threads: 3}},
		{"42 (new\nline) T" + rest, process{pid: 42, comm: "new\nline", state: 'T', flags: 4194560, threads: 3}},
	} {
		if got, err := parseStat([]byte(c.text)); err != nil || got != c.want {
			t.Errorf("%q: %v and %v, want %v", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"", "42", "42 (cat", "42 (cat)", "42 (cat) R", "x (cat) R" + rest, "42 (cat) RS" + rest,
		strings.Replace("42 (cat) R"+rest, "4194560", "-", 1), strings.Replace("42 (cat) R"+rest, " 3 0 1234", " x 0 1234", 1),
	} {
		if p, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, p)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) R (b)) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 1234"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseStat(b) })
}

func TestWhichProcessesAreAlive(t *testing.T) {
	for _, c := range []struct {
		p    process
		want bool
	}{
		{process{state: 'R', threads: 1}, true},
		{process{state: 'D', threads: 1}, true},
		{process{state: 'T', threads: 1}, true},
		{process{state: 'Z', threads: 1}, false},
		{process{state: 'Z', threads: 2}, true},
		{process{state: 'X', threads: 0}, false},
		{process{state: 'S', threads: 1, flags: flagKernel}, false},
	} {
		if got := c.p.alive(); got != c.want {
			t.Errorf("%v: %v", c.p, got)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct{ text, base, command string }{
		{"/usr/sbin/nginx\x00-g\x00daemon off;\x00", "nginx", "/usr/sbin/nginx -g daemon off;"},
		{"nginx: master process /usr/sbin/nginx\x00\x00\x00", "nginx", "nginx: master process /usr/sbin/nginx"},
		{"-bash\x00", "-bash", "-bash"},
		{"", "", ""},
		{"\x00\x00", "", ""},
		{"\x00b\x00", "", " b"},
	} {
		var p process
		if p.setArguments([]byte(c.text)); p.command != c.command || (p.base != c.base && c.text[0] != 'n') {
			t.Errorf("%q: %q and %q, want %q and %q", c.text, p.base, p.command, c.base, c.command)
		}
	}
}
