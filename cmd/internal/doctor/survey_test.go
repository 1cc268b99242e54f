package doctor

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// writeFiles makes files by their names and text, and returns their root.
func writeFiles(t *testing.T, texts map[string]string) files {
	t.Helper()
	root := files(t.TempDir())
	for name, text := range texts {
		must(t, os.MkdirAll(filepath.Dir(root.path(name)), 0o755))
		must(t, os.WriteFile(root.path(name), []byte(text), 0o600))
	}
	return root
}

func TestReadFiles(t *testing.T) {
	const routes = "proc/thread-self/net/ipv6_route"
	got := writeFiles(t, map[string]string{
		"proc/thread-self/net/ip_vs":                 "",
		"proc/sys/kernel/osrelease":                  "6.1.0-44-amd64\n",
		"proc/sys/net/ipv4/ip_forward":               "0\n",
		"proc/sys/net/ipv4/vs/conntrack":             "1\n",
		"proc/sys/net/ipv6/conf/eth0.7/accept_ra":    "1\n",
		"proc/sys/net/ipv4/conf/eth1/rp_filter":      "2\n",
		"proc/sys/net/ipv4/conf/eth2/send_redirects": "1\n",
		"proc/sys/net/ipv6/conf/eth1/accept_ra":      "2\n",
		"proc/sys/net/ipv6/conf/eth2/accept_ra":      "1\n",
		"proc/sys/net/ipv4/conf/eth0.7/rp_filter":    "strange\n",

		"proc/modules": "ip_vs_rr 12288 2 - Live 0x0000\nip_vs 217088 4 ip_vs_rr, Live 0x0000\nip_vs_sh 1 0 - Live 0x0\nveth 1 0 - Live 0x0\n",

		"lib/modules/6.1.0-44-amd64/modules.builtin": "kernel/net/netfilter/ipvs/ip_vs_wrr.ko\nkernel/net/ipv6/ipv6.ko\n",
		"lib/modules/6.1.0-44-amd64/modules.dep":     "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz\nkernel/net/netfilter/xt_ipvs.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz\n",
		"lib/modules/5.10.0-1-amd64/modules.dep":     "kernel/net/netfilter/ipvs/ip_vs_sh.ko: kernel/net/netfilter/ipvs/ip_vs.ko\n",
		"etc/os-release":                             "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE='rhel centos'\nPLATFORM_ID=el9\n",
		"proc/thread-self/net/ip_tables_names":       "nat\n",
		routes: "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003   eth0.7\n" +
			"00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth1\n" +
			"00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00010003     eth2\n" +
			"20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00440001     eth2\n" +
			"short line\n",
	}).facts()
	want := Facts{
		Kernel: "6.1.0-44-amd64",
		System: []string{"rocky", "rhel", "centos"},
		Sysctls: map[string]int{
			"net/ipv4/ip_forward": 0, "net/ipv4/vs/conntrack": 1,
			"net/ipv6/conf/eth0.7/accept_ra": 1, "net/ipv6/conf/eth1/accept_ra": 2, "net/ipv6/conf/eth2/accept_ra": 1,
			"net/ipv4/conf/eth1/rp_filter": 2, "net/ipv4/conf/eth2/send_redirects": 1,
		},
		Modules:    Modules{Loaded: []string{"ip_vs_rr", "ip_vs", "ip_vs_sh"}, Loadable: []string{"ip_vs_wrr", "ip_vs"}, Known: true},
		Interfaces: []Interface{{Name: "eth0.7", Advertised: true}},
		Firewall:   true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	builtIn := writeFiles(t, map[string]string{"proc/thread-self/net/ip_vs": ""}).facts()
	if diff := cmp.Diff(Modules{Loaded: []string{"ip_vs"}}, builtIn.Modules); diff != "" {
		t.Error(diff)
	}
	nothing := Facts{Sysctls: map[string]int{}}
	if diff := cmp.Diff(nothing, files(t.TempDir()).facts()); diff != "" {
		t.Error(diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The facts are those of the namespace of the thread.
func TestSurvey(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "doctor.0"}, PeerName: "doctor1"}))
	link, err := netlink.LinkByName("doctor.0")
	must(t, err)
	address, err := netlink.ParseAddr("198.18.0.1/24")
	must(t, err)
	must(t, netlink.AddrAdd(link, address))
	must(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0))

	f, err := Survey()
	must(t, err)
	i, ok := f.find("doctor.0")
	if !ok || i.Kind != "veth" || i.Up || !i.Multicast || !slices.Contains(i.Addresses, netip.MustParsePrefix("198.18.0.1/24")) {
		t.Errorf("doctor.0 is %+v", i)
	}
	if lo, ok := f.find("lo"); !ok || !lo.Loopback {
		t.Errorf("lo is %+v", lo)
	}
	if f.Sysctls["net/ipv4/ip_forward"] != 1 || f.Kernel == "" || f.Firewall {
		t.Errorf("facts are %+v", f)
	}
	if _, ok := f.Sysctls["net/ipv4/conf/doctor.0/send_redirects"]; !ok {
		t.Error("no sysctls of doctor.0")
	}

	must(t, unix.Unshare(unix.CLONE_NEWNS))
	must(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	must(t, unix.Mount(sysctl.Root, sysctl.Root, "", unix.MS_BIND, ""))
	if f, err = Survey(); err != nil || f.ReadOnly {
		t.Errorf("sysctls are read-only (%v)", err)
	}
	must(t, unix.Mount("", sysctl.Root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if f, err = Survey(); err != nil || !f.ReadOnly {
		t.Errorf("sysctls are not read-only (%v)", err)
	}

	c := &nftables.Conn{}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: ownTable})
	chain := nftables.Chain{Table: table, Name: "out", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityFilter}
	c.AddChain(&chain)
	must(t, c.Flush())
	if f, err = Survey(); err != nil || f.Firewall {
		t.Errorf("the fence is a firewall (%v)", err)
	}
	chain.Table = c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "nat"})
	c.AddChain(&chain)
	must(t, c.Flush())
	if f, err = Survey(); err != nil || !f.Firewall {
		t.Errorf("a firewall is not seen (%v)", err)
	}
}
