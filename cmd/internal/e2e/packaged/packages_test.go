//go:build systemd

package packaged

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager installs and removes packages.
type manager struct {
	install, upgrade func(t *testing.T)
	again            func(t *testing.T) // the newer one
	remove           func(t *testing.T)
	purge            func(t *testing.T) // what a removal keeps
	native           bool               // the system's own: with it the unit is tried with its other services, too
}

func pack(name string) string { return filepath.Join(*packages, name) }

func debian() manager {
	return manager{
		install: func(t *testing.T) { run(t, "dpkg", "-i", pack("old.deb")) },
		upgrade: func(t *testing.T) { run(t, "dpkg", "-i", pack("new.deb")) },
		again:   func(t *testing.T) { run(t, "dpkg", "-i", pack("new.deb")) },
		remove:  func(t *testing.T) { run(t, "dpkg", "-r", "perch") },
		purge:   func(t *testing.T) { run(t, "dpkg", "-P", "perch") },
		native:  true,
	}
}

// redHat does not look for what the package depends on: dpkg has it.
func redHat() manager {
	return manager{
		install: func(t *testing.T) { run(t, "rpm", "-i", "--nodeps", pack("old.rpm")) },
		upgrade: func(t *testing.T) { run(t, "rpm", "-U", "--nodeps", pack("new.rpm")) },
		again:   func(t *testing.T) { run(t, "rpm", "-U", "--nodeps", "--replacepkgs", pack("new.rpm")) },
		remove:  func(t *testing.T) { run(t, "rpm", "-e", "perch") },
		purge: func(t *testing.T) {
			for _, path := range []string{folder, "/var/lib/perch"} {
				must(t, os.RemoveAll(path))
			}
		},
	}
}

func TestDebianPackage(t *testing.T) { testPackage(t, debian()) }

func TestRPMPackage(t *testing.T) { testPackage(t, redHat()) }

// A package installs, runs, is upgraded with a planned move, and goes.
func testPackage(t *testing.T, m manager) {
	before := files(t)
	slices.Sort(before)
	m.install(t)
	installed(t)
	c := newCluster(t)
	run(t, "systemctl", "start", "perch.service")
	c.runs("0.1.0")
	c.reloads()
	c.giveToUnit()
	c.survivesFreeze()
	c.upgrades(m)
	if m.native {
		c.followsTime()
	}
	c.refusesBadConfig(m)
	m.remove(t)
	c.removed()
	m.purge(t)
	c.end()
	nothingLeft(t, before)
}

// installed tells whether the unit waits for its config.
func installed(t *testing.T) {
	t.Helper()
	if out := run(t, "systemd-analyze", "verify", "--man=no", "perch.service"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	if enabled, active := property(t, "UnitFileState"), property(t, "ActiveState"); enabled != "enabled" || active != "inactive" {
		t.Errorf("the unit is %s and %s, want enabled and inactive", enabled, active)
	}
	run(t, "systemctl", "start", "perch.service") // without a config that does nothing
	if active := property(t, "ActiveState"); active != "inactive" {
		t.Errorf("without a config the unit is %s", active)
	}
	wantBelongs(t, folder, "root:perch 0750")
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("in %s there is %v (%v)", folder, entries, err)
	}
}

// runs tells whether the unit takes part in its cluster, as the user and with the rights that
// it is to have.
func (c *cluster) runs(version string) {
	t := c.t
	t.Helper()
	eventually(t, "the unit is well and has version "+version, func() bool {
		status, err := c.status()
		if err != nil || status.Cluster == nil || status.Cluster.State != "ok" {
			return false
		}
		for _, n := range status.Cluster.Nodes {
			if n.Name == "lb1" {
				return n.Version == "v"+version && n.Healthy && n.Fence == "bpf"
			}
		}
		return false
	})
	for path, want := range map[string]string{
		filepath.Join(folder, "secret"): "root:perch 0640", config: "root:root 0644",
		socket: "perch:perch 0660", filepath.Dir(socket): "perch:perch 0750", "/var/lib/perch": "perch:perch 0700",
	} {
		wantBelongs(t, path, want)
	}
	if out, err := statusAs("perch"); err != nil {
		t.Errorf("a member of the group perch gets no status: %v: %s", err, out)
	}
	if _, err := statusAs("nogroup"); err == nil {
		t.Error("whoever is not in the group perch gets a status, too")
	}
	status, err := os.ReadFile(filepath.Join("/proc", property(t, "MainPID"), "status"))
	must(t, err)
	for _, want := range []string{"CapEff:\t0000008000003000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("no %q in the status of the process:\n%s", want, status)
		}
	}
}

// statusAs runs perch status as nobody who is in a group.
func statusAs(group string) (output string, err error) {
	g, err := user.LookupGroup(group)
	if err != nil {
		return "", err
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return "", err
	}
	const nobody = 65534
	cmd := exec.Command("perch", "status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, Groups: []uint32{uint32(gid)}}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reloads tells whether a changed config is applied, and one with a mistake fails the reload
// and changes nothing.
func (c *cluster) reloads() {
	t := c.t
	t.Helper()
	text, err := os.ReadFile(config)
	must(t, err)
	must(t, os.WriteFile(config, append(text, "\n[[vip]]\naddress = \"198.18.0.101/24\"\ninterface = \"eth0\"\n"...), 0o644))
	pid := property(t, "MainPID")
	run(t, "systemctl", "reload", "perch.service")
	if status := statusOf(t); len(status.VIPs) != 2 {
		t.Errorf("after the reload: %+v", status.VIPs)
	}
	must(t, os.WriteFile(config, append(text, "nonsense = 1\n"...), 0o644))
	if out, err := attempt("systemctl", "reload", "perch.service"); err == nil {
		t.Errorf("a reload with a mistake has succeeded: %s", out)
	}
	must(t, os.WriteFile(config, text, 0o644))
	run(t, "systemctl", "reload", "perch.service")
	if active := property(t, "ActiveState"); active != "active" || property(t, "MainPID") != pid {
		t.Errorf("after reloads the unit is %s, or another process", active)
	}
}

// survivesFreeze stops the daemon without a word: another node takes over, and systemd starts
// it anew.
func (c *cluster) survivesFreeze() {
	t := c.t
	t.Helper()
	pid := property(t, "MainPID")
	number, err := strconv.Atoi(pid)
	must(t, err)
	begin := time.Now()
	must(t, syscall.Kill(number, syscall.SIGSTOP))
	c.movesAway(begin)
	eventually(t, "systemd has started another", func() bool {
		return property(t, "MainPID") != pid && property(t, "ActiveState") == "active"
	})
	if restarts := property(t, "NRestarts"); restarts != "1" {
		t.Errorf("%s restarts, want 1", restarts)
	}
	c.runs("0.1.0")
}

// upgrades installs the newer package while the unit owns the VIP, which moves as planned.
func (c *cluster) upgrades(m manager) {
	t := c.t
	t.Helper()
	c.giveToUnit()
	begin, end := time.Now(), c.neverTwo()
	m.upgrade(t)
	move := c.movesAway(begin)
	end()
	if move.Reason != "lb1 was stopped" {
		t.Errorf("the upgrade moved the VIP so: %+v", move)
	}
	c.runs("0.2.0")
	if enabled := property(t, "UnitFileState"); enabled != "enabled" {
		t.Errorf("after the upgrade the unit is %s", enabled)
	}
}

// refusesBadConfig installs a package while the config has a mistake, and while its secret is
// one that no daemon starts with: the one that runs goes on.
func (c *cluster) refusesBadConfig(m manager) {
	t := c.t
	t.Helper()
	text, err := os.ReadFile(config)
	must(t, err)
	pid := property(t, "MainPID")
	goesOn := func(with string) {
		m.again(t)
		if active := property(t, "ActiveState"); active != "active" || property(t, "MainPID") != pid {
			t.Errorf("with %s the unit is %s, or another process", with, active)
		}
	}
	must(t, os.WriteFile(config, append(text, "nonsense = 1\n"...), 0o644))
	goesOn("a config that has a mistake")
	must(t, os.WriteFile(config, text, 0o644))
	secret := filepath.Join(folder, "secret")
	must(t, os.Chmod(secret, 0o644))
	goesOn("a secret that others can read")
	must(t, os.Chmod(secret, 0o640))
}

// removed tells whether the daemon and all that it had in the kernel are gone, and what only
// a purge removes is there.
func (c *cluster) removed() {
	t := c.t
	t.Helper()
	if load := property(t, "LoadState"); load != "not-found" {
		t.Errorf("the unit is %s", load)
	}
	if has, err := c.host.Has(vip.Addr()); err != nil || has {
		t.Errorf("lb1 has the VIP (%v)", err)
	}
	for _, direction := range []string{"ingress", "egress"} {
		var out string
		must(t, c.host.Do(func() (err error) {
			out, err = attempt("tc", "filter", "show", "dev", "eth0", direction)
			return err
		}))
		if strings.Contains(out, "perch") {
			t.Errorf("a filter is left: %s", out)
		}
	}
	for _, path := range []string{config, filepath.Join(folder, "secret"), "/var/lib/perch"} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a removal keeps it: %v", err)
		}
	}
}
