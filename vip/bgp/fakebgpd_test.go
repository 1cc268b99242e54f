package bgp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/seesaw/quagga"
)

// bgpd is a bgpd with one instance of AS 65001.
type bgpd struct {
	mu       sync.Mutex
	networks map[string]string // with the rest of the statement
	maps     map[string][]string
	in       string // the route-map that is being told
	instance bool
	vrf      bool // there is another one, of a VRF
	other    bool // the instance is of another AS
	dead     bool
	stopped  bool
	refusing string        // this command
	pace     time.Duration // of an answer
	hold     time.Duration // of the session with the neighbor
	dials    int
	said     []string
}

func newBGPD(networks ...string) *bgpd {
	d := &bgpd{instance: true, networks: map[string]string{}, maps: map[string][]string{}}
	for _, n := range networks {
		d.networks[n] = ""
	}
	return d
}

func (d *bgpd) do(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *bgpd) open() (vty, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dials++
	if d.dead {
		return nil, errUnreachable
	}
	return &connection{d: d}, nil
}

// has returns the networks that are announced.
func (d *bgpd) has() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := []string{}
	for n, rest := range d.networks {
		list = append(list, n+rest)
	}
	slices.Sort(list)
	return list
}

// lines returns what it was told.
func (d *bgpd) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.said)
}

// connection is a vty of bgpd.
type connection struct {
	d      *bgpd
	closed bool
}

func (c *connection) Close() error { c.closed = true; return nil }

func (c *connection) Command(line string) (string, error) {
	c.d.mu.Lock()
	stopped, pace := c.d.stopped, c.d.pace
	c.d.mu.Unlock()
	time.Sleep(pace)
	if stopped {
		time.Sleep(time.Second)
		return "", errors.New("i/o timeout")
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	switch {
	case c.closed || c.d.dead:
		return "", errors.New("EOF")
	case line == "router bgp" && !c.d.instance:
		return "", quagga.VTYError{Response: "% No BGP process is configured\n", Status: 13}
	case strings.HasPrefix(line, "router bgp ") && c.d.other:
		return "", quagga.VTYError{Response: "BGP is already running; AS is 65002\n", Status: 13}
	case strings.HasPrefix(line, "no network") && !c.d.announces(strings.Fields(line)[2]):
		return "", quagga.VTYError{Response: "% Can't find static route specified\n", Status: 13}
	case line == c.d.refusing:
		return "", quagga.VTYError{Response: "% Cannot do that\n", Status: 1}
	}
	c.d.said = append(c.d.said, line)
	return c.d.answer(line), nil
}

func (d *bgpd) announces(network string) bool {
	_, is := d.networks[network]
	return is
}

func (d *bgpd) answer(line string) string {
	words := strings.Fields(line)
	switch {
	case line == "write terminal":
		return d.config()
	case line == "show bgp summary json":
		return `{"ipv4Unicast":{"peers":{"10.1.0.254":{"remoteAs":65000,"state":"Established"}}}}`
	case line == "show bgp neighbors json":
		return fmt.Sprintf(`{"10.1.0.254":{"bgpState":"Established","bgpTimerHoldTimeMsecs":%d}}`, d.hold.Milliseconds())
	case strings.HasPrefix(line, "router bgp "):
		d.instance = true
	case words[0] == "route-map":
		if d.in = line; d.maps[line] == nil {
			d.maps[line] = []string{line}
		}
	case words[0] == "set":
		same := func(is string) bool { return strings.HasPrefix(is, " set "+words[1]+" ") }
		d.maps[d.in] = append(slices.DeleteFunc(d.maps[d.in], same), " "+line)
	case words[0] == "network":
		d.networks[words[1]] = strings.TrimPrefix(line, "network "+words[1])
	case strings.HasPrefix(line, "no network"):
		delete(d.networks, words[2])
	}
	return ""
}

func (d *bgpd) config() string {
	if !d.instance {
		return "!\nend\n"
	}
	var b strings.Builder
	asn := 65001
	if d.other {
		asn = 65002
	}
	fmt.Fprintf(&b, "router bgp %d\n address-family ipv4 unicast\n", asn)
	for n, rest := range d.networks {
		b.WriteString("  network " + n + rest + "\n")
	}
	b.WriteString(" exit-address-family\nexit\n")
	if d.vrf {
		b.WriteString("router bgp 65001 vrf blue\nexit\n")
	}
	for _, lines := range d.maps {
		b.WriteString(strings.Join(lines, "\n") + "\nexit\n")
	}
	return b.String()
}
