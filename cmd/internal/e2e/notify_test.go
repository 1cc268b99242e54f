package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// ownershipTeller writes what it is told, and how many VIPs are there, into a file. With the
// file hang beside it, it writes its number instead and does not end; with the file busy it
// removes that, and asks to be run again.
const ownershipTeller = `#!/bin/sh
cd %s
if rm busy 2>/dev/null; then exit 75; fi
if [ -e hang ]; then
	echo "$PERCH_EVENT $$" >>hung
	exec sleep 100000
fi
here=$(ip -o addr show | grep -c -e 'inet 198.18.0.100/' -e 'inet6 2001:db8::100/')
shift
echo "$PERCH_EVENT $* with $here" >>told
`

// ownershipReader writes what it reads into a file.
const ownershipReader = `#!/bin/sh
exec cat "$1" >>%s/heard
`

// tellingCluster is a cluster whose nodes tell of the ownership by a program and by a FIFO
// that has a reader.
type tellingCluster struct{ *cluster }

// startTellingCluster starts one with a program for each of these lists of events.
func startTellingCluster(t *testing.T, events ...string) tellingCluster {
	t.Helper()
	c := tellingCluster{newCluster(t, newNetwork(t))}
	for _, n := range c.Nodes {
		c.equip(n, events)
	}
	c.must(c.StartAll())
	c.settled()
	return c
}

// equip gives a node its programs.
func (c tellingCluster) equip(n *lab.Node, events []string) {
	c.t.Helper()
	tell, read := c.file(n, "tell"), c.file(n, "read")
	c.must(os.WriteFile(tell, fmt.Appendf(nil, ownershipTeller, n.Dir), 0o755))
	c.must(os.WriteFile(read, fmt.Appendf(nil, ownershipReader, n.Dir), 0o755))
	text, err := os.ReadFile(n.ConfigFile())
	c.must(err)
	for i, on := range events { // with an argument of its own, so that each is a target of its own
		text = fmt.Appendf(text, "\n[[notify]]\non = %s\nexec = [%q, \"%d\"]\narguments = \"keepalived\"\nuser = \"root\"\ntimeout = \"10m\"\n", on, tell, i)
	}
	text = fmt.Appendf(text, "\n[[notify]]\non = [\"owner\", \"standby\"]\nfifo = %q\nreader = [%q]\nuser = \"root\"\n", c.file(n, "fifo"), read)
	c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
}

func (c tellingCluster) file(n *lab.Node, name string) string { return filepath.Join(n.Dir, name) }

// lines returns those of a file of a node, none if it is not there.
func (c tellingCluster) lines(n *lab.Node, name string) []string {
	c.t.Helper()
	text, err := os.ReadFile(c.file(n, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == "" })
}

// told waits until a node has last told, by its program and by its FIFO, that it is the
// owner or on standby.
func (c tellingCluster) told(n *lab.Node, event string) {
	c.t.Helper()
	state, here := "BACKUP", 0
	if event == "owner" {
		state, here = "MASTER", len(c.Spec.VIPs)
	}
	for file, want := range map[string]string{
		"told":  fmt.Sprintf("%s INSTANCE edge %s 100 with %d", event, state, here),
		"heard": fmt.Sprintf(`INSTANCE "edge" %s 100`, state),
	} {
		c.eventually(fmt.Sprintf("%s is the last line of %s of %s", want, file, n.Name), func() bool {
			lines := c.lines(n, file)
			return len(lines) > 0 && lines[len(lines)-1] == want
		})
	}
}

// allTold waits until the owner has told that it is, and the others that they are not.
func (c tellingCluster) allTold(owner *lab.Node) {
	c.t.Helper()
	for _, n := range c.Nodes {
		switch {
		case n == owner:
			c.told(n, "owner")
		case n.Running():
			c.told(n, "standby")
		}
	}
}

// Each node tells when it gets the VIPs and when it has lost them, by a program and by a
// FIFO, in turn: at the start, by a transfer, after a kill, and when it is back. A program
// that asks for another run has it.
func TestNotifyOfOwnership(t *testing.T) {
	t.Parallel()
	c := startTellingCluster(t, `["owner", "standby"]`)
	old := c.owner()
	c.allTold(old)
	c.must(os.WriteFile(c.file(c.others(old)[0], "busy"), nil, 0o600))
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer", c.others(old)[0].Name) })
	c.allTold(next)
	c.must(next.Kill())
	c.allTold(c.movedFrom(next))
	c.told(next, "owner") // it had no time for another word
	c.must(next.Start())
	last := c.settled()
	c.allTold(last)
	c.terminate(last)
	c.allTold(c.movedFrom(last))
	c.told(last, "standby")
	for _, n := range c.Nodes {
		if lines := c.lines(n, "heard"); n != next && len(slices.Compact(slices.Clone(lines))) != len(lines) {
			t.Errorf("the fifo of %s has had the same twice in turn: %q", n.Name, lines)
		}
	}
}

// hang has the programs of all nodes hang from now on, and kills at the end those that do.
func (c tellingCluster) hang() {
	c.t.Helper()
	for _, n := range c.Nodes {
		c.must(os.WriteFile(c.file(n, "hang"), nil, 0o600))
	}
	c.t.Cleanup(func() {
		for _, n := range c.Nodes { // first, since another may begin when one is killed
			must(c.t, os.Remove(c.file(n, "hang")))
		}
		for _, n := range c.Nodes {
			for _, line := range c.lines(n, "hung") {
				if pid := pidOf(line); c.sleeps(pid) {
					must(c.t, unix.Kill(pid, unix.SIGKILL))
				}
			}
		}
	})
}

// hangs waits until a program of a node has begun to hang that was told of an event, and
// returns its number.
func (c tellingCluster) hangs(n *lab.Node, event string) (pid int) {
	c.t.Helper()
	c.eventually("the program of "+n.Name+" hangs, told of "+event, func() bool {
		for _, line := range c.lines(n, "hung") {
			if strings.HasPrefix(line, event+" ") {
				pid = pidOf(line)
				return c.sleeps(pid)
			}
		}
		return false
	})
	return pid
}

func pidOf(line string) int {
	_, text, _ := strings.Cut(line, " ")
	pid, _ := strconv.Atoi(text)
	return pid
}

// sleeps tells whether a process is a program that hangs.
func (c tellingCluster) sleeps(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && string(text) == "sleep\x00100000\x00"
}

// Neither a transfer nor a failover waits for a program that is told of it: the VIPs answer
// while the programs of who has lost them and of who has got them still hang.
func TestNotifyThatHangsKeepsNoVIP(t *testing.T) {
	t.Parallel()
	c := startTellingCluster(t, `["owner"]`, `["standby"]`)
	single := c.watchOwners()
	old := c.owner()
	c.allTold(old)
	c.hang()
	p := c.ping()
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer", c.others(old)[0].Name) })
	loser, winner := c.hangs(old, "standby"), c.hangs(next, "owner")
	p.answered()
	if !c.sleeps(loser) || !c.sleeps(winner) {
		t.Error("a program has ended that was to hang")
	}

	single()
	c.must(next.Kill()) // its program goes on hanging
	last := c.movedFrom(next)
	winner = c.hangs(last, "owner")
	p.answered()
	if !c.sleeps(winner) {
		t.Error("the program of the new owner has ended, which was to hang")
	}

	// A program that hangs keeps no perch that ends: the VIPs are elsewhere by then.
	c.must(next.Start())
	last = c.settled()
	c.terminate(last)
	c.movedFrom(last)
	p.answered()
}
