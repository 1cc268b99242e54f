package lab

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"
)

func TestLongestGap(t *testing.T) {
	tests := map[string]struct {
		answers    []time.Duration
		begin, now time.Duration
		want       time.Duration
	}{
		"none at all":              {nil, 5, 30, 30},
		"in the middle":            {[]time.Duration{1, 2, 12, 13}, 0, 14, 10},
		"before the window":        {[]time.Duration{1, 20, 21, 22}, 21, 23, 1},
		"begun before the window":  {[]time.Duration{1, 2, 20, 21}, 10, 22, 18},
		"lasts":                    {[]time.Duration{1, 2, 3}, 2, 50, 47},
		"lasts from before window": {[]time.Duration{1, 2, 3}, 10, 50, 47},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := longestGap(tt.answers, tt.begin, tt.now); got != tt.want {
				t.Errorf("gap %d, want %d", got, tt.want)
			}
		})
	}
}

// The kernel tells when an answer came in by the wall clock, which may be set.
func TestAnswersAreNotedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pinger{start: time.Now(), sent: make([]echo, 5)}
		wall := func(ms int) time.Time { return p.start.Add(time.Duration(ms) * time.Millisecond) }
		time.Sleep(50 * time.Millisecond)
		for _, a := range []answer{
			{counter: 0, at: wall(10)},
			{counter: 0, at: wall(11)}, // twice
			{counter: 9, at: wall(12)}, // of another pinger: it was never sent
			{counter: 2, at: wall(30)},
			{counter: 1, at: wall(-1000)}, // the clock was set back
			{counter: 4, at: wall(1000)},  // the clock was set forward
		} {
			p.note(a)
		}
		const ms = time.Millisecond
		if diff := cmp.Diff([]time.Duration{10 * ms, 30 * ms, 30 * ms, 50 * ms}, p.answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
}

func TestSinceCountsItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		p := &Pinger{start: time.Now()}
		for i := range 10 {
			p.sent = append(p.sent, echo{sent: time.Duration(i) * 10 * ms, answered: i < 6})
			if i < 6 {
				p.answers = append(p.answers, time.Duration(i)*10*ms+ms)
			}
		}
		time.Sleep(100 * ms)
		got := p.Since(p.start.Add(30 * ms))
		// The last answer came in at 51 ms; none came while Since waited for one.
		want := Outage{Gap: time.Since(p.start) - 51*ms, Sent: 7, Lost: 4, Pause: 10 * ms}
		if got != want {
			t.Errorf("Since = %+v, want %+v", got, want)
		}
	})
}

// An outage ends with the first answer after it, not with the question about it.
func TestSinceWaitsForTheNextAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		p := &Pinger{start: time.Now(), sent: make([]echo, 2)}
		time.Sleep(5 * ms)
		p.note(answer{counter: 0, at: time.Now()})
		time.Sleep(15 * ms)
		time.AfterFunc(4*ms, func() { p.note(answer{counter: 1, at: time.Now()}) })
		if got := p.Since(p.start); got.Gap != 19*ms {
			t.Errorf("gap of %s, want 19ms, from the answer before to the next one", got.Gap)
		}
	})
}

func TestOverlapsAreCertain(t *testing.T) {
	a, b := &Host{Name: "a"}, &Host{Name: "b"}
	at := time.Now()
	round := func(hasA, hasB bool) []sample {
		return []sample{{at, a, hasA}, {at, b, hasB}}
	}
	tests := map[string]struct {
		before, now []sample
		want        int
	}{
		"first round":           {nil, round(true, true), 0},
		"passed on, a to b":     {round(true, true), round(false, true), 0},
		"passed on, b to a":     {round(false, true), round(true, false), 0},
		"a took it too early":   {round(false, true), round(true, true), 1},
		"both all the time":     {round(true, true), round(true, true), 1},
		"b let go of it late":   {round(true, true), round(true, false), 1},
		"one owner":             {round(true, false), round(true, false), 0},
		"a host was added next": {round(true, false), append(round(true, false), sample{at, a, true}), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := overlaps(tt.before, tt.now); len(got) != tt.want {
				t.Errorf("%d overlaps, want %d", len(got), tt.want)
			}
		})
	}
}

func TestEchoRequestGolden(t *testing.T) {
	// Checksum by hand: 0800 + 1234 + 0007 + 0007 = 1a42, inverted e5bd.
	want := []byte{8, 0, 0xe5, 0xbd, 0x12, 0x34, 0, 7, 0, 0, 0, 0, 0, 0, 0, 7}
	if diff := cmp.Diff(want, appendEcho(nil, true, 0x1234, 7)); diff != "" {
		t.Errorf("echo request (-want +got):\n%s", diff)
	}
}

func TestParseEchoTakesOnlyOwnAnswers(t *testing.T) {
	reply := appendEcho(nil, true, 9, 1<<40)
	reply[0] = echoReply4
	if got, ok := parseEcho(reply, true, 9); !ok || got != 1<<40 {
		t.Errorf("own answer: counter %d, %v", got, ok)
	}
	bad := map[string][]byte{
		"request":    appendEcho(nil, true, 9, 1),
		"another id": func() []byte { b := appendEcho(nil, true, 8, 1); b[0] = echoReply4; return b }(),
		"short":      reply[:15],
		"empty":      nil,
	}
	for name, b := range bad {
		if _, ok := parseEcho(b, true, 9); ok {
			t.Errorf("%s is taken for an answer", name)
		}
	}
}

func TestMissingSaysWhatIsNeeded(t *testing.T) {
	const noModule = "a veth pair needs the kernel module veth (try: modprobe veth): "
	tests := map[string]struct {
		err  error
		want string
	}{
		"no support": {unix.ENOSYS, noModule + "function not implemented"},
		"no kind":    {unix.EINVAL, noModule + "invalid argument"},
		"no family":  {unix.EAFNOSUPPORT, noModule + "address family not supported by protocol"},
		"no right":   {unix.EPERM, "a veth pair needs root (CAP_NET_ADMIN): operation not permitted"},
		"no module":  {unix.EOPNOTSUPP, noModule + "operation not supported"},
		"other":      {unix.EEXIST, "make a veth pair: file exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := missing("a veth pair", tt.err)
			if err.Error() != tt.want {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			if !errors.Is(err, tt.err) {
				t.Error("the cause is not wrapped")
			}
		})
	}
}

// Questions and announcements of others are no answers.
func TestOnlyAnswersCount(t *testing.T) {
	mac, other := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	target := netip.MustParseAddr(vip6)
	tlla := []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac}}
	tests := map[string]struct {
		message ndp.Message
		want    net.HardwareAddr
	}{
		"answer":          {&ndp.NeighborAdvertisement{Solicited: true, TargetAddress: target, Options: tlla}, mac},
		"announcement":    {&ndp.NeighborAdvertisement{TargetAddress: target, Options: tlla}, nil},
		"another address": {&ndp.NeighborAdvertisement{Solicited: true, TargetAddress: target.Next(), Options: tlla}, nil},
		"question":        {(&Host{Eth0: &Link{MAC: other}}).solicitation(target), nil},
		"no MAC":          {&ndp.NeighborAdvertisement{Solicited: true, TargetAddress: target}, nil},
		"another option": {
			&ndp.NeighborAdvertisement{
				Solicited: true, TargetAddress: target,
				Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: other}},
			}, nil,
		},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, advertised(tt.message, target)); diff != "" {
			t.Errorf("%s: MAC (-want +got):\n%s", name, diff)
		}
	}
}
