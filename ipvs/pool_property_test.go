package ipvs

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// poolWalk is a pool to which anything happens.
type poolWalk struct {
	poolStage
	was       map[netip.AddrPort]bool // had a good verdict last, or was taken over
	told      map[netip.AddrPort]EventKind
	toldOfAll EventKind // of the quorum
}

func (w *poolWalk) mutate(t *rapid.T) {
	names := []string{"a", "b", "c", "d"}
	name := rapid.SampledFrom(names)
	weight := rapid.SampledFrom([]uint32{0, 1, 2, 10, 65535})
	draw := func(c *Condition) {
		switch rapid.IntRange(0, 8).Draw(t, "what") {
		case 0:
			c.Order = Order{Drain: true}
		case 1:
			n := weight.Draw(t, "ordered")
			c.Order = Order{Weight: &n}
		case 2:
			c.Order = Order{}
		case 3:
			n := weight.Draw(t, "check's")
			c.Weight = &n
		case 4:
			c.Weight = nil
		case 5:
			c.Added = rapid.SampledFrom([]int64{0, 3, -1, -10, 1 << 40}).Draw(t, "added")
		case 6:
			c.Resting = rapid.IntRange(0, 2).Draw(t, "resting")
		default:
			c.Health = rapid.SampledFrom([]Health{Unknown, Healthy, Failed}).Draw(t, "health")
		}
		c.Active = rapid.Uint32Range(0, 1).Draw(t, "active")
	}
	switch rapid.IntRange(0, 9).Draw(t, "change") {
	case 0:
		w.rules = Rules{
			StartUp:    rapid.Bool().Draw(t, "start up"),
			Quorum:     rapid.Uint32Range(0, 30).Draw(t, "quorum"),
			Hysteresis: rapid.Uint32Range(0, 10).Draw(t, "hysteresis"),
		}
		if s := rapid.SampledFrom([]string{"", "a", "s"}).Draw(t, "sorry"); s != "" {
			server := poolServer(s)
			w.rules.Sorry = &server
		}
	case 1:
		w.members = nil
		for _, name := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID[string]).Draw(t, "members") {
			m := Member{Server: poolServer(name)}
			m.Weight = weight.Draw(t, "weight")
			m.Inhibit = rapid.Bool().Draw(t, "inhibit")
			m.SlowStart = rapid.SampledFrom([]time.Duration{0, time.Millisecond, 10 * time.Second, time.Hour}).Draw(t, "slow start")
			w.members = append(w.members, m)
		}
	case 2:
		if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
			w.restart()
			w.forget()
		}
	case 3, 4:
		w.now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "pause"))
	default:
		a := poolServer(name.Draw(t, "server")).Address
		c := w.conditions[a]
		draw(&c)
		w.conditions[a] = c
	}
}

func (w *poolWalk) forget() {
	w.was, w.told, w.toldOfAll = make(map[netip.AddrPort]bool), make(map[netip.AddrPort]EventKind), ""
}

// walk takes a Step, and checks what must be so after any.
func (w *poolWalk) walk(t *rapid.T) {
	begins, wasUp := w.pool.steps == 0, w.last.Quorum.Up
	look := func(a netip.AddrPort) Condition { return w.conditions[a] }
	o := w.pool.Step(w.now, w.rules, w.members, look)

	again := w.pool.Step(w.now, w.rules, w.members, look)
	first := o
	first.Events = nil
	if diff := cmp.Diff(first, again, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Fatalf("the same once more is something new:\n%s", diff)
	}
	if len(w.pool.members) != len(w.members) {
		t.Fatalf("%d of %d members are known", len(w.pool.members), len(w.members))
	}
	w.checkTable(t, o)
	w.checkQuorum(t, o, begins, wasUp)
	w.checkEvents(t, o)
	w.checkMembers(t, o, begins)
	w.last = o
	if o.Next == 0 {
		return
	}
	if o.Next <= w.now {
		t.Fatalf("what comes next comes at %s, and now is %s", o.Next, w.now)
	}
	if early := w.pool.Step(o.Next-1, w.rules, w.members, look); !slices.Equal(early.Servers, o.Servers) || early.Next != o.Next {
		t.Fatalf("something changes before it is time: %s, was %s", poolTable(early.Servers), poolTable(o.Servers))
	}
	w.now = o.Next
	if timely := w.pool.Step(o.Next, w.rules, w.members, look); slices.Equal(timely.Servers, o.Servers) {
		t.Fatal("nothing changes when it is time")
	} else {
		w.last = timely
	}
}

// checkTable checks what the kernel gets.
func (w *poolWalk) checkTable(t *rapid.T, o Outcome) {
	for i, s := range o.Servers {
		if i > 0 && o.Servers[i-1].Address.Compare(s.Address) >= 0 {
			t.Fatalf("the table is not sorted, or has a server twice: %s", poolTable(o.Servers))
		}
		if o.Sorry && s.Address != w.rules.Sorry.Address && s.Weight > 0 {
			t.Fatalf("beside the sorry server %s gets traffic", poolName(s.Address))
		}
	}
	if o.Sorry != (!o.Quorum.Up && w.rules.Sorry != nil) {
		t.Fatal("the sorry server gets traffic at the wrong time")
	}
}

// checkQuorum weighs once more.
func (w *poolWalk) checkQuorum(t *rapid.T, o Outcome, begins, wasUp bool) {
	var live, open uint64
	for i, m := range w.members {
		switch full := uint64(w.full(m)); {
		case o.Members[i].Healthy:
			live += full
		case !w.judged(m):
			open += full
		}
	}
	q := o.Quorum
	switch {
	case live != q.Weight:
		t.Fatalf("the healthy weigh %d, not %d", live, q.Weight)
	case q.Loss < 1 || q.Loss > q.Needed || q.Needed > q.Gain:
		t.Fatalf("bounds %+v", q)
	case q.Up && (live == 0 || live+open < q.Loss):
		t.Fatalf("the quorum should be lost: %s", q)
	case !q.Up && live >= q.Gain, !q.Up && q.Open && live >= q.Needed:
		t.Fatalf("the quorum should be up: %s", q)
	case !begins && wasUp && !q.Up && live > 0 && live+open >= q.Loss:
		t.Fatalf("the quorum should have stayed: %s", q)
	case !begins && !wasUp && q.Up && live < q.Needed:
		t.Fatalf("the quorum should not have come: %s", q)
	}
}

// judged returns whether a member had a verdict as far as the pool knows.
func (w *poolWalk) judged(m Member) bool { return w.pool.members[m.Address].known }

// full is the weight that a member should have.
func (w *poolWalk) full(m Member) uint32 {
	c := w.conditions[m.Address]
	switch {
	case c.Order.Drain:
		return 0
	case c.Order.Weight != nil:
		return *c.Order.Weight
	case c.Health == Unknown && !w.judged(m):
		return m.Weight
	case c.Health == Unknown:
		c.Weight, c.Added = w.pool.members[m.Address].checkWeight, w.pool.members[m.Address].added
	}
	sum := int64(m.Weight)
	if c.Weight != nil {
		sum = int64(*c.Weight)
	}
	return uint32(min(max(sum+c.Added, 0), 65535))
}

// checkEvents checks that nobody is told the same twice.
func (w *poolWalk) checkEvents(t *rapid.T, o Outcome) {
	for a := range w.told {
		if !slices.ContainsFunc(w.members, func(m Member) bool { return m.Address == a }) {
			delete(w.told, a)
		}
	}
	for _, e := range o.Events {
		last := &w.toldOfAll
		if e.Server.IsValid() {
			kind := w.told[e.Server]
			last = &kind
		}
		if *last == e.Kind {
			t.Fatalf("%s of %s is told twice", e.Kind, e.Server)
		}
		if e.Server.IsValid() {
			w.told[e.Server] = e.Kind
		} else {
			w.toldOfAll = e.Kind
		}
	}
}

// checkMembers checks the weights in force, one by one.
func (w *poolWalk) checkMembers(t *rapid.T, o Outcome, begins bool) {
	for i, m := range w.members {
		c, status, full := w.conditions[m.Address], o.Members[i], w.full(m)
		if begins && c.Present != nil && *c.Present > 0 || c.Health == Healthy {
			w.was[m.Address] = true
		} else if c.Health == Failed {
			w.was[m.Address] = false
		}
		at := slices.IndexFunc(o.Servers, func(s Server) bool { return s.Address == m.Address })
		if at >= 0 && o.Servers[at].Weight != status.Weight || at < 0 && status.Weight != 0 {
			t.Fatalf("%s has a weight that the kernel does not have", poolName(m.Address))
		}
		if o.Sorry && w.rules.Sorry.Address == m.Address {
			continue
		}
		takenOver := c.Health == Unknown && w.pool.members[m.Address].found != nil
		switch {
		case status.Weight > full && !takenOver:
			t.Fatalf("%s has weight %d, %d at most", poolName(m.Address), status.Weight, full)
		case c.Order.Drain && status.Weight > 0:
			t.Fatalf("%s has traffic in a drain", poolName(m.Address))
		case c.Health == Failed && status.Weight > 0:
			t.Fatalf("%s has traffic, and has failed", poolName(m.Address))
		case c.Health == Healthy && full > 0 && !o.Sorry && status.Weight == 0:
			t.Fatalf("%s is healthy, and has no traffic", poolName(m.Address))
		case c.Health == Healthy && m.SlowStart == 0 && !o.Sorry && status.Weight != full:
			t.Fatalf("%s has weight %d, and should have %d", poolName(m.Address), status.Weight, full)
		case c.Health == Failed && at >= 0 && !m.Inhibit && !c.Order.Drain:
			t.Fatalf("%s has failed, and did not leave", poolName(m.Address))
		}
	}
}

// TestPoolProperties does anything to a pool, and checks each Step.
func TestPoolProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := poolWalk{poolStage: poolStage{now: time.Hour, rules: Rules{Quorum: 1}, conditions: make(map[netip.AddrPort]Condition)}}
		w.forget()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			for range rapid.IntRange(1, 4).Draw(t, "changes") {
				w.mutate(t)
			}
			w.walk(t)
		}
	})
}

// Unknown servers get nothing before their first good verdict.
func TestPoolUnknownServersWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := poolWalk{poolStage: poolStage{now: time.Hour, rules: Rules{Quorum: 1}, conditions: make(map[netip.AddrPort]Condition)}}
		w.forget()
		good := make(map[netip.AddrPort]bool)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.mutate(t)
			w.rules.StartUp, w.rules.Sorry = false, nil
			for a, c := range w.conditions {
				c.Present = nil
				w.conditions[a] = c
			}
			for _, m := range w.members {
				good[m.Address] = good[m.Address] || w.conditions[m.Address].Health == Healthy
			}
			w.walk(t)
			for _, s := range w.last.Servers {
				if !good[s.Address] {
					t.Fatalf("%s was never healthy", poolName(s.Address))
				}
			}
		}
	})
}

// A server that flaps within the hysteresis takes no quorum along.
func TestPoolOneFlapsWithinHysteresis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := poolStage{now: time.Hour, conditions: make(map[netip.AddrPort]Condition)}
		s.rules.Hysteresis = rapid.Uint32Range(1, 10).Draw(t, "hysteresis")
		s.rules.Quorum = s.rules.Hysteresis + rapid.Uint32Range(1, 20).Draw(t, "more")
		sorry := poolServer("s")
		s.rules.Sorry = &sorry
		steady := rapid.Uint32Range(s.rules.Quorum-s.rules.Hysteresis, s.rules.Quorum+s.rules.Hysteresis-1).Draw(t, "steady")
		flaps := rapid.Uint32Range(0, s.rules.Quorum+s.rules.Hysteresis-1-steady).Draw(t, "flaps")
		s.members = []Member{{Server: poolServer("a")}, {Server: poolServer("b")}, {Server: poolServer("c")}}
		s.members[0].Weight, s.members[1].Weight, s.members[2].Weight = steady, flaps, 100
		set := func(name string, h Health) { s.conditions[poolServer(name).Address] = Condition{Health: h} }
		step := func() Outcome {
			return s.pool.Step(s.now, s.rules, s.members, func(a netip.AddrPort) Condition { return s.conditions[a] })
		}
		set("a", rapid.SampledFrom([]Health{Healthy, Failed}).Draw(t, "at first"))
		set("b", Failed)
		set("c", rapid.SampledFrom([]Health{Healthy, Failed}).Draw(t, "up or down"))
		step()
		set("a", Healthy)
		set("c", Failed)
		up := step().Quorum.Up
		for range 6 {
			set("b", rapid.SampledFrom([]Health{Healthy, Failed, Unknown}).Draw(t, "flap"))
			if o := step(); o.Quorum.Up != up {
				t.Fatalf("%s", o.Quorum)
			}
		}
	})
}

func TestRampGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over := time.Duration(rapid.Int64Range(1, int64(1000*time.Hour)).Draw(t, "over"))
		full := rapid.Uint32Range(1, math.MaxUint32).Draw(t, "full")
		r := ramp{on: true, since: time.Minute}
		weight, next := r.weight(r.since, over, full)
		if weight != 1 && over > 0 {
			t.Fatalf("it begins with %d", weight)
		}
		last, steps := weight, 0
		for ; next != 0; steps++ {
			if weight, next = r.weight(next, over, full); weight <= last {
				t.Fatalf("%d after %d", weight, last)
			}
			last = weight
		}
		if weight != full || steps > rampSteps || r.on && full > 1 {
			t.Fatalf("it ends with %d of %d after %d steps", weight, full, steps)
		}
	})
}

func TestPoolAllocations(t *testing.T) {
	var p Pool
	n := uint32(7)
	members := make([]Member, 10)
	for i := range members {
		members[i].Server = poolServer(fmt.Sprint(i))
		members[i].Weight = 10
	}
	rules := Rules{Quorum: 1000}
	step := func() {
		p.Step(time.Hour, rules, members, func(netip.AddrPort) Condition {
			return Condition{Health: Healthy, Reason: "200 OK", Weight: &n, Added: 2}
		})
	}
	step()
	if got := testing.AllocsPerRun(100, step); got > 5 {
		t.Errorf("a Step with nothing new allocates %v times", got)
	}
}
