package clock

import (
	"io/fs"
	"math"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestWarnings(t *testing.T) {
	self, other := netip.MustParseAddr("198.18.0.2"), netip.MustParseAddr("198.18.0.9")
	asked := func(r Reading) Status {
		return Status{MaxOffset: 100 * time.Millisecond, Asked: "lb1", View: View{SelfAddress: self}, Reading: r}
	}
	inRing := func(led time.Duration, r Reading) Status {
		s := asked(r)
		s.At = s.Since.Add(led)
		return s
	}
	const ms = time.Millisecond
	for _, tt := range []struct {
		name   string
		status Status
		want   []string
	}{
		{"well", asked(Reading{Offset: 100 * ms, From: other}), nil},
		{"not asked yet", Status{Reading: Reading{Offset: time.Hour}}, nil},
		{"ahead", asked(Reading{Offset: 1234567 * time.Microsecond}), []string{
			"clock: this node's is 1.23s ahead of lb1's, and max_offset is 100ms: see `chronyc tracking` on both",
		}},
		{"behind", asked(Reading{Offset: -101 * ms}), []string{
			"clock: this node's is 101ms behind lb1's, and max_offset is 100ms: see `chronyc tracking` on both",
		}},
		{"the way may account for it", asked(Reading{Offset: -120 * ms, RoundTrip: 40 * ms}), nil},
		{"the way does not account for it", asked(Reading{Offset: -121 * ms, RoundTrip: 40 * ms}), []string{
			"clock: this node's is 121ms behind lb1's, and max_offset is 100ms: see `chronyc tracking` on both",
		}},
		{"silent, and no file", Status{Asked: "lb1", Silent: "no answer", Trouble: "F is not as it should be"}, []string{
			"clock: F is not as it should be; docs/clock.md has the rights that perch needs",
			"clock: lb1 leads and does not serve time (no answer): have its chronyd run, with `allow` for this node in its chrony.conf",
		}},
		{"not to be asked", Status{Asked: "lb1", Silent: "socket: too many open files", Unasked: true}, []string{
			"clock: lb1 leads and cannot be asked for the time: socket: too many open files",
		}},
		{"unsynchronized, whatever it says", asked(Reading{Unsynchronized: "invalid stratum", Offset: time.Hour}), []string{
			"clock: lb1 leads and does not know the time itself (invalid stratum): give its chronyd a source, or `local`",
		}},
		{"in a ring", inRing(20*time.Minute, Reading{From: self, Age: 18 * time.Minute}), []string{
			"clock: lb1 leads and takes its time from this node: take this one out of its chrony.conf",
		}},
		{"it followed this node before it led", inRing(20*time.Minute, Reading{From: self, Age: 21 * time.Minute}), nil},
		{"it may not have heard yet that it leads", inRing(20*time.Minute, Reading{From: self, Age: 19 * time.Minute}), nil},
	} {
		if got := tt.status.Warnings(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 1234567: "1.23ms", 2*time.Hour + 3*time.Second: "2h0m0s", -1234 * time.Millisecond: "-1.23s",
		math.MaxInt64: "2561111h6m40s", math.MinInt64: "-2561111h6m40s", 56 * 365 * 24 * time.Hour: "491666h40m0s",
	} {
		if got := Round(d).String(); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

// A path is named once.
func TestTroubleNamesItsPathOnce(t *testing.T) {
	refused := &fs.PathError{Op: "remove", Path: "/s/F", Err: syscall.EROFS}
	for got, want := range map[string]string{
		misplaced("/s/F", refused): "/s/F is not as it should be: read-only file system",
		misplaced("/s/F", &fs.PathError{Op: "write to", Path: "/s", Err: syscall.EACCES}):             "/s/F is not as it should be: write to /s: permission denied",
		unread("/s/F", "/bin/C", &fs.PathError{Op: "fork/exec", Path: "/bin/C", Err: syscall.ENOENT}): "chronyd does not read /s/F, as /bin/C reload sources fails: no such file or directory",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
