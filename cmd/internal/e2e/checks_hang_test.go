package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A script or file on a file system that hangs keeps its check waiting, and not the daemon,
// nor its end. The fork of a script would keep all of it, once there is garbage to collect.
func TestCheckOnHungFileSystem(t *testing.T) {
	t.Parallel()
	lab.NeedFuse(t)
	s := newSite(t, "lb1")
	n := s.nodes[0]
	adverts := s.net.sniff(t, n.Host, func(f frame) bool { name, ok := advertOf(f); return ok && name == "IPv4 51" })
	dir := filepath.Join(tempDir(t), "hung")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	hung, err := n.Host.MountHung(dir)
	must(t, err)
	defer func() { must(t, hung.Unmount()) }()
	tables := []string{router("gw", 51, 200, gateway+"/24")}
	for i := range 20 { // garbage
		tables = append(tables, check(fmt.Sprintf("tcp%d", i), `kind = "tcp"`, `target = "127.0.0.1:9"`, `interval = "10ms"`, `fast_interval = "10ms"`))
	}
	tables = append(tables, check("file", `kind = "file"`, fmt.Sprintf("target = %q", filepath.Join(dir, "file"))))
	n.write(append(tables, check("script", `kind = "script"`, `user = "nobody"`, fmt.Sprintf("argv = [%q]", filepath.Join(dir, "script"))))...)
	must(t, n.Start())
	s.eventuallySays("two checks have failed because their looks hang", func() bool {
		status, err := n.status()
		hang := 0
		for _, c := range status.Checks {
			if c.State == api.CheckFailed && strings.Contains(c.Error, "hangs") {
				hang++
			}
		}
		return err == nil && hang == 2
	})
	s.stateIs(n, "gw", api.StateMaster, "")
	adverts.take()
	time.Sleep(2 * time.Second)
	if sent := len(adverts.take()); sent < 10 {
		t.Errorf("%d adverts in 2 s, and they are to come every 100 ms", sent)
	}
	s.stop(n)
}
