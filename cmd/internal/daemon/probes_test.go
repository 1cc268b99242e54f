package daemon

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/doctor"
	"github.com/perch-vip/perch/vrrp"
)

// said is what another host of the test says all the time.
func said(t *testing.T, from, to netip.Addr, protocol byte) []byte {
	t.Helper()
	a := vrrp.Advert{
		Version: vrrp.V2, VRID: 51, Priority: 90, Interval: 2 * time.Second, Auth: vrrp.Password,
		Addresses: []netip.Addr{netip.MustParseAddr("198.18.0.200")},
	}
	body := a.AppendTo(nil, from, to, vrrp.MessageOnly)
	ip := make([]byte, 20)
	ip[0], ip[8], ip[9] = 0x45, 255, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(20+len(body)))
	copy(ip[12:], from.AsSlice())
	copy(ip[16:], to.AsSlice())
	frame := append([]byte{0x01, 0, 0x5e, 0, 0, 0x12, 2, 0, 0, 0, 9, 9, 8, 0}, append(ip, body...)...)
	return append(frame, make([]byte, 10)...) // the padding of a short frame
}

// claimOf is an answer to an ARP request.
func claimOf(address netip.Addr) []byte {
	frame := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 9, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 9, 9}
	frame = append(frame, address.AsSlice()...)
	frame = append(frame, 2, 0, 0, 0, 0, 1)
	return append(frame, 198, 18, 0, 1)
}

// What is on the wire is heard, each VIP is asked for once, and nothing else is sent.
func TestProbesHear(t *testing.T) {
	needRoot(t)
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"ip link add eth0 address 02:00:00:00:00:01 type veth peer name peer0 address 02:00:00:00:09:09",
		"sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 net.ipv6.conf.peer0.disable_ipv6=1",
		"ip link set eth0 up && ip link set peer0 up && ip addr add 198.18.0.1/24 dev eth0",
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	other, err := net.InterfaceByName("peer0")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: nl.Swap16(unix.ETH_P_ARP), Ifindex: other.Index}); err != nil {
		t.Fatal(err)
	}
	source, vip := netip.MustParseAddr("198.18.0.9"), netip.MustParseAddr("198.18.0.100")
	frames := [][]byte{
		said(t, source, netip.MustParseAddr("224.0.0.18"), 112), said(t, source, netip.MustParseAddr("224.0.0.18"), 17),
		claimOf(vip), claimOf(netip.MustParseAddr("198.18.0.101")),
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, frame := range frames {
				_ = unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: other.Index})
			}
		}
	}()
	facts, err := doctor.Survey()
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{
		Cluster: &config.Cluster{Fence: "off", Heartbeat: time.Second, Insecure: true},
		VIPs:    []config.VIP{{Address: netip.PrefixFrom(vip, 24), Interface: "eth0"}},
		Node:    config.Node{Name: "lb1", DataDir: t.TempDir()},
	}
	probes := Probes()
	probes.Listen, probes.AskDaemon = time.Second, nobodyRuns
	facts.Probe(t.Context(), c, probes)
	close(done)
	<-stopped

	wantAdverts := []doctor.Heard{{
		Interface: "eth0", From: source, MAC: "02:00:00:00:09:09", VRID: 51, Version: 2, Priority: 90, Interval: 2 * time.Second, Auth: "pass",
		Addresses: []netip.Addr{netip.MustParseAddr("198.18.0.200")},
	}}
	if diff := cmp.Diff(wantAdverts, facts.Wire.Adverts, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]doctor.Claim{{Interface: "eth0", Address: vip, MAC: "02:00:00:00:09:09"}}, facts.Wire.Claims, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if asked := questions(fd); !slices.Equal(asked, []netip.Addr{vip}) {
		t.Errorf("asked for %v, want once for %s", asked, vip)
	}
	if facts.Lease == 0 {
		t.Error("no lease is known")
	}
}

// questions are the addresses that were asked for by ARP without a sender.
func questions(fd int) (asked []netip.Addr) {
	b := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(fd, b, 0)
		if err != nil {
			return asked
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype == unix.PACKET_OUTGOING || n < 42 {
			continue
		}
		if sender := netip.AddrFrom4([4]byte(b[28:])); sender.IsUnspecified() {
			asked = append(asked, netip.AddrFrom4([4]byte(b[38:])))
		}
	}
}

func nobodyRuns(context.Context, *config.Config) (doctor.Running, bool) {
	return doctor.Running{}, false
}

// The doctor looks at a program as root would, whoever runs it.
func TestVetAsRoot(t *testing.T) {
	needRoot(t)
	program := filepath.Join(t.TempDir(), "tell")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if at, err := vetAsRoot(program); err != nil || at != "" {
		t.Error(at, err)
	}
	if err := os.Chmod(program, 0o757); err != nil {
		t.Fatal(err)
	}
	if at, err := vetAsRoot(program); err == nil || !strings.Contains(err.Error(), "writable by others") || at != program {
		t.Error(at, err)
	}
	// What is to be mended may be a folder, or the interpreter of what is well itself.
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!"+program+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if at, err := vetAsRoot(script); err == nil || at != program {
		t.Error(at, err)
	}
	dir := filepath.Dir(program)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if at, err := vetAsRoot(program); err == nil || at != dir {
		t.Error(at, err)
	}
}
