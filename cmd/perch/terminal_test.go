package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// openPTY returns both ends of a pseudo-terminal of a size.
func openPTY(t *testing.T, size unix.Winsize) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

// record collects what is written to a terminal, until it is closed.
func record(master *os.File) func() string {
	var mu sync.Mutex
	var seen strings.Builder
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			mu.Lock()
			seen.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return seen.String()
	}
}

// eventually waits for a condition that another process or goroutine makes true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute there is no %s", what)
		}
	}
}

// serveStatus runs a fake daemon, and returns its socket and what changes its status.
func serveStatus(t *testing.T, s api.Status) (socket string, set func(api.Status)) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "perch-cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	set = func(s api.Status) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		fresh, path := filepath.Join(dir, "fresh"), filepath.Join(dir, "status.json")
		if err := os.WriteFile(fresh, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
	}
	set(s)
	socket = filepath.Join(dir, "perch.sock")
	f, err := startFake(socket, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	return socket, set
}

func TestColourOnlyOnATerminal(t *testing.T) {
	socket, _ := serveStatus(t, healthy())
	tests := []struct {
		name, env, value string
		want             bool
	}{
		{"terminal", "TERM", "xterm", true},
		{"empty NO_COLOR", "NO_COLOR", "", true},
		{"NO_COLOR", "NO_COLOR", "1", false},
		{"dumb terminal", "TERM", "dumb", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv("NO_COLOR", "")
			t.Setenv(tt.env, tt.value)
			master, terminal := openPTY(t, unix.Winsize{Col: 120, Row: 40})
			seen := record(master)
			if code := run(t.Context(), []string{"status", "--socket", socket}, terminal, os.Stderr); code != exitOK {
				t.Fatalf("exit code %d", code)
			}
			eventually(t, "status on the terminal", func() bool { return strings.Contains(seen(), "2001:db8::100/64") })
			if got := strings.Contains(seen(), "\x1b["); got != tt.want {
				t.Errorf("colour: %v, want %v", got, tt.want)
			}
		})
	}
	var out strings.Builder
	t.Setenv("TERM", "xterm")
	if run(t.Context(), []string{"status", "--socket", socket}, &out, os.Stderr); strings.Contains(out.String(), "\x1b") {
		t.Error("colour away from a terminal")
	}
}

// A file in non-blocking mode can be interrupted, and stays so.
func TestTerminalStaysInItsMode(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	_, terminal := openPTY(t, unix.Winsize{})
	conn, err := terminal.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	nonblocking := func() (set bool) {
		err := conn.Control(func(fd uintptr) {
			flags, _ := unix.FcntlInt(fd, unix.F_GETFL, 0)
			set = flags&unix.O_NONBLOCK != 0
		})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	before := nonblocking()
	if !before || !wantsColour(terminal) {
		t.Fatalf("a terminal in non-blocking mode: %v, colour: %v", before, wantsColour(terminal))
	}
	if !nonblocking() {
		t.Error("asking whether it is a terminal has changed its mode")
	}
}

var controlSequence = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

func TestWatchRedrawsATerminal(t *testing.T) {
	socket, set := serveStatus(t, healthy())
	master, terminal := openPTY(t, unix.Winsize{Col: 60, Row: 8})
	seen := record(master)
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"status", "--watch", "--socket", socket}, terminal, os.Stderr) }()
	eventually(t, "first screen", func() bool { return strings.HasPrefix(seen(), home) && strings.HasSuffix(seen(), clearRest) })
	if lines := strings.Count(seen(), "\n"); lines > 7 {
		t.Errorf("%d lines on a terminal of 8 rows", lines)
	}
	for line := range strings.Lines(controlSequence.ReplaceAllString(seen(), "")) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); n > 60 {
			t.Errorf("%d columns on a terminal of 60: %q", n, line)
		}
	}
	set(troubled())
	eventually(t, "second screen", func() bool { return strings.Contains(seen(), "no leader") })
	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d after an interrupt, want %d", got, exitOK)
	}
}

func TestScreenKeepsTheLastAnswer(t *testing.T) {
	var out strings.Builder
	d := &screen{out: &out}
	if err := d.show(healthy()); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasPrefix(text, home+d.seen.Format(time.TimeOnly)) || strings.Contains(text, "not live") {
		t.Errorf("shown %q", text)
	}
	d.seen = d.seen.Add(-time.Hour)
	out.Reset()
	if err := d.trouble(errAway); err != nil {
		t.Fatal(err)
	}
	text, as := out.String(), "not live: this is as of "+d.seen.Format(time.TimeOnly)
	if !strings.HasPrefix(text, home+"perch: no daemon answers") || !strings.Contains(text, "cluster edge") || !strings.Contains(text, as) {
		t.Errorf("shown %q", text)
	}
}

// A terminal without UTF-8 gets what it can show, and what is aligned stays so; what is no terminal
// gets all.
func TestReadable(t *testing.T) {
	_, terminal := openPTY(t, unix.Winsize{Col: 80, Row: 24})
	const text = "lb1 → lb2 ≤ 3µs ≈ a…"
	for _, tt := range []struct{ all, ctype, lang, want string }{
		{"", "", "C", "lb1 > lb2 < 3us ~ a~"},
		{"", "", "", "lb1 > lb2 < 3us ~ a~"},
		{"POSIX", "C.UTF-8", "C.UTF-8", "lb1 > lb2 < 3us ~ a~"},
		{"", "en_GB.utf8", "C", text},
		{"", "", "de_DE.UTF-8", text},
	} {
		t.Setenv("LC_ALL", tt.all)
		t.Setenv("LC_CTYPE", tt.ctype)
		t.Setenv("LANG", tt.lang)
		if got := readable(terminal, text); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
		if got := readable(&strings.Builder{}, text); got != text {
			t.Errorf("%+v: no terminal gets %q", tt, got)
		}
	}
	t.Setenv("LC_ALL", "C")
	master, terminal := openPTY(t, unix.Winsize{Col: 80, Row: 24})
	seen := record(master)
	if err := new(format).print(terminal, nil, func() string { return "a → b\n" }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the text", func() bool { return strings.Contains(seen(), "a > b") })
}
