package fence

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRanges(t *testing.T) {
	for name, test := range map[string]struct{ prefixes, want string }{
		"none":          {"", ""},
		"hosts":         {"198.18.0.9/32 198.18.0.2/32", "198.18.0.2-198.18.0.2 198.18.0.9-198.18.0.9"},
		"host bits":     {"198.18.1.7/24", "198.18.1.0-198.18.1.255"},
		"twice":         {"198.18.0.2/32 198.18.0.2/32", "198.18.0.2-198.18.0.2"},
		"within":        {"198.18.1.5/32 198.18.1.0/24 198.18.1.255/32", "198.18.1.0-198.18.1.255"},
		"touching":      {"198.18.0.3/32 198.18.0.2/32 198.18.0.4/31", "198.18.0.2-198.18.0.2 198.18.0.3-198.18.0.3 198.18.0.4-198.18.0.5"},
		"both families": {"2001:db8::1/128 255.255.255.255/32 ::/127", "255.255.255.255-255.255.255.255 ::-::1 2001:db8::1-2001:db8::1"},
		"all":           {"::/0 0.0.0.0/0", "0.0.0.0-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		t.Run(name, func(t *testing.T) {
			var prefixes []netip.Prefix
			for _, p := range strings.Fields(test.prefixes) {
				prefixes = append(prefixes, netip.MustParsePrefix(p))
			}
			ranges, err := rangesOf(prefixes)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range ranges {
				got = append(got, r.String())
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRangesOfNothing(t *testing.T) {
	for _, p := range []netip.Prefix{
		{},
		netip.PrefixFrom(netip.MustParseAddr("::ffff:198.18.0.1"), 128),
	} {
		if ranges, err := rangesOf([]netip.Prefix{p}); err == nil {
			t.Errorf("%v became %v", p, ranges)
		}
	}
}

// TestElements turns ranges into the elements of sets and back.
func TestElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefixes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix {
			if rapid.Bool().Draw(t, "IPv4") {
				addr := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
				return netip.PrefixFrom(addr, rapid.IntRange(20, 32).Draw(t, "bits"))
			}
			addr := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.ByteRange(0xfe, 0xff), 16, 16).Draw(t, "address")))
			return netip.PrefixFrom(addr, rapid.IntRange(100, 128).Draw(t, "bits"))
		}), 0, 20).Draw(t, "prefixes")
		ranges, err := rangesOf(prefixes)
		if err != nil {
			t.Fatal(err)
		}
		back := append(rangesIn(elementsOf(setVIP4, ranges)), rangesIn(elementsOf(setVIP6, ranges))...)
		if want, got := fmt.Sprint(ranges), fmt.Sprint(back); want != got {
			t.Fatalf("%s became %s", want, got)
		}
	})
}

// TestDifference gets from any ranges to any others, and no step overlaps what is
// there at the time, or takes away what stays.
func TestDifference(t *testing.T) {
	prefixes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix {
		addr := netip.AddrFrom4([4]byte{198, 18, 0, rapid.Byte().Draw(t, "address")})
		return netip.PrefixFrom(addr, rapid.IntRange(27, 32).Draw(t, "bits"))
	}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		before, _ := rangesOf(prefixes.Draw(t, "before"))
		after, _ := rangesOf(prefixes.Draw(t, "after"))
		d := differenceOf(before, after)
		have := without(before, d.swapOut)
		for _, r := range append(d.swapIn, d.come...) {
			if overlapsAny(r, have) {
				t.Fatalf("%s overlaps", r)
			}
			have = merged(append(have, r))
		}
		if have := without(have, d.gone); fmt.Sprint(have) != fmt.Sprint(after) {
			t.Fatalf("from %s to %s: %s", before, after, have)
		}
	})
}
