//go:build ipvs

package ipvs

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func runKernel(t *testing.T, command string, args ...string) {
	t.Helper()
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", command, args, err, out)
	}
}

func TestKernelSyncDaemons(t *testing.T) {
	l := newKernelLab(t)
	runKernel(t, "ip", "link", "add", "sync0", "type", "dummy")
	t.Cleanup(func() { runKernel(t, "ip", "link", "del", "sync0") })
	runKernel(t, "ip", "link", "set", "sync0", "up")
	runKernel(t, "ip", "address", "add", "198.18.9.1/24", "dev", "sync0")
	runKernel(t, "ip", "address", "add", "2001:db8:9::1/64", "dev", "sync0", "nodad")
	t.Cleanup(func() {
		if err := SetSync(nil); err != nil {
			t.Error(err)
		}
	})
	backup := SyncDaemon{Role: SyncBackup, Interface: "sync0", ID: 7}
	master := SyncDaemon{Role: SyncMaster, Interface: "sync0", ID: 7}
	told := SyncDaemon{Role: SyncMaster, Interface: "sync0", ID: 255, MaxLen: 900, Group: netip.MustParseAddr("224.0.0.99"), Port: 9999, TTL: 3}
	six := SyncDaemon{Role: SyncBackup, Interface: "sync0", Group: netip.MustParseAddr("ff02::81"), Port: 8849, MaxLen: 5}
	const (
		says       = " sync daemon (mcast=sync0, syncid="
		saysBackup = "backup" + says + "7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"
		saysMaster = "master" + says + "7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"
		saysTold   = "master" + says + "255, maxlen=900, group=224.0.0.99, port=9999, ttl=3)"
		saysSix    = "backup" + says + "0, maxlen=1024, group=ff02::81, port=8849, ttl=1)"
	)
	for _, test := range []struct {
		want []SyncDaemon
		says []string // by ipvsadm
	}{
		{[]SyncDaemon{backup}, []string{saysBackup}},
		{[]SyncDaemon{backup, master}, []string{saysBackup, saysMaster}},
		{[]SyncDaemon{master}, []string{saysMaster}},
		{[]SyncDaemon{told}, []string{saysTold}},
		{[]SyncDaemon{told, six}, []string{saysSix, saysTold}},
		{nil, nil},
	} {
		for range 2 { // what is as wanted stays
			if err := SetSync(test.want); err != nil {
				t.Fatal(err)
			}
		}
		l.runsSync(test.want, test.says)
	}
}

func (l *kernelLab) runsSync(want []SyncDaemon, says []string) {
	l.t.Helper()
	got, err := listSync(l.socket)
	if err != nil || len(got) != len(want) {
		l.t.Fatalf("%+v, %v", got, err)
	}
	if stop, start := planSync(got, want); stop != nil || start != nil {
		l.t.Errorf("got %+v, want %+v", got, want)
	}
	if said := sortedLines(l.ipvsadm("-Ln", "--daemon")); !slices.Equal(said, says) {
		l.t.Errorf("ipvsadm says %q, want %q", said, says)
	}
}

// Servers of another family and a sync daemon exclude each other.
func TestKernelSyncOrMixedFamilies(t *testing.T) {
	l := newKernelLab(t)
	backup := SyncDaemon{Role: SyncBackup, Interface: "lo", ID: 7}
	s := Service{Key: KeyOfMark(7, IPv4), Balancing: Balancing{Scheduler: "rr"}, Servers: []Server{kernelServer("[2001:db8::1]:80", 1, Route{Forward: Tunnel})}}
	l.add(s)
	err := SetSync([]SyncDaemon{backup})
	if err == nil || err.Error() != "start sync backup on lo: its values are wrong, or some service has servers of another family: invalid argument" {
		t.Error(err)
	}
	l.do(step{verb: removeService, Key: s.Key})
	err = SetSync([]SyncDaemon{{Role: SyncBackup, Interface: "nothere"}})
	if err == nil || !strings.Contains(err.Error(), "start sync backup on nothere: no such device") {
		t.Error(err)
	}
}
