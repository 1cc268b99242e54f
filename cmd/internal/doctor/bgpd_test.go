package doctor

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestTryBGPD(t *testing.T) {
	dir := t.TempDir()
	listen := func(name string) (*net.UnixListener, string) {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		must(t, err)
		listener := l.(*net.UnixListener)
		listener.SetUnlinkOnClose(false)
		t.Cleanup(func() { _ = l.Close() })
		return listener, path
	}
	_, heard := listen("heard")
	gone, silent := listen("silent")
	must(t, gone.Close())
	for path, want := range map[string]BGPD{
		heard:                       BGPDHeard,
		silent:                      BGPDSilent,
		filepath.Join(dir, "none"):  BGPDMissing,
		filepath.Join(dir, "a/b/c"): BGPDMissing,
	} {
		if got := tryBGPD(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// Who is not in the group of the socket is told so. That takes a thread of another user.
func TestTryBGPDWithoutTheRight(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	dir, err := os.MkdirTemp("/tmp", "perch-doctor-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "bgpd.vty")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	must(t, os.Chmod(path, 0o700)) // the thread keeps its groups
	const nobody = 65534
	got := BGPDHeard
	as(t, nobody, func() { got = tryBGPD(path) })
	if got != BGPDForbidden {
		t.Errorf("%v, want %v", got, BGPDForbidden)
	}
}

// announcer is a node of a cluster that announces its VIPs by BGP.
func announcer() *patient {
	p := newPatient()
	p.BGP = &config.BGP{Socket: "/var/run/frr/bgpd.vty", ASN: 65001}
	p.BGPDGroup, p.User = "frrvty", "perch"
	return p
}

func TestAnnounced(t *testing.T) {
	const socket = "/var/run/frr/bgpd.vty"
	for name, tt := range map[string]struct {
		change func(*patient)
		want   []Finding
	}{
		"well":     {func(*patient) {}, nil},
		"no [bgp]": {func(p *patient) { p.BGP, p.BGPD, p.NoTUN = nil, BGPDMissing, true }, nil},
		"missing": {func(p *patient) { p.BGPD = BGPDMissing }, []Finding{{
			Error, socket, "is not there: nothing is announced or withdrawn by BGP",
			"sed -i s/^bgpd=no/bgpd=yes/ /etc/frr/daemons && systemctl restart frr",
		}}},
		"silent": {func(p *patient) { p.BGPD = BGPDSilent }, []Finding{{
			Error, socket, "has nobody who listens: nothing is announced or withdrawn by BGP", "systemctl restart frr",
		}}},
		"forbidden": {func(p *patient) { p.BGPD = BGPDForbidden }, []Finding{{
			Error, socket, "may not be spoken to by user perch: nothing is announced or withdrawn by BGP if perch runs as that one",
			"usermod -aG frrvty perch && systemctl try-restart perch",
		}}},
		"no tun": {func(p *patient) { p.NoTUN = true }, []Finding{{
			Warning, "/dev/net/tun", "is not there: routers may have no route to the VIPs for some 100 ms of a planned move", "modprobe tun",
		}}},
		"no tun, anycast": {func(p *patient) { p.NoTUN, p.BGP.Anycast = true, true }, nil},
		"no tun, alone":   {func(p *patient) { p.NoTUN, p.Cluster = true, nil }, nil},
	} {
		p := announcer()
		tt.change(p)
		if diff := cmp.Diff(tt.want, Examine(p.Config, p.Facts)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
