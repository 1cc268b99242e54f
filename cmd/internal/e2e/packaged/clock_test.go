//go:build systemd

package packaged

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const (
	sourcesDir  = "/etc/chrony/sources.d"
	chronyUnit  = "/etc/systemd/system/chrony.service.d"
	chronyExtra = "/etc/chrony/conf.d/lab.conf"
)

// followsTime tells whether the unit has the system's chronyd take time from the leader, with
// what the documentation says that it takes, and not without. lb1 has that chronyd in its
// namespace, and the leader one of its own.
func (c *cluster) followsTime() {
	t := c.t
	t.Helper()
	text, err := os.ReadFile(config)
	must(t, err)
	leader := c.peers[0]
	dir, err := os.MkdirTemp("", "chrony-")
	must(t, errors.Join(err, os.Chmod(dir, 0o755)))
	serving, err := lab.NewChronyd(leader.Host, filepath.Join(dir, leader.Name))
	must(t, err)
	must(t, serving.Start())
	defer func() { must(t, serving.Kill()) }()
	eventually(t, leader.Name+" owns the VIP", func() bool {
		if c.owner() == leader.Name {
			return true
		}
		_, _ = attempt("perch", "transfer", leader.Name)
		return false
	})

	must(t, errors.Join(
		os.MkdirAll(chronyUnit, 0o755),
		os.WriteFile(filepath.Join(chronyUnit, "lab.conf"), []byte("[Service]\nNetworkNamespacePath=/run/netns/edge\n"), 0o644),
		os.WriteFile(chronyExtra, []byte("allow\nlocal stratum 10\n"), 0o644),
	))
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "restart", "chrony.service")
	must(t, os.WriteFile(config, append(text, "\n[clock]\ninterval = \"1s\"\n"...), 0o644))
	run(t, "systemctl", "reload", "perch.service")
	eventually(t, "without rights the unit warns of its clock", func() bool {
		return strings.Contains(c.clockWarning(), sourcesDir+"/perch-edge.sources is not as it should be")
	})

	example, err := os.ReadFile("/usr/share/perch/chrony.service.d-examples/perch.conf")
	must(t, errors.Join(err, os.WriteFile(filepath.Join(chronyUnit, "perch.conf"), example, 0o644)))
	c.extend("chrony.conf")
	run(t, "chgrp", "perch", sourcesDir)
	run(t, "chmod", "775", sourcesDir)
	run(t, "systemctl", "restart", "chrony.service")
	run(t, "systemctl", "restart", "perch.service")
	eventually(t, "chronyd has selected the clock of "+leader.Name, func() bool {
		out, _ := attempt("chronyc", "-n", "-c", "sources")
		return strings.HasPrefix(out, "^,*,"+leader.Address().Addr().String()+",")
	})
	eventually(t, "the unit knows the time of "+leader.Name+", and warns of nothing", func() bool {
		status, err := c.status()
		return err == nil && status.Clock != nil && status.Clock.Follows == leader.Name && status.Clock.Error == "" &&
			status.Clock.Measured != nil && status.Clock.Measured.Error == "" && c.clockWarning() == ""
	})
	wantBelongs(t, sourcesDir+"/perch-edge.sources", "perch:perch 0644")

	// A chronyd that is started anew is one that the sandbox still reaches.
	run(t, "systemctl", "restart", "chrony.service")
	must(t, os.WriteFile(config, text, 0o644))
	run(t, "systemctl", "reload", "perch.service")
	eventually(t, "after a reload without [clock] chronyd follows nobody", func() bool {
		out, err := attempt("chronyc", "-n", "-c", "sources")
		return err == nil && out == ""
	})
	c.forgetTime(dir)
}

// forgetTime takes away what followsTime has made.
func (c *cluster) forgetTime(dir string) {
	t := c.t
	t.Helper()
	run(t, "systemctl", "stop", "chrony.service")
	run(t, "chgrp", "root", sourcesDir)
	run(t, "chmod", "755", sourcesDir)
	for _, path := range []string{chronyUnit, chronyExtra, filepath.Join(dropIn, "chrony.conf"), "/run/chrony", "/var/lib/chrony/chrony.drift", dir} {
		must(t, os.RemoveAll(path))
	}
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "restart", "perch.service")
}

// clockWarning returns what the unit says that is wrong with its clock.
func (c *cluster) clockWarning() string {
	status, err := c.status()
	if err != nil {
		return ""
	}
	at := slices.IndexFunc(status.Warnings, func(w string) bool { return strings.HasPrefix(w, "clock: ") })
	if at < 0 {
		return ""
	}
	return status.Warnings[at]
}
