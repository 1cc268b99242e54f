package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// A backup whose masters are well is not woken by their adverts, and yet counts them, is
// there when the masters have gone, and follows what they change. Without the permission
// for it, it is woken by each, and does the same.
func TestRouterBackupIsNotWoken(t *testing.T) {
	t.Parallel()
	for name, permitted := range map[string]bool{"permitted": true, "not permitted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1", "lb2")
			a, b := s.nodes[0], s.nodes[1]
			if !permitted {
				b.Runs(func() *exec.Cmd {
					return exec.Command("setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_raw,+sys_nice", b.binary, "serve", "-c", b.config())
				})
			}
			const routers = 8
			all := func(priority int) (text string) {
				for i := range routers {
					every := fmt.Sprintf(`advert_interval = "%dms"`, 60+20*i)
					text += router(fmt.Sprintf("gw%d", i), 51+i, priority, fmt.Sprintf("198.18.0.%d/24", 101+i), every)
				}
				return text
			}
			is := func(n *station, state string) {
				t.Helper()
				for i := range routers {
					s.stateIs(n, fmt.Sprintf("gw%d", i), state, "")
				}
			}
			a.write(all(200))
			b.write(all(100))
			s.start(a)
			is(a, api.StateMaster)
			s.start(b)
			is(b, api.StateBackup)

			sent := func() (adverts uint64) { // the backup is not asked meanwhile: that wakes it, too
				for i := range routers {
					adverts += a.router(fmt.Sprintf("gw%d", i)).Adverts.Sent
				}
				return adverts
			}
			before, accepted, wakes := sent(), acceptedBy(b, routers), urgentWakes(t, b)
			s.eventually("adverts are sent", func() bool { return sent() >= before+500 })
			wakes = urgentWakes(t, b) - wakes
			if n := acceptedBy(b, routers) - accepted; n < 400 {
				t.Errorf("it has heard %d of 500 adverts", n)
			}
			if woken := wakes > 250; woken == permitted {
				t.Errorf("500 adverts were sent, and it has woken up %d times", wakes)
			}
			if told := strings.Contains(b.log(), "adverts that say nothing new wake the process"); told == permitted {
				t.Errorf("it says that adverts wake it: %t", told)
			}

			a.write(all(50))
			a.reload()
			is(b, api.StateMaster)
			is(a, api.StateBackup)
			must(t, b.Kill())
			is(a, api.StateMaster)
		})
	}
}

// acceptedBy returns how many adverts a node has accepted.
func acceptedBy(n *station, routers int) (adverts uint64) {
	for i := range routers {
		for _, from := range n.router(fmt.Sprintf("gw%d", i)).Heard {
			adverts += from.Accepted
		}
	}
	return adverts
}

// urgentWakes returns how often the threads of a node have waited that have a real-time priority.
func urgentWakes(t *testing.T, n *station) (sum int) {
	t.Helper()
	const policy = 41 - 3 // in proc_pid_stat(5), after the name
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", n.Process().PID()))
	must(t, err)
	for _, task := range tasks {
		stat, err := os.ReadFile(filepath.Join(task, "stat"))
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[policy] == "0" {
			continue
		}
		status, err := os.ReadFile(filepath.Join(task, "status"))
		must(t, err)
		_, after, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:")
		var waits int
		_, err = fmt.Sscan(after, &waits)
		must(t, err)
		sum += waits
	}
	return sum
}
