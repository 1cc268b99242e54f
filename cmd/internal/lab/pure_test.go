package lab

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	tests := map[string]struct {
		err  error
		want string
	}{
		"no right":  {unix.EPERM, "a veth pair needs root (CAP_NET_ADMIN): operation not permitted"},
		"no module": {unix.EOPNOTSUPP, "a veth pair needs the kernel module veth (try: modprobe veth): operation not supported"},
		"other":     {unix.EEXIST, "make a veth pair: file exists"},
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
