package vip

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// epoch is when the tests of pure code begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func testVIP(i int) VIP {
	return VIP{Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 16), Interface: "eth0"}
}

// play lets a schedule run until end, and returns when which VIP was announced.
func play(s *schedule, until time.Time, sent func(VIP, time.Time)) {
	for {
		at, any := s.Deadline()
		if !any || at.After(until) {
			return
		}
		for v, ok := s.Take(at); ok; v, ok = s.Take(at) {
			sent(v, at)
			s.Sent(v, at)
		}
	}
}

func TestScheduleOfOne(t *testing.T) {
	var s schedule
	s.Start(testVIP(1), epoch)
	var got []time.Duration
	play(&s, epoch.Add(3*time.Minute), func(_ VIP, at time.Time) { got = append(got, at.Sub(epoch)) })
	want := []time.Duration{
		0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second,
		65 * time.Second, 125 * time.Second,
	}
	if !slices.Equal(got, want) {
		t.Errorf("announced at %v, want %v", got, want)
	}
}

func TestScheduleStartsAnew(t *testing.T) {
	var s schedule
	s.Start(testVIP(1), epoch)
	play(&s, epoch.Add(2*time.Second), func(VIP, time.Time) {})
	again := epoch.Add(3 * time.Second)
	s.Start(testVIP(1), again)
	var got []time.Duration
	play(&s, again.Add(2*time.Second), func(_ VIP, at time.Time) { got = append(got, at.Sub(again)) })
	want := []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("announced at %v, want %v", got, want)
	}
}

func TestScheduleStops(t *testing.T) {
	var s schedule
	s.Start(testVIP(1), epoch)
	s.Start(testVIP(2), epoch)
	s.Stop(testVIP(1))
	s.Stop(testVIP(3))
	play(&s, epoch.Add(time.Second), func(v VIP, _ time.Time) {
		if v != testVIP(2) {
			t.Errorf("%s was announced", v)
		}
	})
	s.Stop(testVIP(2))
	if at, any := s.Deadline(); any {
		t.Errorf("deadline is %v, want none", at)
	}
	if len(s.first) > 0 {
		t.Errorf("%d VIPs are remembered, want none", len(s.first))
	}
}

// TestScheduleAfterPause: what a process missed that did not run is not made up for.
func TestScheduleAfterPause(t *testing.T) {
	var s schedule
	v := testVIP(1)
	s.Start(v, epoch)
	late := epoch.Add(10 * time.Minute)
	s.Sent(v, epoch)
	count := 0
	for got, ok := s.Take(late); ok; got, ok = s.Take(late) {
		s.Sent(got, late)
		count++
	}
	if at, _ := s.Deadline(); count != 1 || !at.After(late) {
		t.Errorf("%d announcements after the pause, next at %v, want 1 and one later than %v", count, at, late)
	}
}

// TestScheduleSpreads: thousands of VIPs that start at once do not send at once,
// neither the first time nor later, and none is forgotten.
func TestScheduleSpreads(t *testing.T) {
	const n = 5000
	var s schedule
	for i := range n {
		s.Start(testVIP(i), epoch)
	}
	perMillisecond := make(map[time.Duration]int)
	perVIP := make(map[VIP]int)
	play(&s, epoch.Add(10*time.Second), func(v VIP, at time.Time) {
		perMillisecond[at.Sub(epoch).Truncate(time.Millisecond)]++
		perVIP[v]++
	})
	for at, count := range perMillisecond {
		if count > perBeat {
			t.Errorf("%d VIPs were announced in the millisecond at %v, want at most %d", count, at, perBeat)
		}
	}
	if len(perVIP) != n {
		t.Errorf("%d VIPs were announced, want %d", len(perVIP), n)
	}
	for v, count := range perVIP {
		// Where pacing holds one repeat back until the next is due they are one.
		if count < len(repeats) || count > len(repeats)+1 {
			t.Fatalf("%s was announced %d times in 10 s, want %d", v, count, len(repeats)+1)
		}
	}
}

func TestAgendaOrder(t *testing.T) {
	var a agenda
	for _, i := range []int{3, 1, 2} {
		a.Put(testVIP(i), epoch.Add(time.Duration(i)*time.Second))
	}
	a.Put(testVIP(1), epoch.Add(4*time.Second)) // moves
	if v, ok := a.Take(epoch.Add(1999 * time.Millisecond)); ok {
		t.Errorf("%s came early", v)
	}
	var got []string
	for at, any := a.Deadline(); any; at, any = a.Deadline() {
		v, ok := a.Take(at)
		got = append(got, fmt.Sprintf("%v %s %t", at.Sub(epoch), v.Address.Addr(), ok))
		a.Drop(v)
	}
	want := []string{"2s 198.18.0.2 true", "3s 198.18.0.3 true", "4s 198.18.0.1 true"}
	if !slices.Equal(got, want) {
		t.Errorf("taken %q, want %q", got, want)
	}
}

// TestAgendaAfterABurst: what is due much later is not due when the pace allows more.
func TestAgendaAfterABurst(t *testing.T) {
	var a agenda
	for i := range perBeat {
		a.Put(testVIP(i), epoch)
	}
	later := epoch.Add(time.Hour)
	for v, ok := a.Take(epoch); ok; v, ok = a.Take(epoch) {
		a.Put(v, later)
	}
	if at, any := a.Deadline(); !any || !at.Equal(later) {
		t.Errorf("deadline is %v, %t, want %v", at, any, later)
	}
}

func TestFight(t *testing.T) {
	type loss struct{ after, wait time.Duration }
	tests := []struct {
		name   string
		losses []loss // time since the loss before, and pause until the address may be put back
	}{
		{"once", []loss{{0, 0}}},
		{"first ones quick, then slower and slower", []loss{
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 100 * time.Millisecond},
			{time.Second, 200 * time.Millisecond},
			{time.Second, 400 * time.Millisecond},
			{time.Second, 800 * time.Millisecond},
			{time.Second, time.Second},
			{time.Second, time.Second},
		}},
		{"calm in between", []loss{
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 100 * time.Millisecond},
			{fightCalm, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{0, 0},
			{fightCalm - 1, 100 * time.Millisecond},
		}},
	}
	for _, test := range tests {
		var f fight
		now := epoch
		for i, l := range test.losses {
			now = now.Add(l.after)
			if got := f.Lost(now).Sub(now); got != l.wait {
				t.Errorf("%s: pause after loss %d is %v, want %v", test.name, i+1, got, l.wait)
			}
		}
	}
}

// TestFightForEver: the pause neither overflows nor exceeds a second.
func TestFightForEver(t *testing.T) {
	var f fight
	for range 1000 {
		if wait := f.Lost(epoch).Sub(epoch); wait < 0 || wait > fightMax {
			t.Fatalf("pause is %v, want at most %v", wait, fightMax)
		}
	}
}

func TestLimiter(t *testing.T) {
	var l limiter
	passed := 0
	for range 100 {
		if _, ok := l.Allow(epoch); ok {
			passed++
		}
	}
	if passed != limitBurst {
		t.Errorf("%d lines passed, want %d", passed, limitBurst)
	}
	later := epoch.Add(limitPeriod)
	if suppressed, ok := l.Allow(later); !ok || suppressed != 100-limitBurst {
		t.Errorf("after the period: %t with %d suppressed, want true with %d", ok, suppressed, 100-limitBurst)
	}
	if suppressed, ok := l.Allow(later); !ok || suppressed != 0 {
		t.Errorf("and then: %t with %d suppressed, want true with 0", ok, suppressed)
	}
}

// TestPaceNext: quick repeats that come no earlier than the last one are left out.
func TestPaceNext(t *testing.T) {
	for _, test := range []struct {
		pace Pace
		want []time.Duration
	}{
		{Pace{Delay: 200 * time.Millisecond, Refresh: time.Second}, []time.Duration{
			50 * time.Millisecond, 200 * time.Millisecond, 1200 * time.Millisecond, 2200 * time.Millisecond,
		}},
		{Pace{Delay: time.Millisecond, Refresh: time.Hour}, []time.Duration{
			time.Millisecond, time.Hour + time.Millisecond, 2*time.Hour + time.Millisecond,
		}},
		{Pace{Repeat: 1, Refresh: 2 * time.Second}, []time.Duration{2 * time.Second, 4 * time.Second}},
		{Pace{Repeat: 2, Delay: 3 * time.Second, Refresh: time.Hour}, []time.Duration{3 * time.Second}},
		{Pace{Repeat: 3, Delay: -1, Refresh: 2 * time.Second}, []time.Duration{
			50 * time.Millisecond, 200 * time.Millisecond, 2200 * time.Millisecond, 4200 * time.Millisecond,
		}},
		{Pace{Repeat: 9, Refresh: time.Hour}, []time.Duration{
			50 * time.Millisecond, 200 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second,
		}},
		{Pace{Repeat: 1, Refresh: 2 * time.Second, RefreshRepeat: 3}, []time.Duration{
			2 * time.Second, 2050 * time.Millisecond, 2100 * time.Millisecond, 4 * time.Second, 4050 * time.Millisecond, 4100 * time.Millisecond,
		}},
		{Pace{Refresh: 2 * time.Second}, []time.Duration{
			50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second, 7 * time.Second,
		}},
	} {
		now := epoch
		for _, want := range test.want {
			now = test.pace.orDefault().next(epoch, time.Time{}, now)
			if got := now.Sub(epoch); got != want {
				t.Errorf("%+v: repeat after %v, want %v", test.pace, got, want)
			}
		}
	}
}

// What Announce asks for comes besides what a take-over has begun, as often as its own
// settings say, and refreshes go on after both.
func TestScheduleAgain(t *testing.T) {
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		pace Pace
		at   []time.Duration // when it is announced again
		want []time.Duration
	}{
		"as after a take-over": {
			Pace{Repeat: 3, Delay: 2 * time.Second, Refresh: time.Hour},
			[]time.Duration{10 * time.Second},
			[]time.Duration{0, 50 * ms, 2 * time.Second, 10 * time.Second, 10050 * ms, 12 * time.Second},
		},
		"otherwise": {
			Pace{Repeat: 2, Delay: time.Second, Refresh: 10 * time.Second, AgainRepeat: 3, AgainDelay: 4 * time.Second},
			[]time.Duration{8 * time.Second},
			[]time.Duration{0, time.Second, 8 * time.Second, 8050 * ms, 12 * time.Second, 22 * time.Second},
		},
		"once": {
			Pace{Refresh: time.Hour, Repeat: 1, AgainRepeat: 1},
			[]time.Duration{3 * time.Second},
			[]time.Duration{0, 3 * time.Second},
		},
		"without a last one": {
			Pace{Refresh: time.Hour, Repeat: 1, AgainRepeat: 2, AgainDelay: -1},
			[]time.Duration{3 * time.Second},
			[]time.Duration{0, 3 * time.Second, 3050 * ms},
		},
		"never": {
			Pace{Repeat: 2, Delay: 6 * time.Second, Refresh: 10 * time.Second, AgainRepeat: -1},
			[]time.Duration{3 * time.Second, 9 * time.Second},
			[]time.Duration{0, 6 * time.Second, 16 * time.Second},
		},
		"while the take-over goes on": {
			Pace{Repeat: 2, Delay: 6 * time.Second, Refresh: time.Hour, AgainRepeat: 2, AgainDelay: time.Second},
			[]time.Duration{3 * time.Second, 5500 * ms},
			[]time.Duration{0, 3 * time.Second, 4 * time.Second, 5500 * ms, 6 * time.Second, 6500 * ms},
		},
		"again and again": { // the last row alone has its second one
			Pace{Repeat: 1, Refresh: time.Hour, AgainRepeat: 2, AgainDelay: 2 * time.Second},
			[]time.Duration{10 * time.Second, 11 * time.Second, 12 * time.Second, 13 * time.Second},
			[]time.Duration{0, 10 * time.Second, 11 * time.Second, 12 * time.Second, 13 * time.Second, 15 * time.Second},
		},
	} {
		s := newSchedule(func(VIP) Pace { return tt.pace })
		v := testVIP(1)
		s.Again(v, epoch) // nobody has it yet
		s.Start(v, epoch)
		var got []time.Duration
		for _, at := range tt.at {
			got = append(got, s.announced(at - 1)[v]...)
			s.Again(v, epoch.Add(at))
		}
		got = append(got, s.announced(25 * time.Second)[v]...)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: announced at %v, want %v", name, got, tt.want)
		}
	}
}

// Whoever is told again keeps its turn, and forgets it with the end of what was to come.
func TestScheduleAgainInTurns(t *testing.T) {
	const interval = time.Second
	s := newSchedule(func(VIP) Pace {
		return Pace{Repeat: 1, Interval: interval, AgainRepeat: 2, AgainDelay: 30 * time.Second}
	})
	for i := range 3 {
		s.Start(testVIP(i), epoch)
		s.Admits(testVIP(i), epoch)
	}
	for i := range 3 {
		s.Again(testVIP(i), epoch.Add(interval/2))
	}
	for i := 1; i < 3; i++ {
		if at := s.byVIP[testVIP(i)].at.Sub(epoch); at != time.Duration(i)*interval {
			t.Errorf("the turn of %d is at %v", i, at)
		}
	}
	got := s.announced(10 * time.Second)
	for _, i := range []int{1, 2} {
		if want := []time.Duration{time.Duration(i) * interval}; !slices.Equal(got[testVIP(i)], want) {
			t.Errorf("%d is announced at %v, want %v", i, got[testVIP(i)], want)
		}
	}
	s.Stop(testVIP(1))
	s.Start(testVIP(2), epoch.Add(11*time.Second))
	for i := range 2 {
		if _, left := s.again[testVIP(i+1)]; left {
			t.Errorf("that %d was told again is remembered", i+1)
		}
	}
}

// VIPs of one interface wait for each other, and for nobody else.
func TestScheduleInTurns(t *testing.T) {
	const interval = 10 * time.Millisecond
	s := newSchedule(func(v VIP) Pace {
		if v.Interface == "eth1" {
			return Pace{Repeat: 2}
		}
		return Pace{Repeat: 2, Interval: interval}
	})
	all := []VIP{testVIP(1), testVIP(2), testVIP(3)}
	other := testVIP(4)
	other.Interface = "eth1"
	for _, v := range append(all, other) {
		s.Start(v, epoch)
	}
	got := map[VIP][]time.Duration{}
	for end := epoch.Add(5100 * time.Millisecond); ; {
		at, _ := s.Deadline()
		if at.After(end) {
			break
		}
		for v, ok := s.Take(at); ok; v, ok = s.Take(at) {
			if s.Admits(v, at) {
				got[v] = append(got[v], at.Sub(epoch))
				s.Sent(v, at)
			}
		}
	}
	taken := map[time.Duration]bool{}
	for _, v := range all {
		if len(got[v]) != 2 {
			t.Fatalf("%s is announced at %v", v, got[v])
		}
		for _, at := range got[v] {
			taken[at] = true
		}
	}
	for _, at := range []time.Duration{0, interval, 2 * interval, 5 * time.Second, 5*time.Second + interval, 5*time.Second + 2*interval} {
		if !taken[at] {
			t.Errorf("none is announced at %v: %v", at, got)
		}
	}
	if want := []time.Duration{0, 5 * time.Second}; !slices.Equal(got[other], want) {
		t.Errorf("on another interface at %v, want %v", got[other], want)
	}
}

// Whoever is late does not make up for it by a burst.
func TestScheduleInTurnsThatAreLate(t *testing.T) {
	const interval = 10 * time.Millisecond
	s := newSchedule(func(VIP) Pace { return Pace{Interval: interval} })
	for i := range 3 {
		s.Start(testVIP(i), epoch)
		s.Admits(testVIP(i), epoch)
	}
	now := epoch.Add(time.Second)
	for i := 1; i < 3; i++ {
		for v, ok := s.Take(now); ok; v, ok = s.Take(now) {
			if s.Admits(v, now) {
				s.Sent(v, now)
				break
			}
		}
		if v, ok := s.Take(now); ok && s.Admits(v, now) {
			t.Error("another one has its turn at once")
		}
		now = now.Add(interval)
	}
}

// A rate is kept however seldom the schedule is asked, and never surpassed by more than
// what is missed in a beat.
func TestScheduleKeepsRate(t *testing.T) {
	const many = 1000
	for name, c := range map[string]struct {
		vip   func(int) VIP
		each  time.Duration
		pause time.Duration // between two looks at the schedule
	}{
		"IPv4":             {testVIP, 200 * time.Microsecond, 0},
		"IPv4, late looks": {testVIP, 200 * time.Microsecond, 700 * time.Microsecond},
		"IPv6, late looks": {testVIP6, 100 * time.Microsecond, 900 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSchedule(func(VIP) Pace { return Pace{Repeat: 1, LinkRate: 10_000} })
			var sent []time.Time
			look := func(now time.Time, v VIP) {
				if s.Admits(v, now) {
					s.Sent(v, now)
					sent = append(sent, now)
				}
			}
			for i := range many {
				s.Start(c.vip(i), epoch)
				look(epoch, c.vip(i))
			}
			for now := epoch; len(sent) < many; {
				at, _ := s.Deadline()
				now = latest(now.Add(c.pause), at)
				for v, ok := s.Take(now); ok; v, ok = s.Take(now) {
					look(now, v)
				}
			}
			if took := sent[many-1].Sub(epoch); took < (many-20)*c.each || took > (many+20)*c.each {
				t.Errorf("%d took %v, want %v", many, took, many*c.each)
			}
			const window = 10 * time.Millisecond
			most := int((window+beat)/c.each) + 1
			for i := range sent[most:] {
				if sent[i+most].Sub(sent[i]) < window {
					t.Fatalf("%d in less than %v, after %v", most+1, window, sent[i].Sub(epoch))
				}
			}
			if s.Waits() {
				t.Error("some wait still")
			}
		})
	}
}

// An interval that is longer than the rate asks for counts, and is kept to the letter.
func TestScheduleKeepsRateAndInterval(t *testing.T) {
	for pace, want := range map[Pace]time.Duration{
		{Interval: time.Millisecond, LinkRate: 1_000_000}: 0,
		{Interval: time.Microsecond, LinkRate: 1000}:      beat,
		{LinkRate: 1000}:             beat,
		{Interval: time.Millisecond}: 0,
	} {
		interval, lag := pace.gap(testVIP(0))
		if interval < time.Millisecond || lag != want {
			t.Errorf("%+v: %v, late by %v, want %v", pace, interval, lag, want)
		}
	}
}

// announced returns at what times after the epoch each VIP is announced until end.
func (s *schedule) announced(end time.Duration) map[VIP][]time.Duration {
	got := map[VIP][]time.Duration{}
	for {
		at, any := s.Deadline()
		if !any || at.After(epoch.Add(end)) {
			return got
		}
		for v, ok := s.Take(at); ok; v, ok = s.Take(at) {
			if s.Admits(v, at) {
				got[v] = append(got[v], at.Sub(epoch))
				s.Sent(v, at)
			}
		}
	}
}

// However often all are announced anew, each of them has its turn, and a take-over
// after that waits for nobody who has gone.
func TestScheduleInTurnsBeganAnew(t *testing.T) {
	const (
		interval = 100 * time.Millisecond
		many     = 50
		fight    = 60 // seconds
	)
	s := newSchedule(func(VIP) Pace { return Pace{Interval: interval} })
	all := map[VIP]int{}
	for second := range fight {
		for i := range many {
			s.Start(testVIP(i), epoch.Add(time.Duration(second)*time.Second))
		}
		for v, at := range s.announced(time.Duration(second+1)*time.Second - 1) {
			all[v] += len(at)
		}
	}
	for i := range many {
		if n := all[testVIP(i)]; n < fight/(2*many/10) {
			t.Errorf("%s is announced %d times", testVIP(i), n)
		}
	}
	for i := range many {
		s.Stop(testVIP(i))
	}
	for i := range many {
		s.Start(testVIP(i), epoch.Add(fight*time.Second))
	}
	firsts := s.announced(fight*time.Second + many*interval)
	for i := range many {
		if len(firsts[testVIP(i)]) == 0 {
			t.Errorf("%s is not announced within a round after the take-over", testVIP(i))
		}
	}
}

// The turns of those who stay are kept when others go.
func TestScheduleInTurnsOfWhoStays(t *testing.T) {
	const interval = 10 * time.Millisecond
	s := newSchedule(func(VIP) Pace { return Pace{Repeat: 1, Interval: interval} })
	for i := range 4 {
		s.Start(testVIP(i), epoch)
		s.Admits(testVIP(i), epoch)
	}
	s.Stop(testVIP(1))
	s.Start(testVIP(4), epoch)
	s.Admits(testVIP(4), epoch)
	got := s.announced(time.Second)
	for i, want := range map[int]time.Duration{2: 2 * interval, 3: 3 * interval, 4: 4 * interval} {
		if at := got[testVIP(i)]; len(at) != 1 || at[0] != want {
			t.Errorf("%d is announced at %v, want %v", i, at, want)
		}
	}
}

// Who waits for a turn waits no more when the interval goes.
func TestScheduleInTurnsThatAreNoMore(t *testing.T) {
	interval := time.Hour
	s := newSchedule(func(VIP) Pace { return Pace{Repeat: 1, Interval: interval} })
	for i := range 2 {
		s.Start(testVIP(i), epoch)
		s.Admits(testVIP(i), epoch)
	}
	interval = 0
	s.Start(testVIP(1), epoch)
	if at := s.announced(0)[testVIP(1)]; len(at) != 1 {
		t.Errorf("announced at %v", at)
	}
	if len(s.turns) != 0 {
		t.Errorf("turns %v are left", s.turns)
	}
}

func testVIP6(i int) VIP {
	return VIP{Address: netip.MustParsePrefix(fmt.Sprintf("2001:db8::%x/64", i+1)), Interface: "eth0"}
}
