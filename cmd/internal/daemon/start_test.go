package daemon

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip/fence"
)

// site is where a daemon would run: a cluster of one whose VIP's interface does
// not exist, so that no address of this machine is touched.
type site struct {
	dir     string // short enough for a socket
	address string
	notify  *net.UnixConn
	log     bytes.Buffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "perch-start")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	s := &site{dir: dir, address: free.Addr().String(), notify: notifySocket(t)}
	text := fmt.Sprintf(`
node = {name = "lb1", data_dir = %q, socket = %q, listen = ""}
cluster = {name = "edge", insecure = true, peer = [{name = "lb1", address = %q}]}
vip = [{address = "198.18.0.100/24", interface = "perch-none0"}]
`, s.path("data"), s.path("sock"), s.address)
	if err := os.WriteFile(s.path("perch.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) start(ctx context.Context, capabilities uint64) error {
	return start(ctx, Options{Config: File(s.path("perch.toml")), Log: &s.log}, func() (uint64, error) { return capabilities, nil })
}

// configured tells whether the daemon has begun with its addresses: it writes
// down which they are before it touches any.
func (s *site) configured() bool {
	info, err := os.Stat(s.path("data/vips.json"))
	return err == nil && info.Mode().IsRegular()
}

const allCapabilities = ^uint64(0)

func needRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs root")
	}
	t.Skip("needs root")
}

// A daemon that cannot start touches no address, which may be another's, and
// tells nobody that it runs.
func TestStartOpensAllBeforeItTouchesAnAddress(t *testing.T) {
	tests := []struct {
		name         string
		capabilities uint64
		disturb      func(t *testing.T, s *site)
		want         string
	}{
		{"no capabilities", 0, func(*testing.T, *site) {}, "no VIP can be held without CAP_NET_ADMIN and CAP_NET_RAW"},
		{"the cluster port is taken", allCapabilities, func(t *testing.T, s *site) {
			ln, err := net.Listen("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
		}, "address already in use"},
		{"the control socket is taken", allCapabilities, func(t *testing.T, s *site) {
			needRoot(t)
			ln, err := api.ListenUnix(s.path("sock"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
		}, "another perch daemon answers"},
		{"another perch fences VIPs here", allCapabilities, func(t *testing.T, _ *site) {
			needRoot(t)
			f, err := fence.New(fence.Lifetime, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
		}, "another perch runs in this network namespace"},
		{"the addresses cannot be written down", allCapabilities, func(t *testing.T, s *site) {
			needRoot(t)
			if err := os.MkdirAll(s.path("data/vips.json.new/in the way"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "ledger not written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			tt.disturb(t, s)
			stopped, stop := context.WithCancel(t.Context())
			stop() // one that starts all the same ends at once
			err := s.start(stopped, tt.capabilities)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, tt.want)
			}
			if s.configured() {
				t.Error("the addresses were seen to")
			}
			if strings.Contains(s.log.String(), "perch is running") {
				t.Error("the log says that it runs")
			}
			end(t, s)
			if got := told(t, s.notify); got != "end" {
				t.Errorf("systemd was told %q", got)
			}
		})
	}
}

// end puts a mark behind all that systemd was told.
func end(t *testing.T, s *site) {
	t.Helper()
	conn, err := net.Dial("unixgram", s.notify.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
}

func TestReadyComesAfterTheAddresses(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.start(ctx, allCapabilities) }()
	for told(t, s.notify) != "READY=1" { // its STATUS may come first
	}
	if !s.configured() {
		t.Error("systemd was told that it is ready before the addresses were seen to")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.log.String(), "perch is running") {
		t.Error("the log does not say that it runs")
	}
}

// What comes after the release takes its time, in which systemd must not take the daemon for
// one that hangs.
func TestWatchdogIsFedToTheEnd(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	t.Setenv("WATCHDOG_USEC", "60000")
	text, err := os.ReadFile(s.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	slow := strings.Replace(string(text), "node = {", `node = {stop_program = ["/bin/sleep", "3"], `, 1)
	if err := os.WriteFile(s.path("perch.toml"), []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.start(ctx, allCapabilities) }()
	for told(t, s.notify) != "READY=1" {
	}
	cancel()
	for told(t, s.notify) != "STATUS=all is released, the stop_program runs" {
	}
	for range 3 {
		if got := told(t, s.notify); got != "WATCHDOG=1" {
			t.Errorf("told %q while the stop_program runs", got)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
