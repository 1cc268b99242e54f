//go:build ipvs

package balance

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Without the module of IPVS perch runs, and its address answers. What is missing is named,
// for one scheduler too, and the services come up by themselves once it is there.
//
// This must be the first test in a kernel: what others leave is in use for minutes.
func TestPerchWaitsForModules(t *testing.T) {
	b := newBed(t)
	shop := newModuleShop(t)
	vip := netip.MustParseAddr("198.18.0.120") // that of perch, which it has whatever is missing
	early := &scheduled{bed: b, name: "early", addresses: []netip.Addr{vip}, port: 80, from: 30000}
	late := &scheduled{bed: b, name: "late", addresses: []netip.Addr{vip}, port: 8080, from: 31000}
	ones := [3]int{1, 1, 1}
	a := b.newAlone(early.table(b.webs, "rr", "", ones) + late.table(b.webs, "mh", "", ones))
	must(t, a.Start())
	eventually(t, "the address of perch answers", func() bool {
		_, err := early.open(early.home(), vip)
		return errors.Is(err, unix.ECONNREFUSED)
	})
	a.waitsFor("module ip_vs", early, late)
	a.doctorSays("ip_vs is not in kernel " + shop.release)

	shop.deliver(func(module string) bool { return module != "ip_vs_mh" })
	eventually(t, "the first service comes up", func() bool { return a.lacksOnly(late.name, "module ip_vs_mh") })
	early.takesTurns()
	a.doctorSays("ip_vs_mh is needed by the scheduler of late and not in kernel " + shop.release)

	shop.deliver(func(string) bool { return true })
	eventually(t, "the second service comes up", func() bool { return a.allAre(api.ServerUp) && a.lacksOnly("", "") })
	if got := late.ask(2); got[0] != got[1] {
		t.Errorf("mh leads one client to %v", got)
	}
}

// waitsFor waits until services and perch status say what they wait for.
func (a *alone) waitsFor(what string, services ...*scheduled) {
	a.bed.t.Helper()
	a.bed.settles("all services wait for "+what, func() string {
		status, err := a.status()
		if err != nil {
			return err.Error()
		}
		for _, s := range status.Services {
			if s.State != api.ServiceWaiting || !strings.Contains(s.Reason, what) {
				return fmt.Sprintf("%s is %s: %s", s.Name, s.State, s.Reason)
			}
		}
		if len(status.Services) != len(services) {
			return fmt.Sprintf("%d services", len(status.Services))
		}
		return ""
	})
	if shown := a.shown(); !strings.Contains(shown, what) {
		a.bed.t.Errorf("perch status does not say %q:\n%s", what, shown)
	}
}

// doctorSays wants perch doctor to find that.
func (a *alone) doctorSays(what string) {
	a.bed.t.Helper()
	_, err := a.run("", *perchBinary, "doctor", "-c", filepath.Join(a.dir, "perch.toml"))
	if err == nil || !strings.Contains(err.Error(), "error: "+what) {
		a.bed.t.Errorf("perch doctor does not say %q: %v", what, err)
	}
}

// moduleShop is where the kernel finds its modules: none of IPVS, until they are delivered.
type moduleShop struct {
	t       *testing.T
	release string
	root    string // of lib/modules/RELEASE
}

// umlModules is where Debian's package user-mode-linux has those of its kernel.
const umlModules = "/usr/lib/uml/modules"

// newModuleShop unloads IPVS, and is in place until the end of the test.
func newModuleShop(t *testing.T) *moduleShop {
	t.Helper()
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	must(t, err)
	s := &moduleShop{t: t, release: strings.TrimSpace(string(release)), root: tempDir(t)}
	s.deliver(func(module string) bool { return !strings.HasPrefix(module, "ip_vs") })

	// The kernel calls this outside of what is / to this process.
	root := fmt.Sprintf("/proc/%d/root", os.Getpid())
	script := filepath.Join(s.root, "modprobe")
	must(t, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nexec /sbin/modprobe -d %s%s \"$@\"\n", root, s.root), 0o700))
	const helper = "/proc/sys/kernel/modprobe"
	before, err := os.ReadFile(helper)
	must(t, err)
	must(t, os.WriteFile(helper, []byte(root+script), 0))
	t.Cleanup(func() { must(t, os.WriteFile(helper, before, 0)) })

	// The doctor looks there.
	must(t, os.MkdirAll("/lib/modules", 0o755))
	files := filepath.Join("/lib/modules", s.release)
	must(t, os.Symlink(filepath.Join(s.root, files), files))
	t.Cleanup(func() { must(t, os.Remove(files)) })

	eventually(t, "IPVS is unloaded", func() bool { return unloadIPVS(t) })
	return s
}

// unloadIPVS unloads what is not in use, and says whether nothing is left.
func unloadIPVS(t *testing.T) bool {
	t.Helper()
	loaded, err := os.ReadFile("/proc/modules")
	must(t, err)
	var names []string
	for line := range strings.Lines(string(loaded)) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "ip_vs") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.Reverse(names) // ip_vs itself is the last
	for _, name := range names {
		if err := unix.DeleteModule(name, unix.O_NONBLOCK); err != nil {
			return false
		}
	}
	return true
}

// deliver brings those modules of IPVS, and what they need, that are wanted.
func (s *moduleShop) deliver(wanted func(module string) bool) {
	s.t.Helper()
	from := filepath.Join(umlModules, s.release)
	needs, err := os.ReadFile(filepath.Join(from, "modules.dep"))
	must(s.t, err)
	for line := range strings.Lines(string(needs)) {
		if !strings.Contains(line, "/ip_vs") {
			continue
		}
		for _, file := range strings.Fields(strings.Replace(line, ":", "", 1)) {
			if wanted(strings.TrimSuffix(filepath.Base(file), ".ko")) {
				s.bring(from, file)
			}
		}
	}
	if out, err := exec.Command("depmod", "-b", s.root, s.release).CombinedOutput(); err != nil {
		s.t.Fatalf("depmod: %v\n%s", err, out)
	}
}

func (s *moduleShop) bring(from, file string) {
	s.t.Helper()
	to := filepath.Join(s.root, "lib/modules", s.release, file)
	must(s.t, os.MkdirAll(filepath.Dir(to), 0o755))
	if err := os.Symlink(filepath.Join(from, file), to); err != nil && !errors.Is(err, fs.ErrExist) {
		s.t.Fatal(err)
	}
}
