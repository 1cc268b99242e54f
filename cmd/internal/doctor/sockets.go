package doctor

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Socket is one that receives VRRP, of a program that is no perch.
type Socket struct {
	PID  int // 0 if it is not to be seen
	Name string
	UID  int // whose it is; of one whose process is not to be seen
}

// sockets returns those of this network namespace, each process once.
func (root files) sockets(seen []Process) (all []Socket) {
	users := listeners(root.read("proc/thread-self/net/raw") + root.read("proc/thread-self/net/raw6"))
	if len(users) == 0 {
		return nil
	}
	perch := Facts{Processes: seen}.daemons()
	own := func(s Socket) bool {
		return slices.ContainsFunc(perch, func(p Process) bool { return s.PID == p.PID || s.PID == 0 && s.UID == p.UID })
	}
	owners := root.owners()
	for inode, uid := range users {
		s, known := owners[inode]
		if !known {
			s = Socket{UID: uid}
		}
		if !own(s) && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Socket) int { return cmp.Or(cmp.Compare(b.PID, a.PID), cmp.Compare(a.UID, b.UID)) })
	return all
}

// listeners returns the inodes of the raw sockets for VRRP in /proc/net/raw, with their users.
func listeners(text string) map[string]int {
	const local, user, inode, fields = 1, 7, 9, 10
	const vrrp = ":0070" // protocol 112
	all := map[string]int{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < fields || !strings.HasSuffix(f[local], vrrp) {
			continue
		}
		if uid, err := strconv.Atoi(f[user]); err == nil {
			all[f[inode]] = uid
		}
	}
	return all
}

// owners returns, by the inodes of sockets, the processes that have them, as far as that is to
// be seen.
func (root files) owners() map[string]Socket {
	all := map[string]Socket{}
	names, _ := filepath.Glob(root.path("proc/[0-9]*/fd/*"))
	for _, name := range names {
		to, err := os.Readlink(name)
		inode, ok := strings.CutPrefix(to, "socket:[")
		if err != nil || !ok {
			continue
		}
		id := filepath.Base(filepath.Dir(filepath.Dir(name)))
		if pid, err := strconv.Atoi(id); err == nil {
			all[strings.TrimSuffix(inode, "]")] = Socket{PID: pid, Name: strings.TrimSpace(root.read("proc/" + id + "/comm"))}
		}
	}
	return all
}

// overheard finds who else receives adverts, and may send some. Those that are named as
// daemons are not named again.
func overheard(c *config.Config, f Facts) (all []Finding) {
	if len(c.VRRP) == 0 {
		return nil
	}
	for _, s := range f.Sockets {
		subject, show := fmt.Sprintf("%s (process %d)", s.Name, s.PID), fmt.Sprintf("ps -fp %d", s.PID)
		switch {
		case slices.ContainsFunc(f.Processes, func(p Process) bool { return p.PID == s.PID }):
			continue
		case s.PID == 0:
			subject, show = fmt.Sprintf("a program of user %d", s.UID), "sudo ss -w -a -p"
		}
		all = append(all, Finding{Hint, subject, "has a socket for VRRP: if it is a daemon for virtual routers, each VRID may be that of one of both only", show})
	}
	return all
}
