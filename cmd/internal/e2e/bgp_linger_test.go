package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// handOverTo asks for a move to a node and waits until it alone holds the VIPs.
func (r *routed) handOverTo(old, target *lab.Node) {
	r.t.Helper()
	r.perch(old, "transfer", target.Name)
	r.eventually(target.Name+" owns the VIPs", func() bool { return r.owner() == target })
}

// The old owner's route stays until the router has heard of the new owner, whose bgpd is
// slow.
func TestBGPRouteStaysUntilTheNextIsThere(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*routed){
		"another AS":  func(*routed) {},
		"the same AS": (*routed).sameAS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := prepareRouted(t, steadily)
			prepare(r)
			r.start()
			rounds := 0
			for tries := 0; rounds < 2 && tries < 10; tries++ {
				if r.moveToSlow() {
					rounds++
				}
			}
			if rounds == 0 {
				t.Error("the machine was too busy for a single round")
			}
		})
	}
}

// moveToSlow hands over to a node whose bgpd takes its time, and wants the router to have a
// way all the time. It returns false if the machine was so busy that nothing can be said.
func (r *routed) moveToSlow() bool {
	r.t.Helper()
	const slow = 300 * time.Millisecond
	old := r.settled()
	next := r.others(old)[0]
	r.settle(old)
	bgpd, now := r.speaker(next).BGPD, time.Now()
	r.must(bgpd.Freeze())
	r.handOverTo(old, next)
	time.Sleep(slow - time.Since(now)) // which is none if that took longer
	r.must(bgpd.Thaw())
	took := time.Since(now)
	r.routedTo(next)
	r.announcedBy(next)
	r.tell("slow bgpd", now)
	if took > 2*slow {
		r.t.Logf("a busy machine: bgpd was stopped for %v", took)
		return false
	}
	r.neverBroken(now)
	return true
}

// An old owner that dies, or stands still, just after it has let go is not the way that the
// router takes, not even once the new one's routes have settled.
func TestBGPOldOwnerEndsAfterTheMove(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*routed, *lab.Node){
		"SIGKILL": func(r *routed, n *lab.Node) {
			r.must(n.Kill())
			r.eventually("no placeholder is left", func() bool { return len(r.placeholders(n)) == 0 })
		},
		"SIGSTOP": func(r *routed, n *lab.Node) { r.freeze(n) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRouted(t, steadily)
			old := r.settled()
			next := r.others(old)[0]
			r.settle(old)
			now := time.Now()
			r.handOverTo(old, next)
			end(r, old)
			r.routedTo(next)
			r.settle(next)
			r.never("the router goes by "+old.Name+" too", time.Second, func() bool { return r.shared(now) })
			r.routedTo(next)
			r.tell(name, now)
		})
	}
}

// sameAS has the nodes in the AS of the router, before their speakers start.
func (r *routed) sameAS() {
	r.t.Helper()
	const file = "/run/frr/bgpd.conf"
	alike := strings.NewReplacer(
		fmt.Sprintf("router bgp %d\n", lab.RouterASN), fmt.Sprintf("router bgp %d\n", lab.NodeASN),
		fmt.Sprintf("remote-as %d\n", lab.RouterASN), fmt.Sprintf("remote-as %d\n", lab.NodeASN),
	)
	for host := range r.fabric.Speakers {
		r.must(host.Do(func() error {
			config, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, []byte(alike.Replace(string(config))), 0o644)
		}))
	}
}

// placeholders returns the devices that keep routes on a node.
func (r *routed) placeholders(n *lab.Node) (names []string) {
	r.t.Helper()
	r.must(n.Host.Do(func() error {
		all, err := net.Interfaces()
		for _, i := range all {
			if strings.HasPrefix(i.Name, "perch-bgp") {
				names = append(names, i.Name)
			}
		}
		return err
	}))
	return names
}

// VIPs that come back while their last routes are still about are routed all the time, and
// nothing is left of the moves.
func TestBGPThereAndBack(t *testing.T) {
	t.Parallel()
	r := startRouted(t, steadily)
	r.neverTwoOwners()
	one := r.settled()
	other := r.others(one)[0]
	now := time.Now()
	for range 2 {
		r.handOverTo(one, other)
		r.handOverTo(other, one)
	}
	r.routedTo(one)
	r.announcedBy(one)
	r.tell("there and back", now)
	r.neverBroken(now)
	for _, n := range r.Nodes {
		r.eventually("no placeholder is left on "+n.Name, func() bool { return len(r.placeholders(n)) == 0 })
	}
	r.neverBroken(now)
	r.routedTo(one)
}
