package doctor

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestKeepers(t *testing.T) {
	faces := []Interface{{Name: "eth0", Index: 2}, {Name: "eth1", Index: 3}, {Name: "eth2", Index: 4}, {Name: "eth3", Index: 5}, {Name: "eth4", Index: 6}, {Name: "lo", Index: 1, Loopback: true}}
	root := writeFiles(t, map[string]string{
		"run/systemd/netif/links/2":                                "# private\nADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n",
		"run/systemd/netif/links/3":                                "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/eth1.network\n",
		"run/systemd/netif/links/4":                                "ADMIN_STATE=unmanaged\nNETWORK_FILE=/etc/systemd/network/x.network\n",
		"run/systemd/netif/links/5":                                "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/y.network\n",
		"run/systemd/network/10-netplan-eth0.network":              "[Match]\nName=eth0\n[Network]\nKeepConfiguration=no\n",
		"etc/systemd/network/10-netplan-eth0.network.d/perch.conf": "[Network]\nKeepConfiguration = yes\n",
		"etc/systemd/network/eth1.network":                         "[Network]\n#KeepConfiguration=yes\nKeepConfiguration=static\n",
		"etc/systemd/network/y.network":                            "[Network]\nKeepConfiguration=dhcp\n",
		"etc/systemd/networkd.conf":                                "[Network]\nManageForeignRoutes=yes\nManageForeignRoutingPolicyRules=no\n",
		"usr/lib/systemd/networkd.conf":                            "[Network]\nManageForeignRoutes=no\n",
		"usr/lib/systemd/networkd.conf.d/perch.conf":               "[Network]\nManageForeignRoutes=yes\n",
		"etc/systemd/networkd.conf.d/perch.conf":                   "[Network]\nManageForeignRoutes=false\n",
		"run/NetworkManager/devices/3":                             "[device]\nmanaged=true\n",
		"run/NetworkManager/devices/4":                             "[device]\nmanaged=false\n",
		"run/NetworkManager/devices/1":                             "[device]\nmanaged=true\n",
		"run/NetworkManager/devices/6":                             "[device]\nmanaged=true\n",
		"etc/NetworkManager/conf.d/perch-eth4.conf":                "[keyfile]\nunmanaged-devices+=mac:02:00:00:00:00:01;interface-name:eth4\n",
		"etc/network/ifupdown2/ifupdown2.conf":                     "",
		"etc/network/interfaces":                                   "auto eth2\niface eth2\n\taddress 198.18.0.1/24\niface eth3 inet static\n\taddress-purge no\n",
		"etc/network/interfaces.d/more":                            "iface eth1\n",
	})
	got := root.keepers(faces, func(string) bool { return true })
	want := Keepers{
		Networkd: map[string]NetworkFile{
			"eth0": {"/run/systemd/network/10-netplan-eth0.network", true},
			"eth1": {"/etc/systemd/network/eth1.network", false},
			"eth3": {"/etc/systemd/network/y.network", true},
		},
		KeepsRoutes: true, KeepsRules: true,
		Managed: []string{"eth1"},
		Purged:  []string{"eth1", "eth2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// What they wrote of the interfaces of another network namespace is of no account.
	got = root.keepers(faces, func(string) bool { return false })
	if len(got.Networkd)+len(got.Managed) > 0 {
		t.Errorf("where neither runs: %+v", got)
	}
}

func TestProcesses(t *testing.T) {
	root := writeFiles(t, map[string]string{
		"proc/10/comm": "perch\n", "proc/10/cmdline": "perch\x00serve\x00",
		"proc/10/status":    "Name:\tperch\nUid:\t1\t990\t1\t1\nGid:\t1\t980\t1\t1\nGroups:\t102 103 \nCapEff:\t0000008000003000\n",
		"proc/10/mountinfo": "30 20 0:5 / /proc/sys rw - proc proc rw\n29 1 0:5 / /proc rw - proc proc rw,hidepid=invisible\n31 30 0:5 / /proc/sys ro,nosuid - proc proc rw\n",
		"proc/11/comm":      "bash\n", "proc/11/cmdline": "bash\x00",
		"proc/12/comm": "keepalived\n", "proc/12/cmdline": "keepalived\x00-f\x00/etc/k.conf\x00",
		"proc/12/root/etc/k.conf": "! vrrp_instance no {\nvrrp_instance a {\n interface eth0 # eth9\n track_interface {\n  interface eth8\n }\n virtual_router_id 51\n}\nvrrp_instance b {\n virtual_router_id 52\n}\n",
		"proc/13/comm":            "keepalived\n",
		"proc/16/comm":            "chronyd\n", "proc/16/cmdline": "chronyd\x00",
	})
	for pid, space := range map[string]string{"thread-self": "1", "10": "1", "11": "1", "12": "1", "13": "2", "16": "1"} {
		must(t, os.MkdirAll(root.path("proc/"+pid+"/ns"), 0o755))
		must(t, os.Symlink("net:["+space+"]", root.path("proc/"+pid+"/ns/net")))
	}
	want := []Process{
		{PID: 10, Name: "perch", Args: []string{"perch", "serve"}, UID: 990, GID: 980, Groups: []int{102, 103}, Caps: 0x8000003000, Read: true, Fixed: true, Alone: true},
		{PID: 12, Name: "keepalived", Args: []string{"keepalived", "-f", "/etc/k.conf"}, Instances: []instance{{"eth0", 51}, {"", 52}}},
		{PID: 16, Name: "chronyd", Args: []string{"chronyd"}},
	}
	if diff := cmp.Diff(want, root.processes(), cmp.AllowUnexported(instance{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadsOfTheKernel(t *testing.T) {
	hop := binary.NativeEndian.Uint32([]byte{198, 18, 0, 1})
	text := fmt.Sprintf("Iface Destination Gateway Flags RefCnt Use Metric Mask MTU\neth0 00000000 %08X 0003 0 0 0 00000000 0\neth1 00000000 00000000 0001 0 0 0 00000000 0\neth2 0000120A %08X 0003 0 0 0 00FFFFFF 0\n", hop, hop+1)
	if got := gateways(text); !slices.Equal(got, []netip.Addr{netip.MustParseAddr("198.18.0.1")}) {
		t.Errorf("gateways are %v", got)
	}
	if got := defaultRoutes("Iface Destination Gateway Flags RefCnt Use Metric Mask MTU\neth0 00000000 0100120A 0003 0 0 0 00000000 0\neth1 0000120A 00000000 0001 0 0 0 00FFFFFF 0\neth0 00000000 1 0003 0 0 9 00000000 0\nlo 00000000 0 0200 0 0 0 00000000 0\n"); !cmp.Equal(got, []string{"eth0"}) {
		t.Errorf("default routes by %v", got)
	}
	for text, want := range map[string]bool{"monotonic 0 0\nboottime 0 0\n": false, "monotonic 5 0\nboottime 0 0\n": false, "boottime  -7   0\n": true, "": false} {
		if got := isOffset(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for text, want := range map[string]bool{"flags\t\t: fpu hypervisor sse\n": true, "flags : fpu\n": false, "": false} {
		if got := isVirtual(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for release, want := range map[string]bool{"5.7.19": true, "5.8.0": false, "6.1": false, "4.19.0-27-amd64": true, "strange": false} {
		if got := older(release, 5, 8); got != want {
			t.Errorf("%s: %v", release, got)
		}
	}
}

// No fence is tried where the kernel would load a module for it.
func TestTrialModules(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"no modules":  {nil, true},
		"none loaded": {map[string]string{"lib/modules/6.1/modules.dep": ""}, false},
		"loaded": {map[string]string{
			"lib/modules/6.1/modules.dep": "", "proc/modules": "nf_tables 1 0\ncls_bpf 1 0\n", "lib/modules/6.1/modules.builtin": "kernel/net/sched/sch_ingress.ko\n",
		}, true},
		"others loaded": {map[string]string{"lib/modules/6.1/modules.dep": "", "proc/modules": "nf_tables_x 1 0\ncls_bpf 1 0\nsch_ingress 1 0\n"}, false},
	} {
		if got := writeFiles(t, tt.files).trialModules("6.1"); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLookAtSecrets(t *testing.T) {
	dir := t.TempDir()
	loose := filepath.Join(dir, "loose")
	must(t, os.Mkdir(loose, 0o700))
	must(t, os.Chmod(loose, 0o777))
	path := filepath.Join(loose, "secret")
	must(t, os.WriteFile(path, nil, 0o600))
	c := &config.Config{
		Cluster: &config.Cluster{SecretFile: path, TLSKey: filepath.Join(dir, "none")},
		Notify:  []config.Notify{{Mail: config.Mail{PasswordFile: path}}},
	}
	got := lookAtSecrets(c)
	if len(got) != 2 || got[0].Mode != 0o600 || got[0].LooseDir != loose || got[0].UID != os.Geteuid() || got[1].Problem != missing || !got[1].Strict {
		t.Errorf("got %+v", got)
	}
	must(t, os.Chmod(loose, 0o777|os.ModeSticky))
	if got := looseDir(loose); got != "" {
		t.Errorf("%s is loose", got)
	}
	if got := c.Cluster; len(secretsOf(&config.Config{Cluster: got})) != 2 {
		t.Error("a file is missing")
	}
	hook := config.Notify{Webhook: config.Webhook{SecretFile: "/s", TokenFile: "/t"}}
	if got := secretsOf(&config.Config{Notify: []config.Notify{hook}}); len(got) != 2 || !got[0].Strict || !got[1].Strict {
		t.Errorf("of a webhook: %+v", got)
	}
}

// The disk is written to, and nothing stays there.
func TestTryDisk(t *testing.T) {
	dir := t.TempDir()
	var f Facts
	f.Disk.Stall = Stall{Count: 3}
	tryDisk(t.Context(), dir)(&f)
	d := f.Disk
	if !d.Known || d.Absent || d.Free == 0 || d.Inodes == 0 || d.Failed != "" || len(d.Syncs) == 0 || d.Stall.Count != 3 {
		t.Errorf("got %+v", d)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	tryDisk(t.Context(), filepath.Join(dir, "a/b"))(&f)
	if d := f.Disk; !d.Absent || d.Dir != dir || len(d.Syncs) > 0 {
		t.Errorf("of a folder that is not there yet: %+v", d)
	}
}

// A probe that hangs is named, and the others count.
func TestLateProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Facts
		hang := make(chan struct{})
		f.all(t.Context(), time.Second, []probe{
			{"slow", func(context.Context) func(*Facts) { <-hang; return nil }},
			{"quick", func(context.Context) func(*Facts) { return func(f *Facts) { f.Version = "x" } }},
			{"none", func(context.Context) func(*Facts) { return nil }},
		})
		if !cmp.Equal(f.Late, []string{"slow"}) || f.Version != "x" {
			t.Errorf("late %v, version %q", f.Late, f.Version)
		}
		close(hang)
	})
}

func TestIsAlone(t *testing.T) {
	for options, want := range map[string]bool{
		"rw": false, "rw,hidepid=0": false, "rw,hidepid=off": false, "rw,hidepid=2": true, "rw,gid=980,hidepid=noaccess": false, "rw,gid=98,hidepid=4": true,
	} {
		if got := isAlone("20 1 0:5 / /proc rw,nosuid shared:5 - proc proc "+options+"\n", 980); got != want {
			t.Errorf("%s: %v", options, got)
		}
	}
}

// Sockets of perch are no one's else, and one whose owner is hidden has its user.
func TestSockets(t *testing.T) {
	head := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
	line := func(protocol, uid, inode string) string {
		return " 28: 00000000:" + protocol + " 00000000:0000 07 00000000:00000000 00:00000000 00000000 " + uid + " 0 " + inode + " 2 0000 0\n"
	}
	root := writeFiles(t, map[string]string{
		"proc/thread-self/net/raw":  head + line("0070", "0", "100") + line("0001", "0", "101") + line("0070", "7", "102"),
		"proc/thread-self/net/raw6": head + line("0070", "990", "103"),
		"proc/14/comm":              "python3\n",
		"proc/15/comm":              "perch\n",
	})
	for pid, inode := range map[string]string{"14": "100", "15": "103"} {
		must(t, os.MkdirAll(root.path("proc/"+pid+"/fd"), 0o755))
		must(t, os.Symlink("socket:["+inode+"]", root.path("proc/"+pid+"/fd/3")))
	}
	perch := []Process{{PID: 15, Name: "perch", Args: []string{"perch", "serve"}, UID: 990}}
	want := []Socket{{PID: 14, Name: "python3"}, {UID: 7}}
	if diff := cmp.Diff(want, root.sockets(perch)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	must(t, os.RemoveAll(root.path("proc/15/fd"))) // one that is hidden may be the perch that runs
	if diff := cmp.Diff(want, root.sockets(perch)); diff != "" {
		t.Errorf("hidden, -want +got:\n%s", diff)
	}
}

func TestLockdown(t *testing.T) {
	for text, want := range map[string]string{"[none] integrity confidentiality\n": "", "none [integrity] confidentiality\n": "integrity", "": ""} {
		if got := lockdown(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
