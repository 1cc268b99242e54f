package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// faulty is perch with parts that hang when they are told to, built by the first test that
// asks for it.
var faulty struct {
	once sync.Once
	err  error
}

// faultyBinary returns the path of a perch with the build tag faults.
func faultyBinary(t *testing.T) string {
	t.Helper()
	path := perchBinary(t) + "-faults"
	faulty.once.Do(func() { faulty.err = buildPerch(path, "GOFLAGS=-tags=faults") })
	must(t, faulty.err)
	return path
}

// hanging runs perch with a folder in which a file has a part of it hang.
func hanging(binary, folder, config string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(binary, "serve", "-c", config)
		cmd.Env = append(os.Environ(), "PERCH_FAULTS="+folder)
		return cmd
	}
}

// endsForAPart waits until a daemon has ended since a part of it hung, and wants it to say so.
func endsForAPart(t *testing.T, d *lab.Daemon, part string) {
	t.Helper()
	select {
	case <-d.Process().Done():
	case <-time.After(patience):
		t.Fatalf("%s goes on, with %s that hangs", d.Name, part)
	}
	exit, failed := errors.AsType[*exec.ExitError](d.Process().Err())
	if !failed || exit.ExitCode() != 1 {
		t.Errorf("%s ended with %v, want exit status 1", d.Name, d.Process().Err())
	}
	log := d.LogTail(1000)
	for _, want := range []string{
		`msg="a part of perch hangs, its VIPs are released" part=` + part, "released", "falter",
		"nothing that perch knows of starts it again", "perch: " + part + " hangs, and perch has ended for it",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

// An owner whose holder hangs ends, so that another one takes over.
func TestHangOfTheHolder(t *testing.T) {
	t.Parallel()
	lab.NeedRoot(t)
	binary := faultyBinary(t)
	c := newCluster(t, newNetwork(t), func(s *lab.ClusterSpec) { s.Binary = binary })
	folders := map[*lab.Node]string{}
	for _, n := range c.Nodes {
		folders[n] = c.net.tempDir(t)
		n.Runs(hanging(binary, folders[n], n.ConfigFile()))
	}
	c.must(c.StartAll())
	c.settled()
	c.neverTwoAnswers()
	c.ping()
	old := c.owner()
	c.must(os.WriteFile(filepath.Join(folders[old], "holder"), nil, 0o600))
	endsForAPart(t, &old.Daemon, "holder")
	if now := c.movedFrom(old); now == old {
		t.Errorf("%s has the VIPs still", old.Name)
	}
}

// While it gives up what a hanging part keeps from it, and writes down why, the VIPs of its
// cluster are with another node already.
func TestHangKeepsNoVIPOfTheCluster(t *testing.T) {
	t.Parallel()
	lab.NeedRoot(t)
	binary := faultyBinary(t)
	c := newCluster(t, newNetwork(t), func(s *lab.ClusterSpec) { s.Binary = binary })
	folders := map[*lab.Node]string{}
	for _, n := range c.Nodes {
		folders[n] = c.net.tempDir(t)
		n.Runs(hanging(binary, folders[n], n.ConfigFile()))
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		c.must(os.WriteFile(n.ConfigFile(), append(text, "\n"+router("gw", 51, 100, "198.18.0.101/24")...), 0o600))
	}
	c.must(c.StartAll())
	c.settled()
	c.neverTwoAnswers()
	for range 6 { // on a busy machine an election may take longer than the end
		old := c.owner()
		c.must(os.WriteFile(filepath.Join(folders[old], "engine"), nil, 0o600))
		endsForAPart(t, &old.Daemon, "vrrp-engine")
		won := lastStamp(c.movedFrom(old), `msg="election won"`)
		if ended := lastStamp(old, `msg="perch ends, since a part of it hangs"`); won < ended {
			return
		}
		c.must(os.Remove(filepath.Join(folders[old], "engine")))
		c.must(old.Start())
		c.settled()
	}
	t.Error("no other node has the VIPs before the one that hangs has ended")
}

// lastStamp is when a daemon last logged a message, as its log has it.
func lastStamp(n *lab.Node, message string) (stamp string) {
	for line := range strings.Lines(n.LogTail(5000)) {
		if strings.Contains(line, message) {
			stamp, _, _ = strings.Cut(line, " ")
		}
	}
	return stamp
}

// So does a master, whose backup need not wait for its silence: the engine says farewell.
func TestHangOfARouter(t *testing.T) {
	t.Parallel()
	lab.NeedRoot(t)
	binary := faultyBinary(t)
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	folder := tempDir(t)
	a.Runs(hanging(binary, folder, a.config()))
	a.write(router("gw", 51, 200, "198.18.0.101/24"))
	b.write(router("gw", 51, 100, "198.18.0.101/24"))
	s.start(a)
	s.stateIs(a, "gw", api.StateMaster, "")
	s.start(b)
	must(t, os.WriteFile(filepath.Join(folder, "vrrp"), nil, 0o600))
	endsForAPart(t, a.Daemon, "vrrp")
	if a.has("198.18.0.101") {
		t.Error("it ended and left its address behind")
	}
	s.hasJust(b, "198.18.0.101", "")
}

// So does one whose engine hangs, which says no farewell: its addresses are gone all the same,
// and its backup takes over when it has been silent for long enough.
func TestHangOfTheEngine(t *testing.T) {
	t.Parallel()
	lab.NeedRoot(t)
	binary := faultyBinary(t)
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	folder := tempDir(t)
	a.Runs(hanging(binary, folder, a.config()))
	a.write(router("gw", 51, 200, "198.18.0.101/24"))
	b.write(router("gw", 51, 100, "198.18.0.101/24"))
	s.start(a)
	s.stateIs(a, "gw", api.StateMaster, "")
	s.start(b)
	must(t, os.WriteFile(filepath.Join(folder, "engine"), nil, 0o600))
	endsForAPart(t, a.Daemon, "vrrp-engine")
	if a.has("198.18.0.101") {
		t.Error("it ended and left its address behind")
	}
	if !strings.Contains(a.LogTail(1000), "the engine of virtual routers hangs") {
		t.Error("the log does not say that the engine hangs")
	}
	s.hasJust(b, "198.18.0.101", "")
}

// A process that stood still as a whole has no part that hangs.
func TestThawedDaemonHasNoPartThatHangs(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	for range 3 {
		c.must(owner.Freeze())
		time.Sleep(3 * time.Second)
		c.must(owner.Thaw())
		c.settled()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c.must(owner.Terminate(ctx))
	if strings.Contains(owner.LogTail(10000), "a part of perch hangs") {
		t.Error("it says that a part of it hangs")
	}
}
