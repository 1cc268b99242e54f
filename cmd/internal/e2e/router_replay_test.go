package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// replayer returns what sends a frame from a host once more.
func replayer(t *testing.T, from *lab.Host) func(frame) {
	t.Helper()
	var fd int
	must(t, from.Do(func() (err error) {
		fd, err = packetSocket("eth0")
		return err
	}))
	t.Cleanup(func() { unix.Close(fd) })
	return func(f frame) {
		t.Helper()
		_, err := unix.Write(fd, f.data)
		must(t, err)
	}
}

// An advert that somebody has recorded is refused when it is sent once more. After a
// restart it is only where the clock tells that it is old.
func TestRouterReplays(t *testing.T) {
	for replay, c := range map[string]struct {
		lines  string
		reason string
		heeded bool // after a restart
	}{
		"time":      {`window = "1s"`, "signed at another time", false},
		"monotonic": {`anti_replay = "monotonic"`, "replayed", true},
	} {
		t.Run(replay, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1", "lb2")
			master, backup := s.nodes[0], s.nodes[1]
			for i, n := range s.nodes {
				file := filepath.Join(n.Dir, "key")
				must(t, os.WriteFile(file, []byte(someSecrets["hmac"]), 0o600))
				n.write(router("gw", 51, 200-100*i, "198.18.0.101/24",
					fmt.Sprintf(`auth = {kind = "hmac", %s, key = [{id = 1, file = %q}]}`, c.lines, file)))
			}
			adverts := s.net.sniff(t, master.Host, func(f frame) bool { name, ok := advertOf(f); return ok && name == "IPv4 51" })
			s.start(master)
			s.stateIs(master, "gw", api.StateMaster, "")
			s.start(backup)
			s.stateIs(backup, "gw", api.StateBackup, "")
			heard := func() (from api.HeardFrom) {
				for _, from = range backup.router("gw").Heard {
				}
				return from
			}
			s.eventuallySays("the backup heeds the master", func() bool { return heard().Accepted > 3 })
			recorded := adverts.take()[0]
			s.stop(master)
			s.stateIs(backup, "gw", api.StateMaster, "")
			s.eventually("the record is old", func() bool { return time.Since(recorded.at) > 3*time.Second })

			again := replayer(t, s.net.client)
			s.eventuallySays("the record is refused", func() bool {
				again(recorded)
				return heard().Dropped[c.reason] > 0
			})
			s.stop(backup)
			s.start(backup)
			s.stateIs(backup, "gw", api.StateMaster, "")
			again(recorded)
			s.eventuallySays("the record is judged", func() bool { return heard().Accepted > 0 || len(heard().Dropped) > 0 })
			if from := heard(); (from.Accepted == 1) != c.heeded || (from.Dropped[c.reason] == 1) == c.heeded {
				t.Errorf("after a restart: %+v", from)
			}
		})
	}
}
