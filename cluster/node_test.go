package cluster

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/perch-vip/perch/cluster/state"
)

// A failed disk leaves one goroutine of the library in store.must, on purpose.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/perch-vip/perch/cluster.(*store).must"))
}

func TestElectionAndFailover(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	first := g.owner()
	if err := first.Claim(first.Ownership().Term, state.Outage{}); err != nil {
		t.Fatal(err)
	}
	g.kill(first.cfg.Node)
	second := g.owner()
	outage := second.Outage(second.Ownership().Term, 0)
	if outage.Known != state.AtMost || outage.For < second.cfg.Heartbeat {
		t.Errorf("outage %+v after a failure, which is seen after %v of silence", outage, second.cfg.Heartbeat)
	}
	if err := second.Claim(second.Ownership().Term, outage); err != nil {
		t.Fatal(err)
	}
	last := second.State().History
	if move := last[len(last)-1]; move.From != first.cfg.Node || move.To != second.cfg.Node || !strings.Contains(move.Reason, "lost contact") {
		t.Errorf("history says %+v", move)
	}
	g.kill(second.cfg.Node)
	g.eventually("the last node gives up without a majority", func() bool { return len(g.owners()) == 0 })
}

func TestTransferToNamedNode(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	first := g.owner()
	for _, p := range g.peers {
		from := g.owner()
		if p.Name == from.cfg.Node {
			continue
		}
		if err := from.Claim(from.Ownership().Term, state.Outage{}); err != nil {
			t.Fatal(err)
		}
		g.eventually(p.Name+" has the log", func() bool {
			return slices.Contains(from.Candidates(), p.Name)
		})
		released := from.released.Load()
		won, err := from.Transfer(Move{To: []string{p.Name}, Reason: "asked for"})
		if err != nil || won != p.Name {
			t.Fatalf("transfer to %s: %q, %v", p.Name, won, err)
		}
		if from.released.Load() == released {
			t.Error("leadership was given away without a release")
		}
		to := g.owner()
		if to.cfg.Node != p.Name {
			t.Errorf("%s owns, want %s", to.cfg.Node, p.Name)
		}
		if outage := to.Outage(to.Ownership().Term, 0); outage.Known != state.About {
			t.Errorf("outage %+v after a hand-over from %s", outage, from.cfg.Node)
		}
	}
	if _, err := first.Transfer(Move{To: []string{"lb9"}}); !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrNoSuccessor) {
		t.Errorf("transfer to an unknown node: %v", err)
	}
}

func TestTransferRefusals(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	var others []string
	for name := range g.members {
		if name != owner.cfg.Node {
			others = append(others, name)
		}
	}
	if err := owner.SetDrained(state.Drain{Node: others[0], Drained: true}); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		others[0]:      "is drained",
		owner.cfg.Node: "leads already",
		"lb9":          "is not a node of this cluster",
	}
	for to, want := range tests {
		if _, err := owner.Transfer(Move{To: []string{to}, Reason: "asked for"}); !errors.Is(err, ErrNoSuccessor) || !strings.Contains(err.Error(), want) {
			t.Errorf("transfer to %s: %v, want %q", to, err, want)
		}
	}
	if _, err := g.members[others[0]].Transfer(Move{}); !errors.Is(err, ErrNotLeader) {
		t.Errorf("transfer on a follower: %v", err)
	}
	g.kill(others[1])
	g.eventually("no successor is left", func() bool {
		_, err := owner.Transfer(Move{Reason: "asked for"})
		return errors.Is(err, ErrNoSuccessor) && strings.Contains(err.Error(), others[0]+" is drained") &&
			strings.Contains(err.Error(), others[1]+" is not in contact")
	})
	if owner.released.Load() != 0 {
		t.Error("a refused transfer released the VIPs")
	}
}

func TestTransferOfANodeAlone(t *testing.T) {
	g := newGroup(t, 1)
	g.startAll()
	_, err := g.owner().Transfer(Move{Reason: "asked for"})
	if want := ErrNoSuccessor.Error() + ": this cluster has no other"; err == nil || err.Error() != want || !errors.Is(err, ErrNoSuccessor) {
		t.Errorf("transfer: %v, want %s", err, want)
	}
}

// A target that dies when it is told to take over leaves the old leader in
// charge, which may hold again at once.
func TestTransferGivenUp(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	target := g.others(owner)[0]
	g.eventually("the target has the log", func() bool {
		return slices.Contains(owner.Candidates(), target.cfg.Node)
	})
	term := owner.Ownership().Term
	var held bool
	die := sync.OnceFunc(func() {
		held = owner.Ownership().Leads(owner.Now())
		g.kill(target.cfg.Node)
	})
	dying := func() error { die(); return nil }
	owner.release.Store(&dying)
	_, err := owner.Transfer(Move{To: []string{target.cfg.Node}, Reason: "asked for"})
	if !errors.Is(err, ErrGivenUp) {
		t.Fatalf("transfer: %v, want ErrGivenUp", err)
	}
	if held {
		t.Error("ownership was still given while leadership was given away")
	}
	if again := g.owner(); again != owner {
		t.Errorf("%s owns, want the old leader", again.cfg.Node)
	}
	if again := owner.Ownership().Term; again == term {
		t.Error("the old leader holds again in the term in which it gave way")
	}
	g.eventually("the history tells of it", func() bool { return owner.Claim(owner.Ownership().Term, state.Outage{}) == nil })
	s := owner.State()
	if last, _ := s.Owner(); last.To != owner.cfg.Node {
		t.Errorf("history says %+v", last)
	}
}

// When the release fails, the target is not told at all.
func TestTransferWithoutReleaseDoesNotHappen(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	term := owner.Ownership().Term
	broken := errors.New("the kernel refuses")
	refused := func() error { return broken }
	owner.release.Store(&refused)
	g.eventually("a transfer is tried", func() bool {
		_, err := owner.Transfer(Move{Reason: "asked for"})
		if err == nil {
			t.Fatal("leadership was given away although the release failed")
		}
		return errors.Is(err, ErrGivenUp)
	})
	if again := g.owner(); again != owner || again.Ownership().Term != term {
		t.Errorf("%s owns in term %d, want the old leader in %d", again.cfg.Node, again.Ownership().Term, term)
	}
}

func TestStateSurvivesRestart(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	if err := owner.SetDrained(state.Drain{Node: "lb3", Drained: true}); err != nil {
		t.Fatal(err)
	}
	if err := owner.Claim(owner.Ownership().Term, state.Outage{}); err != nil {
		t.Fatal(err)
	}
	g.stop()
	g.startAll()
	again := g.owner()
	s := again.State()
	if !s.IsDrained("lb3") || len(s.History) != 1 || s.History[0].To != owner.cfg.Node {
		t.Errorf("after a restart the cluster remembers %+v", s)
	}
}

func TestNoLogTrafficWhenNothingHappens(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	if err := owner.Claim(owner.Ownership().Term, state.Outage{}); err != nil { // after the library's own first entry
		t.Fatal(err)
	}
	g.eventually("all have the log", func() bool {
		for _, m := range g.members {
			if r := m.raft.Load(); r == nil || r.LastIndex() != owner.raft.Load().LastIndex() {
				return false
			}
		}
		return true
	})
	before := owner.raft.Load().LastIndex()
	time.Sleep(2 * owner.cfg.Heartbeat)
	if after := owner.raft.Load().LastIndex(); after != before {
		t.Errorf("the log grew from %d to %d entries", before, after)
	}
}

func TestFailedDiskReleasesAndEnds(t *testing.T) {
	g := newGroup(t, 1)
	m := g.start("lb1")
	g.owner()
	delete(g.members, "lb1")
	full := errors.New("no space left on device")
	returned := make(chan struct{})
	go func() {
		_ = m.store.(*store).must(full)
		close(returned)
	}()
	err := <-m.done
	if !errors.Is(err, full) {
		t.Errorf("Run: %v, want the disk's error", err)
	}
	if m.released.Load() == 0 {
		t.Error("the VIPs were not released")
	}
	select {
	case <-returned:
		t.Error("the library heard of the error, on which it panics")
	default:
	}
	m.cancel()
}

func TestOpenRefusals(t *testing.T) {
	g := newGroup(t, 1)
	cfg := g.config("lb1")
	cfg.Node = "lb7"
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), `"lb7", is not one of its peers`) {
		t.Errorf("unknown node: %v", err)
	}
	first, err := Open(g.config("lb1"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Open(g.config("lb1")); err == nil || !strings.Contains(err.Error(), "address already in use; who has it says: ss -ltnp 'sport = :") {
		t.Errorf("port in use: %v", err)
	}
	cfg = g.config("lb1")
	cfg.Peers[0].Address = netip.AddrPortFrom(cfg.Peers[0].Address.Addr(), 0)
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "another perch daemon is using") {
		t.Errorf("data directory in use: %v", err)
	}
	cfg = g.config("lb1")
	cfg.Peers[0].Address = netip.AddrPortFrom(cfg.Peers[0].Address.Addr(), 0)
	cfg.Dir = filepath.Join(g.dir, "file")
	if err := os.WriteFile(cfg.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "create data_dir") {
		t.Errorf("data directory is a file: %v", err)
	}
}

func TestGarbageOnThePortIsCountedAndHarmless(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	target := owner.self.Address.String()
	from := func(ip string) *net.Dialer {
		return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(ip + ":0"))}
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range 2 * maxStrangers { // half open: they say nothing
		conn, err := from("127.0.0.99").Dial("tcp", target)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	g.eventually("those over the limit are refused", func() bool { return owner.Refused() >= maxStrangers })
	before := owner.Refused()
	conn, err := from(g.peers[0].Address.Addr().String()).Dial("tcp", target) // a peer's address gets in
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\n\r\n")
	io.Copy(io.Discard, conn)
	conn.Close()
	g.eventually("garbage is refused", func() bool { return owner.Refused() > before })
	if now := g.owner(); now != owner {
		t.Errorf("%s owns now: strangers deposed %s", now.cfg.Node, owner.cfg.Node)
	}
}

func TestCandidatesCanTakeOverAndComeByPriority(t *testing.T) {
	g := newGroup(t, 4)
	g.peers[0].Priority, g.peers[1].Priority, g.peers[2].Priority = 100, 200, 150
	g.peers[3].Witness = true
	g.startAll()
	g.eventually("lb1 owns", func() bool {
		owner := g.owner()
		if owner.cfg.Node == "lb1" {
			return true
		}
		_, err := owner.Transfer(Move{To: []string{"lb1"}, Reason: "asked for"})
		return err == nil
	})
	owner := g.members["lb1"]
	are := func(want ...string) func() bool {
		return func() bool { return slices.Equal(owner.Candidates(), want) }
	}
	g.eventually("both others can take over", are("lb2", "lb3"))
	if got := g.members["lb2"].Candidates(); got != nil {
		t.Errorf("one that does not lead knows %q", got)
	}
	if err := owner.SetDrained(state.Drain{Node: "lb2", Drained: true}); err != nil {
		t.Fatal(err)
	}
	g.eventually("the drained one cannot", are("lb3"))
	g.kill("lb3")
	g.eventually("the dead one cannot", are())
}

// The order is the caller's, and who cannot take over is passed over.
func TestTransferGoesByTheGivenOrder(t *testing.T) {
	g := newGroup(t, 4)
	g.startAll()
	owner := g.owner()
	claims := func(m *member) func() bool {
		return func() bool { return m.Claim(m.Ownership().Term, state.Outage{}) == nil }
	}
	g.eventually("the history tells who owns", claims(owner))
	g.eventually("all have the log", func() bool { return len(owner.Candidates()) == 3 })
	others := g.others(owner)
	last, drained, first := others[0].cfg.Node, others[1].cfg.Node, others[2].cfg.Node
	if err := owner.SetDrained(state.Drain{Node: drained, Drained: true}); err != nil {
		t.Fatal(err)
	}
	_, err := owner.Transfer(Move{To: []string{"lb9", drained}})
	if want := ": lb9 is not a node of this cluster, " + drained + " is drained"; !errors.Is(err, ErrNoSuccessor) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("transfer: %v, want %s", err, want)
	}
	to := []string{"lb9", drained, first, last}
	won, err := owner.Transfer(Move{To: to, Reason: "asked for", Cause: state.CauseHealth})
	if err != nil || won != first {
		t.Fatalf("transfer to one of %q: %q, %v, want %s", to, won, err, first)
	}
	g.eventually("the history tells of it", claims(g.owner()))
	s := g.members[first].State()
	if move, _ := s.Owner(); move.To != first || move.Reason != "asked for" || move.Cause != state.CauseHealth {
		t.Errorf("history says %+v", move)
	}
}
