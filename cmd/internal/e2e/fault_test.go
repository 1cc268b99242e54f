package e2e

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// fault is a kind of mishap that befalls a node, and its undoing, which must be right
// for a node that has ended meanwhile, too. Neither waits for the cluster.
type fault struct {
	name    string
	longest time.Duration // between the two
	strike  func(*chaos, *lab.Node) error
	heal    func(*chaos, *lab.Node) error
}

// faults holds every kind; those that come more often stand there twice.
var faults = []fault{
	{"SIGKILL, then started again", 2 * time.Second, kill, start},
	{"SIGKILL, then started again", 2 * time.Second, kill, start},
	{"SIGSTOP, then SIGCONT", 5 * time.Second, signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
	{"SIGSTOP, then SIGCONT", 5 * time.Second, signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
	{"link cut", 2 * time.Second, link((*lab.Link).Cut), link((*lab.Link).Splice)},
	{"cannot send", 2 * time.Second, link((*lab.Link).Mute), link((*lab.Link).Restore)},
	{"cannot receive", 2 * time.Second, link((*lab.Link).Deafen), link((*lab.Link).Restore)},
	{"disk full", time.Second, fillDisk, emptyDisk},
	{"SIGTERM, then started again", time.Second, signal(syscall.SIGTERM), startAgain},
	{"`perch transfer`", 50 * time.Millisecond, transfer, leave},
	{"`perch drain`, then undrain", time.Second, drain, leave}, // settle undrains
}

func leave(*chaos, *lab.Node) error { return nil }

func signal(sig syscall.Signal) func(*chaos, *lab.Node) error {
	return func(_ *chaos, n *lab.Node) error {
		if !n.Running() {
			return nil
		}
		return n.Process().Signal(sig)
	}
}

func link(do func(*lab.Link) error) func(*chaos, *lab.Node) error {
	return func(_ *chaos, n *lab.Node) error { return do(n.Host.Eth0) }
}

func kill(_ *chaos, n *lab.Node) error {
	if !n.Running() {
		return nil
	}
	return n.Kill()
}

func start(_ *chaos, n *lab.Node) error {
	if n.Running() {
		return nil
	}
	return n.Start()
}

// startAgain waits for the end of a daemon that was told to end.
func startAgain(_ *chaos, n *lab.Node) error {
	select {
	case <-n.Process().Done():
		return n.Start()
	case <-time.After(patience):
		return errors.New(n.Name + " does not end on SIGTERM")
	}
}

// fillDisk has the cluster write until something fails: else a full disk goes
// unnoticed for as long as the store has pages left.
func fillDisk(x *chaos, n *lab.Node) error {
	if err := x.disks[n].Fill(); err != nil {
		return err
	}
	by, drained := x.others(n)[0], x.others(n)[1]
	for i := range 40 {
		to := []api.Drain{api.Drained, api.Undrained}[i%2]
		if !x.tell(by, func(ctx context.Context, c *api.Client) error { return c.SetDrain(ctx, drained.Name, to) }) {
			break
		}
	}
	return nil
}

func emptyDisk(x *chaos, n *lab.Node) error { return x.disks[n].Empty() }

func transfer(x *chaos, n *lab.Node) error {
	x.tell(n, func(ctx context.Context, c *api.Client) error {
		_, err := c.Transfer(ctx, "")
		return err
	})
	return nil
}

func drain(x *chaos, n *lab.Node) error {
	x.tell(n, func(ctx context.Context, c *api.Client) error { return c.SetDrain(ctx, n.Name, api.Drained) })
	return nil
}

func (x *chaos) undrain(by *lab.Node, name string) {
	x.tell(by, func(ctx context.Context, c *api.Client) error { return c.SetDrain(ctx, name, api.Undrained) })
}

// tell gives a node a command, which it may be unable to follow just now, and returns
// whether it was.
func (x *chaos) tell(n *lab.Node, command func(context.Context, *api.Client) error) bool {
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Second)
	defer cancel()
	client := api.NewClient(n.Socket())
	defer client.CloseIdleConnections()
	err := command(ctx, client)
	if err != nil {
		x.t.Logf("%s: %v", n.Name, err)
	}
	return err == nil
}

// mishap is one fault of a plan.
type mishap struct {
	fault
	node *lab.Node
	role string        // of the node when it struck
	lag  time.Duration // after the one before it
	last time.Duration
}

func (m mishap) String() string {
	return m.name + " of " + m.node.Name + ", " + m.role + ", for " + m.last.Round(time.Millisecond).String()
}

// shortest is how long a fault lasts at least.
const shortest = 50 * time.Millisecond

// plan draws the next fault, or with one in six a pair on two nodes. The owner is hit
// as often as both others together.
func plan(rng *rand.Rand, owner *lab.Node, others []*lab.Node) []mishap {
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	victims := []*lab.Node{owner, others[0]}
	if rng.IntN(2) == 0 {
		victims[0], victims[1] = victims[1], victims[0]
	}
	if rng.IntN(6) > 0 {
		victims = victims[:1]
	}
	var mishaps []mishap
	for i, n := range victims {
		m := mishap{fault: faults[rng.IntN(len(faults))], node: n, role: "standby"}
		if n == owner {
			m.role = "owner"
		}
		if i > 0 {
			m.lag = time.Duration(rng.Int64N(int64(200 * time.Millisecond)))
		}
		// Short ones and long ones alike: the logarithm is drawn.
		m.last = time.Duration(float64(shortest) * math.Pow(float64(m.longest)/float64(shortest), rng.Float64()))
		mishaps = append(mishaps, m)
	}
	return mishaps
}
