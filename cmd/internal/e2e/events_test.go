package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// eventLines is what a command prints that follows events.
type eventLines struct {
	mu   sync.Mutex
	list []events.Event
	err  error // of a line that is no event
}

// read reads events, behind a prefix in each line, until there are no more.
func (l *eventLines) read(from io.Reader, prefix string) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		text, is := strings.CutPrefix(lines.Text(), prefix)
		if !is {
			continue
		}
		var e events.Event
		err := json.Unmarshal([]byte(text), &e)
		l.mu.Lock()
		l.list = append(l.list, e)
		if err != nil && l.err == nil {
			l.err = err
		}
		l.mu.Unlock()
	}
}

func (l *eventLines) seen() ([]events.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list), l.err
}

// await waits for an event.
func (l *eventLines) await(c *cluster, what string, is func(events.Event) bool) (found events.Event) {
	c.t.Helper()
	c.eventually(what+" is an event", func() bool {
		list, err := l.seen()
		c.must(err)
		i := slices.IndexFunc(list, is)
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}

// printing starts a command in the network of a host. Its lines are events behind a prefix.
func printing(t *testing.T, at *lab.Host, cmd *exec.Cmd, prefix string) (*eventLines, func() error) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, at.Do(cmd.Start))
	l, done := &eventLines{}, make(chan struct{})
	go func() {
		defer close(done)
		l.read(out, prefix)
	}()
	wait := sync.OnceValue(func() error {
		<-done
		return cmd.Wait()
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = wait()
	})
	return l, wait
}

// outageOf returns the outage before the last move, which must be known like this.
func (c *cluster) outageOf(owner *lab.Node, known string) {
	c.t.Helper()
	if m := c.lastClaim(owner); m.OutageKnown != known || m.Outage <= 0 {
		c.t.Errorf("of the move to %s an outage of %v is known as %q, want %q: %+v", owner.Name, m.Outage, m.OutageKnown, known, m)
	}
}

func moveTo(from, to *lab.Node, why string) func(events.Event) bool {
	return func(e events.Event) bool {
		return e.Kind == events.OwnershipMoved && e.From == from.Name && e.To == to.Name && strings.Contains(e.Reason, why)
	}
}

func ofKind(kind events.Kind) func(events.Event) bool {
	return func(e events.Event) bool { return e.Kind == kind }
}

// Who follows the events of a node hears of a failure, of a hand-over and of the node's own
// restart, each once and in order, by whichever way.
func TestEventsAreFollowed(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	old := c.owner()
	viewer := c.others(old)[0]
	cmd := exec.Command(perchBinary(t), "events", "--follow", "-o", "json", "--socket", viewer.Socket())
	follower, ended := printing(t, viewer.Host, cmd, "")
	begin := follower.await(c, "the start", ofKind(events.DaemonStarted))

	c.must(old.Kill())
	now := c.movedFrom(old)
	follower.await(c, "the failover", moveTo(old, now, "nobody held the VIPs for at most "))
	c.outageOf(now, api.OutageAtMost)
	c.must(old.Start())
	c.settled()
	c.handOver(now, askedFor, func() { c.perch(viewer, "transfer", old.Name) })
	follower.await(c, "the hand-over", moveTo(now, old, "nobody held the VIPs for about "))
	c.outageOf(old, api.OutageAbout)

	c.terminate(viewer)
	stopped := follower.await(c, "the end", ofKind(events.DaemonStopped))
	c.must(viewer.Start())
	c.settled()
	follower.await(c, "the restart", func(e events.Event) bool { return e.Kind == events.DaemonStarted && e.ID.Run != begin.ID.Run })
	c.handOver(old, askedFor, func() { c.perch(viewer, "transfer", viewer.Name) })
	gained := follower.await(c, "its own taking", func(e events.Event) bool {
		return e.Kind == events.OwnershipGained && e.ID.Run != begin.ID.Run
	})
	follower.await(c, "the second hand-over", moveTo(old, viewer, askedFor))

	c.must(cmd.Process.Signal(syscall.SIGINT))
	c.must(ended())
	list, err := follower.seen()
	c.must(err)
	inOrder(t, list, stopped)
	c.streamed(viewer, stopped, gained)
}

// inOrder wants all events of two runs, each once, of which the first ends with stopped.
func inOrder(t *testing.T, list []events.Event, stopped events.Event) {
	t.Helper()
	at, moves := events.ID{Run: stopped.ID.Run}, 0
	for _, e := range list {
		switch {
		case e.Kind == events.NewRun && at == stopped.ID && e.Number == 0:
		case e.ID.Run == at.Run && e.Number == at.Number+1:
		default:
			t.Fatalf("%s, %s follows %s", e.ID, e.Kind, at)
		}
		at = e.ID
		if e.Kind == events.OwnershipMoved && e.ID.Run != stopped.ID.Run {
			moves++
		}
	}
	if at.Run == stopped.ID.Run || moves != 1 {
		t.Errorf("%d moves in the second run, which is %s; want 1, and none of the history before it", moves, at.Run)
	}
}

// streamed wants the same of a browser, which says what it had last.
func (c *cluster) streamed(n *lab.Node, stopped, gained events.Event) {
	c.t.Helper()
	follow := func(last events.ID) *eventLines {
		cmd := exec.Command("curl", "-sN", "-H", "Last-Event-ID: "+last.String(), "http://127.0.0.1:7401/events")
		l, _ := printing(c.t, n.Host, cmd, "data: ")
		return l
	}
	behind := follow(events.ID{Run: gained.ID.Run, Number: gained.Number - 1})
	first := behind.await(c, "what follows", func(events.Event) bool { return true })
	if first.ID != gained.ID || first.Kind != gained.Kind || !first.Time.Equal(gained.Time.Time) {
		c.t.Errorf("behind %d comes %+v, want %+v", gained.Number-1, first, gained)
	}
	again := follow(stopped.ID)
	again.await(c, "what follows", ofKind(events.DaemonStarted))
	if list, _ := again.seen(); list[0].Kind != events.NewRun || list[1].Kind != events.DaemonStarted {
		c.t.Errorf("behind the last run come %+v", list[:2])
	}
}
