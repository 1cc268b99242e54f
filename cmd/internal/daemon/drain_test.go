package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// group is the cluster around lb1 as its drainer meets it. Each entry of a list
// is for one attempt; the last one stays, and lb1 leads until it has handed over.
type group struct {
	leaders   []string // "" = none
	handOvers []error
	answers   []error // of a mark, here or by a peer
	did       []string
}

func next[T any](list *[]T) T {
	first := (*list)[0]
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	return first
}

func (g *group) drainer() drainer {
	answer := func(did string) error {
		g.did = append(g.did, did)
		return next(&g.answers)
	}
	return drainer{
		self: "lb1",
		leader: func() (string, error) {
			if g.leaders[0] == "lb1" {
				return "lb1", nil
			}
			if leader := next(&g.leaders); leader != "" {
				return leader, nil
			}
			return "", api.Moving(errors.New("no node leads"))
		},
		leads: func() bool { return g.leaders[0] == "lb1" },
		handOver: func(string) error {
			g.did = append(g.did, "hand over")
			next(&g.leaders)
			return next(&g.handOvers)
		},
		mark: func(node string, _ api.Drain) error { return answer("mark " + node) },
		ask: func(_ context.Context, leader, node string, _ api.Drain) error {
			return answer("ask " + leader + " for " + node)
		},
	}
}

func TestDrainFollowsTheLeader(t *testing.T) {
	moving := api.Moving(errors.New("moving"))
	given := api.NotNow(cluster.ErrGivenUp)
	tests := []struct {
		name string
		node string
		g    group
		want string // the error, "" = none
		did  []string
	}{
		{"a standby asks the leader", "lb3", group{leaders: []string{"lb2"}, answers: []error{nil}}, "", []string{"ask lb2 for lb3"}},
		{"a leader marks", "lb3", group{leaders: []string{"lb1"}, answers: []error{nil}}, "", []string{"mark lb3"}},
		{"no leader yet", "lb3", group{leaders: []string{"", "", "lb2"}, answers: []error{nil}}, "", []string{"ask lb2 for lb3"}},
		{
			"the leader has just lost it", "lb3",
			group{leaders: []string{"lb2", "lb3"}, answers: []error{moving, nil}},
			"",
			[]string{"ask lb2 for lb3", "ask lb3 for lb3"},
		},
		{
			"what a leader refuses is not asked again", "lb3",
			group{leaders: []string{"lb2"}, answers: []error{given}},
			"hand-over given up",
			[]string{"ask lb2 for lb3"},
		},
		{
			"the leader itself", "lb1",
			group{leaders: []string{"lb1", "lb2"}, handOvers: []error{nil}, answers: []error{nil}},
			"",
			[]string{"hand over", "ask lb2 for lb1"},
		},
		{
			"the successor is not ready", "lb1",
			group{leaders: []string{"lb1", "lb2", "lb2", "lb3"}, handOvers: []error{nil}, answers: []error{moving, moving, nil}},
			"",
			[]string{"hand over", "ask lb2 for lb1", "ask lb2 for lb1", "ask lb3 for lb1"},
		},
		{
			"leadership comes back", "lb1",
			group{leaders: []string{"lb1", "", "lb1"}, handOvers: []error{nil}, answers: []error{nil}},
			"",
			[]string{"hand over", "mark lb1"},
		},
		{
			"somebody else won than was meant to", "lb1",
			group{leaders: []string{"lb1", "lb3"}, handOvers: []error{errors.New("lb3 won instead")}, answers: []error{nil}},
			"",
			[]string{"hand over", "ask lb3 for lb1"},
		},
		{
			"nobody can take over", "lb1",
			group{leaders: []string{"lb1"}, handOvers: []error{given}},
			"drain lb1: hand-over given up",
			[]string{"hand over"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := tt.g.drainer().anywhere(t.Context(), tt.node, api.Drained)
				if got := fmt.Sprint(err); got != tt.want && (tt.want != "" || err != nil) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				if !slices.Equal(tt.g.did, tt.did) {
					t.Errorf("did %q, want %q", tt.g.did, tt.did)
				}
			})
		})
	}
}

func TestDrainGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := group{leaders: []string{""}}
		begin := time.Now()
		err := g.drainer().anywhere(t.Context(), "lb3", api.Undrained)
		if took := time.Since(begin); took != againLimit || err == nil || err.Error() != "no node leads" || !errors.Is(err, api.ErrNotNow) {
			t.Errorf("%v after %v", err, took)
		}
		g = group{leaders: []string{"lb1", ""}, handOvers: []error{nil}}
		err = g.drainer().here(t.Context(), "lb1", api.Drained)
		want := "lb1 has handed over but is not marked as drained, so that VIPs may come back to it; drain it again: no node leads"
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		begin = time.Now()
		if err := again(ctx, func() error { return api.Moving(errMoving) }); err == nil || time.Since(begin) > againPause {
			t.Errorf("%v after %v, although nobody waits for it", err, time.Since(begin))
		}
	})
}

// A leader that is dead is not one that refuses.
func TestALeaderThatDoesNotAnswerIsAboutToBeReplaced(t *testing.T) {
	dead := api.NewPeerClient(func(context.Context, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	err := askThrough(dead)(t.Context(), "lb2", "lb3", api.Drained)
	if !errors.Is(err, api.ErrMoving) || err.Error() != "node lb2 cannot be reached: connection refused" {
		t.Errorf("%v", err)
	}
}

// The library's words mean nothing to an operator.
func TestRefusalHidesTheLibrary(t *testing.T) {
	for _, err := range []error{raft.ErrNotLeader, raft.ErrLeadershipLost, raft.ErrLeadershipTransferInProgress, cluster.ErrNotLeader} {
		got := refusal(fmt.Errorf("commit to the cluster: %w", err))
		if !errors.Is(got, api.ErrMoving) || got.Error() != errMoving.Error() {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	given := fmt.Errorf("%w: lb2 did not take over (%w)", cluster.ErrGivenUp, raft.ErrLeadershipLost)
	if got := refusal(given); errors.Is(got, api.ErrMoving) || !errors.Is(got, api.ErrNotNow) {
		t.Errorf("%v would be tried again, and the VIPs go dark each time", got)
	}
	if got := refusal(cluster.ErrTransferring); !errors.Is(got, api.ErrMoving) || !strings.Contains(got.Error(), "another hand-over") {
		t.Errorf("%v", got)
	}
	if got := refusal(fmt.Errorf("commit to the cluster: %w", raft.ErrEnqueueTimeout)); !errors.Is(got, api.ErrNotNow) || errors.Is(got, api.ErrMoving) || got.Error() != errBusy.Error() {
		t.Errorf("a leader that takes nothing more: %v", got)
	}
	if disk := errors.New("disk is full"); refusal(disk) != disk || refusal(nil) != nil {
		t.Error("what is not of leadership is changed")
	}
}
