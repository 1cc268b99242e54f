package lab

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const keepalivedConf = `
vrrp_instance gw {
	version 3
	state BACKUP
	interface eth0
	virtual_router_id 51
	priority 200
	advert_int 0.1
	virtual_ipaddress {
		198.18.0.100/24
	}
}
`

var virtualMAC = MAC{0, 0, 0x5e, 0, 1, 51}

const vrrpdConf = `
interface eth0
 vrrp 51 version 3
 vrrp 51 priority 100
 vrrp 51 advertisement-interval 100
 vrrp 51 ip 198.18.0.100
`

// newPeers returns a keepalived of priority 200 and an FRR of priority 100 that keep the
// same address, and a capture of what they say.
func newPeers(t *testing.T) (k, f *Daemon, c *Capture) {
	t.Helper()
	NeedPeers(t)
	dir := t.TempDir() // removed after the lab is closed, which reads a capture to its end
	l, hosts := newLab(t, 2)
	c, err := l.Capture(hosts[0].Eth0.sw, filepath.Join(dir, "pcap"))
	must(t, err)
	k, err = NewKeepalived(hosts[0], t.TempDir(), keepalivedConf)
	must(t, err)
	must(t, hosts[1].AddMacvlan("vrrp51", virtualMAC, netip.MustParsePrefix(vip4+"/32")))
	f, err = NewFRR(hosts[1], t.TempDir(), vrrpdConf)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("keepalived:\n%s\nFRR:\n%s", k.LogTail(40), f.LogTail(40))
		}
	})
	return k, f, c
}

func awaitLive(t *testing.T, h *Host, want bool) {
	t.Helper()
	eventually(t, h.Name+" has the address, or lets go", func() bool {
		live, err := h.Live(netip.MustParseAddr(vip4))
		must(t, err)
		return live == want
	})
}

func terminate(t *testing.T, d *Daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, d.Terminate(ctx))
}

func TestPeersTakeOverFromEachOther(t *testing.T) {
	k, f, c := newPeers(t)
	must(t, f.Start())
	awaitLive(t, f.Host, true)
	must(t, k.Start())
	awaitLive(t, k.Host, true)
	awaitLive(t, f.Host, false)
	terminate(t, k)
	awaitLive(t, k.Host, false)
	awaitLive(t, f.Host, true)
	must(t, f.Kill())
	must(t, k.Start())
	awaitLive(t, k.Host, true)
	must(t, k.Kill())
	awaitLive(t, k.Host, true) // and this is what perch is about

	adverts, err := c.Adverts()
	must(t, err)
	checkAdvert(t, adverts, k.Host.Eth0, MAC(k.Host.Eth0.MAC), 200)
	checkAdvert(t, adverts, k.Host.Eth0, MAC(k.Host.Eth0.MAC), 0)
	checkAdvert(t, adverts, f.Host.Eth0, virtualMAC, 100)
	announced, err := c.Announcements()
	must(t, err)
	for _, mac := range []MAC{MAC(k.Host.Eth0.MAC), virtualMAC} {
		if !slices.ContainsFunc(announced, func(a Announced) bool {
			return a.From == mac && a.Addr == netip.MustParseAddr(vip4)
		}) {
			t.Errorf("%s never announced the address: %v", mac, announced)
		}
	}
}

// A capture has all that was sent until it is ended, however late tcpdump is.
func TestCaptureCatchesUp(t *testing.T) {
	NeedPeers(t)
	dir := t.TempDir()
	l, hosts := newLab(t, 1)
	c, err := l.Capture(hosts[0].Eth0.sw, filepath.Join(dir, "pcap"))
	must(t, err)
	must(t, c.process.Signal(syscall.SIGSTOP))
	const frames = 20
	for range frames {
		must(t, hosts[0].Claim(netip.MustParseAddr(vip4)))
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = c.process.Signal(syscall.SIGCONT) })
	announced, err := c.Announcements()
	must(t, err)
	n := 0
	for _, a := range announced {
		if a.Addr == netip.MustParseAddr(vip4) {
			n++
		}
	}
	if n < frames {
		t.Errorf("%d announcements in the capture, want %d", n, frames)
	}
}

// checkAdvert wants an advert of that priority, and reads all of it.
func checkAdvert(t *testing.T, adverts []Advert, link *Link, from MAC, priority uint8) {
	t.Helper()
	at := slices.IndexFunc(adverts, func(a Advert) bool {
		return a.Src == link.IPv4.Addr() && a.Priority == priority
	})
	if at < 0 {
		t.Errorf("%s sent no advert of priority %d", link.host.Name, priority)
		return
	}
	want := Advert{
		From: from, To: MAC{1, 0, 0x5e, 0, 0, 18}, Src: link.IPv4.Addr(), Dst: netip.MustParseAddr("224.0.0.18"),
		TOS: 0xc0, TTL: 255, HeaderGood: true, Length: 32,
		Version: 3, Type: 1, VRID: 51, Priority: priority, Interval: 100 * time.Millisecond,
		Addresses: []netip.Addr{netip.MustParseAddr(vip4)}, ChecksumGood: true,
	}
	got := adverts[at]
	got.At, got.ID = time.Time{}, 0
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("advert of %s (-want +got):\n%s", link.host.Name, diff)
	}
}

// The daemons of FRR change their user, and must die with their lab all the same.
func TestFRRDiesWithItsFirstProcess(t *testing.T) {
	_, f, _ := newPeers(t)
	must(t, f.Start())
	eventually(t, "vrrpd runs", func() bool { return strings.Contains(f.LogTail(40), "vrrpd 8") })
	must(t, f.Process().Signal(syscall.SIGKILL))
	eventually(t, "all of it is gone", func() bool { return syscall.Kill(-f.Process().PID(), 0) == syscall.ESRCH })
}
