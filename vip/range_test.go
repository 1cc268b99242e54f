package vip

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCheckRange(t *testing.T) {
	for prefix, want := range map[string]error{
		"198.19.0.0/20":    nil,
		"198.19.0.0/31":    nil,
		"198.0.0.0/8":      nil,
		"2001:db8:5::/64":  nil,
		"2001:db8::/32":    nil,
		"198.19.0.1/20":    errHostBits,
		"198.19.0.1/32":    errOneAddress,
		"2001:db8::1/128":  errOneAddress,
		"198.0.0.0/7":      errTooWide,
		"0.0.0.0/0":        errTooWide,
		"2000::/31":        errTooWide,
		"::/0":             errTooWide,
		"0.0.0.0/8":        errReserved,
		"127.4.0.0/16":     errReserved,
		"224.0.0.0/8":      errReserved,
		"255.255.255.0/24": errReserved,
		"169.254.7.0/24":   errReserved,
		"fe80::/64":        errReserved,
		"ff02::/64":        errReserved,
		"::/96":            errReserved,
	} {
		if err := CheckRange(netip.MustParsePrefix(prefix)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", prefix, err, want)
		}
	}
}

func TestSpoken(t *testing.T) {
	for prefix, want := range map[string]bool{
		"198.19.0.0/20": true, "198.19.0.0/31": true, "198.19.0.0/19": false, "2001:db8::/120": false,
	} {
		if got := Spoken(netip.MustParsePrefix(prefix)); got != want {
			t.Errorf("%s is spoken of: %v, want %v", prefix, got, want)
		}
	}
}

func TestRangeMessage(t *testing.T) {
	for _, prefix := range []string{"198.19.0.0/20", "2001:db8:5::/64"} {
		want := testRange(prefix).route(2)
		if got, err := parseRange(appendRange(nil, want)); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	route := appendRange(nil, testRange("198.19.0.0/20").route(2))
	changed := func(at int, to byte) []byte { b := slices.Clone(route); b[at] = to; return b }
	for name, b := range map[string][]byte{
		"a unicast route":  changed(7, unix.RTN_UNICAST),
		"the main table":   changed(4, unix.RT_TABLE_MAIN),
		"the longer table": appendUint32(slices.Clone(route), unix.RTA_TABLE, 1000),
		"one address":      changed(1, 32),
		"more bits":        changed(1, 33),
		"no destination":   route[:unix.SizeofRtMsg],
		"cut off":          route[:5],
	} {
		if a, err := parseRange(b); err == nil {
			t.Errorf("%s is the range %v", name, a)
		}
	}
}

func TestRangesOverlap(t *testing.T) {
	single := VIP{Address: netip.MustParsePrefix("198.19.0.5/16"), Interface: "eth1"}
	for name, test := range map[string]struct {
		vips []VIP
		want string
	}{
		"apart":          {[]VIP{testRange("198.19.0.0/20"), testRange("198.19.16.0/20")}, ""},
		"each other":     {[]VIP{testRange("198.19.0.0/20"), testRange("198.19.8.0/24")}, "VIP 198.19.8.0/24 eth0: overlaps 198.19.0.0/20 eth0"},
		"an address":     {[]VIP{single, testRange("198.19.0.0/20")}, "VIP 198.19.0.0/20 eth0: overlaps 198.19.0.5/16 eth1"},
		"only by subnet": {[]VIP{single, testRange("198.19.16.0/20")}, ""},
	} {
		err := checkVIPs(test.vips)
		if got := errText(err); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRangeIsHeldAndGivenUp(t *testing.T) {
	v := testRange("198.19.0.0/20")
	m, k := fakeWith(t, Options{}, []VIP{v})
	must(t, m.Set([]VIP{v}))
	if got := k.takeRequests(); got[0] != "add 198.19.0.0/20 on interface 2" || got[1] != "request 198.19.0.0" || got[2] != "request 198.19.0.1" {
		t.Errorf("taken by %v", got[:3])
	}
	if s := m.Status()[0]; !s.Held || s.Reason != "" {
		t.Errorf("status %+v", s)
	}
	must(t, m.Set(nil))
	if got := k.takeRequests(); !slices.Equal(got, []string{"del 198.19.0.0/20 on interface 2"}) {
		t.Errorf("given up by %v", got)
	}
}

// A range is no address: the one may be there beside the other, and a subnet of the same
// prefix has nothing to do with it.
func TestRangeBesideItsSubnet(t *testing.T) {
	v := testRange("198.19.0.0/20")
	other := VIP{Address: netip.MustParsePrefix("198.18.0.100/16"), Interface: "eth0"}
	m, k := fakeWith(t, Options{}, []VIP{v, other})
	k.put(2, "198.18.0.1/16")
	must(t, m.Set([]VIP{v, other}))
	must(t, m.Set(nil))
	if got := k.list(); !slices.Equal(got, []string{"198.18.0.1/16"}) {
		t.Errorf("left are %v", got)
	}
}

// What an operator has set up, or another perch has left, is taken over where it is
// wanted, and removed where it is not.
func TestRangeThatIsThere(t *testing.T) {
	v := testRange("198.19.0.0/20")
	m, k := fakeWith(t, Options{}, []VIP{v})
	k.putRoute(2, "198.19.0.0/20")
	must(t, m.Set(nil))
	if got := k.list(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
	k.putRoute(2, "198.19.0.0/20")
	k.takeRequests()
	must(t, m.Set([]VIP{v}))
	if got := k.takeRequests(); got[0] != "replace 198.19.0.0/20 on interface 2" {
		t.Errorf("taken over by %v", got[0])
	}
	must(t, m.Set(nil))
	k.putRoute(3, "198.19.0.0/20") // by another interface
	must(t, m.Set([]VIP{v}))
	if got := k.list(); !slices.Equal(got, []string{"198.19.0.0/20"}) || !m.Status()[0].Held {
		t.Errorf("there are %v", got)
	}
}

func TestRangeLeftByAPredecessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	v, other := testRange("198.19.0.0/20"), testRange("198.19.16.0/20")
	must(t, ledger(path).Write([]VIP{v}))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.putRoute(2, "198.19.0.0/20")
	m := newManager(Options{Ledger: path}, k)
	must(t, m.Configure([]VIP{other}))
	if got := k.list(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
	m.shorten()
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), `"kind": "prefix"`) || strings.Contains(string(b), "198.19.0.0") {
		t.Errorf("the ledger says %s, %v", b, err)
	}
}

func TestRangeRemovedByReload(t *testing.T) {
	v, wider := testRange("198.19.0.0/21"), testRange("198.19.0.0/20")
	m, k := fakeWith(t, Options{}, []VIP{v})
	must(t, m.Set([]VIP{v}))
	must(t, m.Configure([]VIP{wider}))
	if got := k.list(); len(got) != 0 { // another one, not the same with another length
		t.Errorf("left are %v", got)
	}
	must(t, m.Set([]VIP{wider}))
	if got := k.list(); !slices.Equal(got, []string{"198.19.0.0/20"}) {
		t.Errorf("there are %v", got)
	}
}

func TestRangeWithoutAFence(t *testing.T) {
	v := testRange("198.19.0.0/20")
	m, k := fakeWith(t, Options{NoRanges: errors.New("nothing ends it")}, []VIP{v})
	if err := m.Set([]VIP{v}); err == nil || err.Error() != "guard 198.19.0.0/20 on eth0: nothing ends it" {
		t.Errorf("taken: %v", err)
	}
	if got := k.list(); len(got) != 0 || m.Status()[0].Reason != "guard 198.19.0.0/20 on eth0: nothing ends it" {
		t.Errorf("there are %v, status %+v", got, m.Status()[0])
	}
}

// An address of this host within a range is refused with the configuration. One that
// comes later is told of.
func TestRangeWithAnAddressOfThisHost(t *testing.T) {
	v := testRange("198.19.0.0/20")
	k := newFakeKernel(ethernetLink(2, "eth0"), ethernetLink(3, "eth1"))
	k.put(3, "198.19.3.7/24")
	m := newManager(Options{}, k)
	if err := m.Configure([]VIP{v}); !errors.Is(err, ErrInvalid) ||
		err.Error() != "VIPs not valid: VIP 198.19.0.0/20 eth0: 198.19.3.7 is an address of this host" {
		t.Errorf("configured: %v", err)
	}
	must(t, k.byHand(3, "198.19.3.7/24"))
	must(t, m.Configure([]VIP{v}))
	must(t, m.Set([]VIP{v}))
	k.put(3, "198.19.3.7/24")
	must(t, m.Set([]VIP{v}))
	if s := m.Status()[0]; !s.Held || s.Reason != "198.19.3.7, an address of this host, lies within" {
		t.Errorf("status %+v", s)
	}
	must(t, m.Set(nil))
	if s := m.Status()[0]; s.Held || s.Reason != "198.19.3.7, an address of this host, lies within, and is dark here" {
		t.Errorf("status of who does not hold it %+v", s)
	}
	must(t, k.byHand(3, "198.19.3.7/24"))
	must(t, m.Set([]VIP{v}))
	if s := m.Status()[0]; s.Reason != "" {
		t.Errorf("status %+v", s)
	}
}

// A VIP of before that lies within a range makes way for it.
func TestRangeInPlaceOfAnAddress(t *testing.T) {
	single, v := vips("198.19.3.7/24")[0], testRange("198.19.0.0/20")
	m, k := fakeWith(t, Options{}, []VIP{single})
	must(t, m.Set([]VIP{single}))
	must(t, m.Configure([]VIP{v}))
	must(t, m.Set([]VIP{v}))
	if got := k.list(); !slices.Equal(got, []string{"198.19.0.0/20"}) {
		t.Errorf("there are %v", got)
	}
}
