//go:build ipvs

package balance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// The sync daemons of a perch that was killed go on with the next one that wants them, and
// end with one that does not. Those of somebody else are left alone, and named.
func TestPerchSyncDaemons(t *testing.T) {
	b := newBed(t)
	s := plain(nat, ipv4)
	a, other := b.newAlone(syncTable+b.tables(s)), b.directors[1]
	other.ipvsadm("", "--start-daemon", "backup", "--mcast-interface", "eth0", "--syncid", "7")
	must(t, a.Start())
	a.has(b.want(nil, s))
	a.syncs("master sync daemon")
	threads := syncThreads(t)
	all := b.invite(6, s.address())
	eventually(t, "the other director knows of all connections", func() bool { return all.known(other.led()) })

	a.diesAndStarts(syncTable + b.tables(s))
	a.syncs("master sync daemon")
	if now := syncThreads(t); !slices.Equal(now, threads) {
		t.Errorf("the kernel's threads were %v, and are %v", threads, now)
	}
	all = append(all, b.invite(6, s.address())...)
	eventually(t, "the other director knows of new connections, too", func() bool { return all.known(other.led()) })

	a.diesAndStarts(b.tables(s))
	b.settles("no sync daemon is left", func() string { return a.syncDaemons() })
	a.talks(all, b.want(nil, s))

	a.ipvsadm("", "--start-daemon", "master", "--mcast-interface", "eth0", "--syncid", "9")
	theirs := a.syncDaemons()
	a.diesAndStarts(b.tables(s))
	if shown := a.shown(); !strings.Contains(shown, "sync master on eth0") {
		t.Errorf("perch status does not name a sync daemon of somebody else:\n%s", shown)
	}
	a.reload(syncTable + b.tables(s))
	eventually(t, "perch status says what is in its way", func() bool {
		status, err := a.status()
		return err == nil && status.IPVS.Sync != nil && status.IPVS.Sync.Role == api.SyncOff &&
			strings.Contains(status.IPVS.Sync.Reason, "somebody else")
	})
	must(t, a.stop())
	if left := a.syncDaemons(); left != theirs {
		t.Errorf("of %q is left: %q", theirs, left)
	}
}

// diesAndStarts kills perch, starts it with other tables and waits until it has verdicts
// of its own.
func (a *alone) diesAndStarts(tables string) {
	a.bed.t.Helper()
	must(a.bed.t, a.Kill())
	a.write(tables)
	must(a.bed.t, a.Start())
	eventually(a.bed.t, "all servers are up", func() bool { return a.allAre(api.ServerUp) })
}

// syncDaemons are those of the director's kernel, as ipvsadm has them.
func (d *director) syncDaemons() string {
	d.bed.t.Helper()
	return strings.TrimSpace(d.ipvsadm("", "-L", "--daemon"))
}

// syncThreads are the kernel's threads of masters, as folders of /proc.
func syncThreads(t *testing.T) (threads []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	must(t, err)
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(comm), "ipvs-m:") {
			threads = append(threads, filepath.Dir(name))
		}
	}
	if len(threads) == 0 {
		t.Error("the kernel has no thread of a master")
	}
	return threads
}
