package daemon

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// heldLab is a balancer with a service of a VIP whose checks are made while it is held, and
// another one that has check "b", too.
type heldLab struct {
	*lab
	machine map[netip.Addr]bool
	eases   int
	resting []string
}

func newHeldLab(t *testing.T) *heldLab {
	l := &heldLab{lab: newBalancerLab(t)}
	l.cfg.Services[0].WhileHeld, l.cfg.Services[0].Start = true, "up"
	l.where = whereabouts{labVIP: elsewhere}
	l.ease = func(names map[string]bool) {
		l.eases++
		l.resting = slices.Sorted(maps.Keys(names))
	}
	l.lab.machine = func() (map[netip.Addr]bool, error) { return l.machine, nil }
	return l
}

func (l *heldLab) wantResting(t *testing.T, when string, names ...string) {
	t.Helper()
	if l.step(); !slices.Equal(l.resting, names) {
		t.Errorf("%s: checks %q rest, want %q", when, l.resting, names)
	}
}

func TestServersAreLookedAtWhileHeld(t *testing.T) {
	l := newHeldLab(t)
	l.wantResting(t, "elsewhere", "a", "b")
	l.where = whereabouts{labVIP: here}
	l.wantResting(t, "here")
	eases := l.eases
	l.wantResting(t, "here still")
	if l.eases != eases {
		t.Error("nothing was new, and the checks were set again")
	}
	l.where = whereabouts{labVIP: releasing}
	l.wantResting(t, "in the kernel yet")
	l.where = whereabouts{labVIP: elsewhere}
	l.wantResting(t, "given up", "a", "b")
	l.reloads(func(c *config.Config) { c.Services[0].WhileHeld = false })
	l.wantResting(t, "always")
}

func TestWhoWantsACheckHasItMade(t *testing.T) {
	l := newHeldLab(t)
	l.reloads(func(c *config.Config) {
		other := webService("other")
		other.Addresses, other.Servers = addrPorts("198.18.0.2:80"), other.Servers[1:]
		c.Services = append(c.Services, other)
	})
	l.wantResting(t, "b is of another service", "a")
}

// Addresses that perch does not move are looked for on the interfaces.
func TestAddressesOfOthersAreSeenOnTheMachine(t *testing.T) {
	l := newHeldLab(t)
	l.where = whereabouts{netip.MustParseAddr("198.18.0.9"): here}
	l.wantResting(t, "on no interface", "a", "b")
	if next := l.step(); next > heldEvery {
		t.Errorf("it is looked for again after %s", next)
	}
	l.machine = map[netip.Addr]bool{labVIP: true}
	l.wantResting(t, "on an interface")
	l.machine = nil
	l.wantResting(t, "gone", "a", "b")
	l.lab.machine = func() (map[netip.Addr]bool, error) { return nil, errors.New("interrupted") }
	l.wantResting(t, "not known")
}

// While nobody looks all stays as it was: a server that was bad is not used by a take-over,
// and one that was well is until a look says otherwise.
func TestTakeoverKnowsWhatWasFoundLast(t *testing.T) {
	l := newHeldLab(t)
	rests := &verdict{state: undecided, resting: true}
	l.verdicts = verdicts{"a": rests, "b": rests}
	l.step()
	l.want(t, "never looked at", "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1")
	l.where = whereabouts{labVIP: here}
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: passed}}
	l.step()
	l.want(t, "here", "tcp 198.18.0.1:80: 10.0.0.2:80 1")
	l.where = whereabouts{labVIP: elsewhere}
	l.verdicts = verdicts{"a": rests, "b": rests}
	l.step()
	l.want(t, "elsewhere", "tcp 198.18.0.1:80: 10.0.0.2:80 1")
	if members := l.services[0].decided.outcome.Members; members[1].Reason != "not looked at now" {
		t.Errorf("of one that is not looked at it is said %q", members[1].Reason)
	}
	l.where = whereabouts{labVIP: here}
	l.verdicts = verdicts{"a": {}, "b": {}}
	l.step()
	l.want(t, "before the first look", "tcp 198.18.0.1:80: 10.0.0.2:80 1")
	l.verdicts = verdicts{"a": {state: passed}, "b": {state: failed}}
	l.step()
	l.want(t, "after it", "tcp 198.18.0.1:80: 10.0.0.1:80 1")
}

// Checks that another service has, too, go on. Once they find a server well again it is as it
// was before: a take-over finds it there, unless it was bad.
func TestTakeoverFindsServersThatAreWellAgain(t *testing.T) {
	l := newHeldLab(t)
	l.cfg.Services[0].Servers[0].Checks = append(l.cfg.Services[0].Servers[0].Checks, config.Track{Check: "shared"})
	l.cfg.Services[0].Servers[1].Checks = append(l.cfg.Services[0].Servers[1].Checks, config.Track{Check: "shared"})
	at := func(when string, where place, held, shared *verdict, want string) {
		t.Helper()
		l.where = whereabouts{labVIP: where}
		l.verdicts = verdicts{"a": held, "b": held, "shared": shared}
		l.step()
		l.want(t, when, want)
	}
	const both, none = "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1", "tcp 198.18.0.1:80:"
	rests, opens, good, bad := &verdict{resting: true}, &verdict{}, &verdict{state: passed}, &verdict{state: failed}
	at("never looked at", elsewhere, rests, good, both)
	at("one fails", elsewhere, rests, bad, none)
	at("it is made anew", elsewhere, rests, opens, none)
	at("it is well again", elsewhere, rests, good, both)
	at("taken over", here, opens, good, both)
	at("bad", here, bad, good, none)
	at("bad, elsewhere", elsewhere, rests, good, none)
	at("bad, and one fails", elsewhere, rests, bad, none)
	at("bad, and it is well again", elsewhere, rests, good, none)
	at("bad, taken over", here, opens, good, none)
}

// A check that rests is not made and has no verdict; afterwards it looks at once.
func TestChecksThatRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		schedule := checker.Schedule{Interval: time.Minute, Rise: 1, Fall: 1, Timeout: time.Second}
		late := schedule
		late.Warmup = time.Hour
		c := &checks{runner: checker.NewRunner(checker.Options{})}
		c.setResting(map[string]bool{"held": true})
		c.set([]checker.Entry{
			{Name: "always", Checker: alwaysWell{}, Schedule: schedule},
			{Name: "held", Checker: alwaysWell{}, Schedule: late},
		})
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- c.runner.Run(ctx) }()
		want := func(when string, state judgement, resting bool) {
			t.Helper()
			synctest.Wait()
			c.hear()
			if v := c.all().of("held"); v.state != state || v.resting != resting {
				t.Errorf("%s: the verdict is %+v", when, v)
			}
			if v := c.all().of("always"); v.state != passed {
				t.Errorf("%s: the other verdict is %+v", when, v)
			}
		}
		time.Sleep(2 * time.Hour)
		want("at first", undecided, true)
		c.setResting(nil)
		want("awake", passed, false)
		c.setResting(map[string]bool{"held": true})
		want("asleep again", undecided, true)
		looks := func() uint64 { return c.runner.Status()[0].Looks }
		before := looks()
		time.Sleep(time.Hour)
		synctest.Wait()
		if looks() == before || len(c.runner.Status()) != 1 {
			t.Errorf("the other was looked at %d times, then %d; %d checks are made", before, looks(), len(c.runner.Status()))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestChecksRestAtFirst(t *testing.T) {
	held, always := webService("held"), webService("always")
	held.WhileHeld = true
	always.Servers = always.Servers[:1]
	if got := restingAtFirst([]config.Service{held, always}); !maps.Equal(got, map[string]bool{"b": true}) {
		t.Errorf("%v rest", got)
	}
}

func TestMachineHasLoopback(t *testing.T) {
	addresses, err := machineAddresses()
	if err != nil {
		t.Fatal(err)
	}
	if !addresses[netip.MustParseAddr("127.0.0.1")] {
		t.Errorf("of this machine are %v", addresses)
	}
}
