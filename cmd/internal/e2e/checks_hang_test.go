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

// A script on a file system that hangs keeps its check waiting, and not the daemon: the
// fork of a script would keep all of it, once there is garbage to collect.
func TestCheckScriptOnHungFileSystem(t *testing.T) {
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
	n.write(append(tables, check("script", `kind = "script"`, `user = "nobody"`, fmt.Sprintf("argv = [%q]", filepath.Join(dir, "script"))))...)
	must(t, n.Start())
	s.eventuallySays("the check has failed because its look hangs", func() bool {
		status, err := n.status()
		if err != nil || len(status.Checks) == 0 {
			return false
		}
		is := status.Checks[len(status.Checks)-1]
		return is.State == api.CheckFailed && strings.Contains(is.Error, "hangs")
	})
	s.stateIs(n, "gw", api.StateMaster, "")
	adverts.take()
	time.Sleep(2 * time.Second)
	if sent := len(adverts.take()); sent < 10 {
		t.Errorf("%d adverts in 2 s, and they are to come every 100 ms", sent)
	}
}
