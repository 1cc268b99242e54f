package checker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	stopSignal     = syscall.SIGSTOP
	continueSignal = syscall.SIGCONT
)

var record = flag.Bool("record", false, "record what dbus-daemon and dbus-send say, into testdata")

const goldenFile = "testdata/dbus.txt"

// TestRecordGolden writes down messages of the reference implementation: those of
// dbus-daemon to a client that says Hello and asks for what there is not, and the calls
// of dbus-send.
func TestRecordGolden(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	b := newSystemBus(t)
	lines := recordDaemon(t, b.address)
	lines = append(lines, recordSend(t, "string:first", "string:second")...)
	if err := os.WriteFile(goldenFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func recordDaemon(t *testing.T, address string) (lines []string) {
	c, err := openBus(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for serial, m := range []busMessage{
		{kind: busCall, destination: busName, path: busPath, iface: busIface, member: "Hello"},
		{kind: busCall, destination: "no.such", path: "/", iface: "no.such", member: "Thing"},
	} {
		m.serial = uint32(serial + 1)
		if err := c.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		lines = append(lines, hex.EncodeToString(recordOne(t, c.reader)))
	}
	return lines
}

func recordOne(t *testing.T, r io.Reader) []byte {
	var begin [busFixedHeader]byte
	if _, err := io.ReadFull(r, begin[:]); err != nil {
		t.Fatal(err)
	}
	_, size, err := busLengths(begin)
	if err != nil {
		t.Fatal(err)
	}
	b := append(begin[:], make([]byte, size-busFixedHeader)...)
	if _, err := io.ReadFull(r, b[busFixedHeader:]); err != nil {
		t.Fatal(err)
	}
	return b
}

func recordSend(t *testing.T, args ...string) []string {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	send := exec.Command("dbus-send", append([]string{
		"--peer=unix:path=" + path, "--dest=a.b", "/c/d", "e.f.Member",
	}, args...)...)
	if err := send.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = send.Wait() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	for line := ""; !strings.Contains(line, "BEGIN"); {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(line, "AUTH"):
			_, _ = conn.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
		case strings.Contains(line, "NEGOTIATE"):
			_, _ = conn.Write([]byte("ERROR\r\n"))
		}
	}
	return []string{hex.EncodeToString(recordOne(t, r))}
}

func golden(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for line := range strings.Lines(string(text)) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// TestMessagesOfTheReferenceImplementation reads recorded messages, and writes them so
// that they are read the same.
func TestMessagesOfTheReferenceImplementation(t *testing.T) {
	body := func(texts ...string) []byte {
		w := busWriter{order: binary.LittleEndian}
		for _, text := range texts {
			w.String(text)
		}
		return w.b
	}
	unique := ":1.0"
	want := []busMessage{
		{kind: busReturn, serial: 1, replySerial: 1, destination: unique, sender: busName, signature: "s", body: body(unique)},
		{
			kind: busSignal, serial: 2, path: busPath, iface: busIface, member: "NameAcquired",
			destination: unique, sender: busName, signature: "s", body: body(unique),
		},
		{
			kind: busError, serial: 3, replySerial: 2, errorName: "org.freedesktop.DBus.Error.ServiceUnknown",
			destination: unique, sender: busName, signature: "s",
			body: body("The name no.such was not provided by any .service files"),
		},
		{
			kind: busSignal, serial: 1, path: "/c/d", iface: "e.f", member: "Member", destination: "a.b",
			signature: "ss", body: body("first", "second"),
		},
	}
	all := golden(t)
	if len(all) != len(want) {
		t.Fatalf("%d messages, want %d", len(all), len(want))
	}
	for i, b := range all {
		got, err := parseBusMessage(b)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if diff := cmp.Diff(want[i], got, cmp.AllowUnexported(busMessage{})); diff != "" {
			t.Errorf("message %d: %s", i, diff)
		}
		if len(got.marshal()) != len(b) {
			t.Errorf("message %d: written with %d bytes, not %d", i, len(got.marshal()), len(b))
		}
	}
}

func TestMessageIsWrittenAsTheReferenceImplementationReadsIt(t *testing.T) {
	m := busMessage{kind: busCall, serial: 7, path: "/a", member: "B", signature: "s", body: []byte{1, 0, 0, 0, 'x', 0}}
	want := "l\x01\x00\x01" + "\x06\x00\x00\x00" + "\x07\x00\x00\x00" + "\x27\x00\x00\x00" +
		"\x01\x01o\x00\x02\x00\x00\x00/a\x00" + "\x00\x00\x00\x00\x00" +
		"\x03\x01s\x00\x01\x00\x00\x00B\x00" + "\x00\x00\x00\x00\x00\x00" +
		"\x08\x01g\x00\x01s\x00" + "\x00" +
		"\x01\x00\x00\x00x\x00"
	if got := string(m.marshal()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	m := busMessage{kind: busCall, serial: 7, path: "/a", member: "B", signature: "s", body: []byte{1, 0, 0, 0, 'x', 0}}
	whole := m.marshal()
	for name, b := range map[string][]byte{
		"empty":               nil,
		"cut off":             whole[:len(whole)-1],
		"with more":           append(bytes.Clone(whole), 0),
		"of no byte order":    changed(whole, 0, 'x'),
		"of no kind":          changed(whole, 1, 0),
		"of another version":  changed(whole, 3, 2),
		"longest of bodies":   changed(whole, 4, 0xff, 0xff, 0xff, 0xff),
		"longest of headers":  changed(whole, 12, 0xff, 0xff, 0xff, 0xff),
		"longest of strings":  changed(whole, 20, 0xff, 0xff, 0xff, 0xff),
		"string without end":  changed(whole, 26, 1),
		"of complex type":     changed(whole, 18, 'a'),
		"of a type too short": changed(whole, 17, 0),
	} {
		if got, err := parseBusMessage(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUnknownHeaderFieldsAreSkipped(t *testing.T) {
	for kind, value := range map[string]string{
		"y": "\x01", "q": "\x00\x01\x02", "u": "\x01\x02\x03\x04", "t": "\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08",
		"s": "\x01\x00\x00\x00x\x00", "g": "\x01x\x00",
	} {
		value = strings.TrimPrefix(value, "\x00")
		if kind == "t" {
			value = "\x00\x00\x00\x00" + "\x01\x02\x03\x04\x05\x06\x07\x08"
		}
		if kind == "q" {
			value = "\x01\x02"
		}
		w := busWriter{order: binary.LittleEndian}
		w.b = append(w.b, 'l', busSignal, 0, busVersion)
		w.Uint32(0)
		w.Uint32(1)
		w.Uint32(0)
		w.b = append(w.b, 99)
		w.Signature(kind)
		w.b = append(w.b, value...)
		w.field(fieldPath, 'o', "/a")
		binary.LittleEndian.PutUint32(w.b[12:], uint32(len(w.b)-busFixedHeader))
		w.align(8)
		m, err := parseBusMessage(w.b)
		if err != nil || m.path != "/a" {
			t.Errorf("%s: %+v, %v", kind, m, err)
		}
	}
}

func TestUnitsInAnswers(t *testing.T) {
	const list = "a(ssssssouso)"
	var f fakeSystemd
	whole := f.list("x.service")
	want := unitState{load: "not-found", active: "inactive", sub: "dead", path: unitPath("x.service")}
	if got, err := (busMessage{signature: list, body: whole}).unit(); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, m := range map[string]busMessage{
		"of another type": {signature: "s", body: whole},
		"without one":     {signature: list, body: make([]byte, 8)},
		"empty":           {signature: list},
		"cut off":         {signature: list, body: whole[:40]},
	} {
		if got, err := m.unit(); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestBusAddresses(t *testing.T) {
	for address, want := range map[string]string{
		busDefault:                            "/run/dbus/system_bus_socket",
		"unix:path=/a%20b,guid=1":             "/a b",
		"unix:guid=1,path=/a":                 "/a",
		"unix:abstract=x":                     "@x",
		"tcp:host=h,port=1;unix:path=/a":      "/a",
		"launchd:env=X":                       "",
		"":                                    "",
		"unix:":                               "",
		"unix:path=":                          "",
		"unix:tmpdir=/tmp;nonce-tcp:path=/xx": "",
	} {
		got, err := busAddress(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

// FuzzBusMessage: whatever is read can be written, and is read the same.
func FuzzBusMessage(f *testing.F) {
	for _, b := range golden(f) {
		f.Add(b)
	}
	f.Add(busMessage{kind: busSignal, serial: 1, path: "/a", bigEndian: true, body: []byte{1}}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseBusMessage(b)
		if err != nil {
			return
		}
		_, _ = m.text()
		_, _ = m.unit()
		again, err := parseBusMessage(m.marshal())
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(busMessage{})); diff != "" {
			t.Error(diff)
		}
	})
}

// hostileBus is a bus that does what a test wants of it with each connection.
func hostileBus(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer func() { _ = conn.Close() }(); serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait(); _ = os.RemoveAll(dir) })
	return "unix:path=" + path
}

// welcome lets a client in.
func welcome(conn net.Conn) {
	r := bufio.NewReader(conn)
	_, _ = r.ReadString('\n')
	_, _ = conn.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
	_, _ = r.ReadString('\n')
}

func TestUnitWithHostileBus(t *testing.T) {
	const gone = "no system bus: the connection to the system bus is gone"
	silence := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"hangs up":      {func(net.Conn) {}, "no system bus: "},
		"lets none in":  {func(c net.Conn) { _, _ = c.Write([]byte("REJECTED EXTERNAL\r\n")); silence(c) }, "no system bus: the system bus lets nobody in"},
		"endless line":  {func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte("x"), 1<<16)); silence(c) }, "no system bus: authenticate: "},
		"silent":        {silence, "the system bus does not answer within 100ms"},
		"then hangs up": {welcome, gone},
		"then silent":   {func(c net.Conn) { welcome(c); silence(c) }, "the system bus does not answer within 100ms"},
		"garbage":       {func(c net.Conn) { welcome(c); _, _ = c.Write(bytes.Repeat([]byte("x"), 1<<16)) }, gone},
		"message that never ends": {func(c net.Conn) {
			welcome(c)
			_, _ = c.Write([]byte("l\x02\x00\x01\x00\x00\x00\x07\x01\x00\x00\x00\x00\x00\x00\x00"))
			for range 100 { // of 1792 times as much
				_, _ = c.Write(make([]byte, 1<<16))
			}
			silence(c)
		}, "the system bus does not answer within 100ms"},
		"answers to nobody": {func(c net.Conn) {
			welcome(c)
			for range 1000 {
				_, _ = c.Write(busMessage{kind: busReturn, serial: 1, replySerial: 4711}.marshal())
			}
			silence(c)
		}, "the system bus does not answer within 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			verifyNothingLeft(t)
			address := hostileBus(t, c.serve)
			got := reasonOf(t, made(t, runningHost(t, address), unit("x.service")), soon)
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("reason %q, want %q", got, c.want)
			}
		})
	}
}

func TestMessageTooLongIsSkipped(t *testing.T) {
	long := busMessage{kind: busSignal, serial: 1, path: "/long", body: make([]byte, busMessageMax)}.marshal()
	short := busMessage{kind: busSignal, serial: 2, path: "/short"}.marshal()
	c := &busConn{reader: bufio.NewReader(bytes.NewReader(append(long, short...)))}
	if _, whole, err := c.next(); whole || err != nil {
		t.Fatalf("whole %v, error %v", whole, err)
	}
	if m, whole, err := c.next(); !whole || err != nil || m.path != "/short" {
		t.Errorf("whole %v, error %v: %+v", whole, err, m)
	}
}

func TestWriteThatIsNotTakenEndsTheConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	c := newBusConn(ours, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Call(ctx, "a", "/b", "c", "d"); err == nil {
		t.Error("taken")
	}
	if _, err := ours.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Errorf("open still: %v", err)
	}
}
