//go:build ipvs

package balance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// With three servers of weight 1 the quorum of 2 is lost with the last of them, and needs
// all of them to come back: the hysteresis. In between the sorry server has the traffic.
// Programs are told on the owner only.
func TestPerchQuorum(t *testing.T) {
	b := newBed(t)
	b.fence = "off" // the witness has the sorry server, which answers with the VIP
	sorry := newWeb(t, b.witness, filepath.Join(tempDir(t), "sorry"))
	s := plain(dr, ipv4)
	address := s.realServer(sorry, ipv4)
	s.keys = fmt.Sprintf("omega = true\nquorum = 2\nhysteresis = 1\nsorry_server = %q\nquorum_up = %s\nquorum_down = %s\n", address, notes("up"), notes("down"))
	l := b.newBalancers("", s)
	r := b.visit(s.address())
	b.answered(r, 3)

	for i, w := range b.webs {
		must(t, w.Kill())
		if i < len(b.webs)-1 {
			l.have(deadUpTo(b, i))
		}
	}
	onlySorry := []string{s.lines(nil, nil)[0], s.line(address.String(), 1)}
	l.haveLines(onlySorry)
	for _, q := range b.answered(r, 9) {
		if q.Good() && q.By != sorry.Host.Name {
			t.Errorf("%s answered, though all but the sorry server are dead", q.By)
		}
	}
	eventually(t, "the owner is told that the quorum is lost", func() bool { return l.ownerNoted() == "down\n" })

	for i, w := range b.webs {
		must(t, w.Start())
		if i == len(b.webs)-1 {
			break
		}
		l.healthy(i + 1)
		if wrong := different(l.director(l.owner).saved(), onlySorry); wrong != "" {
			t.Errorf("with %d healthy servers:\n%s", i+1, wrong)
		}
	}
	l.have(nil)
	eventually(t, "the owner is told that the quorum is back", func() bool { return l.ownerNoted() == "down\nup\n" })
	for _, q := range b.answered(r, 9) {
		if q.By == sorry.Host.Name {
			t.Error("the sorry server answered, though all others are well")
		}
	}

	if told := l.noted(l.spare); told != "" {
		t.Errorf("%s, which owns nothing, was told: %q", l.spare.Name, told)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, l.owner.Terminate(ctx))
	if told := l.ownerNoted(); told != "down\nup\ndown\n" {
		t.Errorf("at the end of perch the owner was told %q, want the loss of the quorum after all else", told)
	}
	eventually(t, "who takes over is told of the quorum", func() bool { return l.noted(l.spare) == "up\n" })
}

// notes is a program that adds a word to a file of the node that runs it.
func notes(word string) string {
	return fmt.Sprintf(`["/bin/sh", "-c", "echo %s >>%s/noted"]`, word, folderOfNode)
}

func deadUpTo(b *bed, last int) weights {
	dead := weights{}
	for _, w := range b.webs[:last+1] {
		dead[w] = gone
	}
	return dead
}

// haveLines waits until both directors have just these lines.
func (l *balancers) haveLines(want []string) {
	l.bed.t.Helper()
	for _, n := range []*lab.Node{l.owner, l.spare} {
		l.director(n).has(want)
	}
}

// healthy waits until the owner says that so many servers of its service are.
func (l *balancers) healthy(many int) {
	l.bed.t.Helper()
	eventually(l.bed.t, fmt.Sprintf("%d servers are healthy", many), func() bool {
		status, err := l.status(l.owner)
		return err == nil && status.Services[0].Quorum.Weight == many
	})
}

// noted is what programs have noted on a node.
func (l *balancers) noted(n *lab.Node) string {
	l.bed.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.Dir, "noted"))
	if !errors.Is(err, fs.ErrNotExist) {
		must(l.bed.t, err)
	}
	return string(text)
}

// ownerNoted is that of the owner, but for a first "up": when the quorum comes up the VIPs
// may have no owner yet.
func (l *balancers) ownerNoted() string {
	l.bed.t.Helper()
	return strings.TrimPrefix(l.noted(l.owner), "up\n")
}
