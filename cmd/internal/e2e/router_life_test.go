package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// However soon after its start it is stopped, it ends in good order and leaves nothing.
func TestRouterStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(router("gw", 51, 255, "198.18.0.101/24", append(masterPaths, "virtual_mac = true")...), staticPaths)
	before := sysctls(t, n.Host)
	for starts := range 15 {
		must(t, n.Start())
		s.eventually("it has begun", func() bool { return strings.Count(n.log(), "msg=fence") > starts })
		after := time.Duration(starts) * 10 * time.Millisecond
		time.Sleep(after)
		s.stop(n)
		if n.has("198.18.0.101") || n.has("198.18.0.110") || hasLink(t, n.Host, "vrrp.51") || len(paths(t, n.Host)) > 0 {
			t.Fatalf("stopped %s after its start it left something behind: %q", after, paths(t, n.Host))
		}
	}
	if list := differs(before, sysctls(t, n.Host)); len(list) > 0 {
		t.Errorf("sysctls: %q", list)
	}
}

// A daemon started by mistake beside the one that runs ends before it touches anything.
func TestRouterSecondDaemonChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	n, second := s.nodes[0], s.nodes[1]
	for _, each := range s.nodes {
		each.write(router("gw", 51, 100, "198.18.0.101/24", append(masterPaths, "virtual_mac = true")...), staticPaths)
	}
	s.start(n)
	s.pathsAre(n, ofMaster, ofStatic)
	s.hasJust(n, "198.18.0.101 198.18.0.110", "")
	left, since := departures(t, n.Host, "198.18.0.101"), n.router("gw").Since
	out, said, code := n.run("serve", "-c", second.config())
	if code != 1 || !strings.Contains(said, "another perch runs in this network namespace") {
		t.Errorf("a second daemon exits with %d, says %q and %q", code, out, said)
	}
	s.answeredFrom("198.18.0.101", virtual4)
	if now := n.router("gw"); left() > 0 || !now.Since.Equal(since) || now.State != api.StateMaster {
		t.Errorf("the address went %d times; the router: %+v", left(), now)
	}
	s.pathsAre(n, ofMaster, ofStatic)
}

// A config may have nothing but what is static.
func TestRouterStaticAlone(t *testing.T) {
	t.Parallel()
	s, n := alone(t, staticPaths)
	s.pathsAre(n, ofStatic)
	s.hasJust(n, "198.18.0.110", "")
	s.answeredBy("198.18.0.110", n)
	status, err := n.status()
	must(t, err)
	if len(status.VRRP) > 0 || status.Promise != "" || status.Cluster != nil || status.Static == nil || len(status.Warnings) > 0 {
		t.Errorf("status: %+v", status)
	}
	// It has virtual routers as soon as a reload says so, and may lose the last one.
	for range 2 {
		n.reloads([]string{"198.18.0.101/24 eth0"}, nil, router("gw", 51, 100, "198.18.0.101/24"), staticPaths)
		s.hasJust(n, "198.18.0.101 198.18.0.110", "")
		s.answeredBy("198.18.0.101", n)
		n.reloads(nil, []string{"198.18.0.101/24 eth0"}, staticPaths)
		s.hasJust(n, "198.18.0.110", "198.18.0.101")
		if macs := s.answering("198.18.0.101"); len(macs) > 0 {
			t.Errorf("%v answers for an address that was removed", macs)
		}
	}
	s.stop(n)
	if left := paths(t, n.Host); n.has("198.18.0.110") || len(left) > 0 {
		t.Errorf("it was stopped and left %q behind; its address: %v", left, n.has("198.18.0.110"))
	}
}

// A device with a virtual MAC that somebody removes comes back with all that is on it.
func TestRouterDeviceRemovedByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(withVirtualMACs(100))
	before := sysctls(t, n.Host)
	s.start(n)
	for range 2 {
		s.hasJust(n, "198.18.0.101 2001:db8::101", "")
		s.answeredFrom("198.18.0.101", virtual4)
		s.answeredFrom("2001:db8::101", virtual6)
		on(t, n.Host, "vrrp.51", netlink.LinkDel)
		on(t, n.Host, "vrrp6.51", netlink.LinkDel)
	}
	s.hasJust(n, "198.18.0.101 2001:db8::101", "")
	s.answeredFrom("198.18.0.101", virtual4)
	s.answeredFrom("2001:db8::101", virtual6)
	s.stop(n)
	if list := differs(before, sysctls(t, n.Host)); len(list) > 0 {
		t.Errorf("sysctls: %q", list)
	}
}

// An interface that has the name of a device belongs to somebody else, and is not used.
func TestRouterDeviceNameTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(withVirtualMACs(100))
	for _, stops := range []bool{false, true} {
		must(t, n.Host.Do(func() error {
			return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "vrrp.51"}})
		}))
		on(t, n.Host, "vrrp.51", netlink.LinkSetUp)
		s.start(n)
		s.hasJust(n, "2001:db8::101", "198.18.0.101")
		s.stateIs(n, "four", api.StateFault, "device vrrp.51 on eth0: name is taken by another interface: a bridge")
		s.never("it takes the address", time.Second, func() bool { return n.has("198.18.0.101") })
		if stops {
			s.stop(n)
			on(t, n.Host, "vrrp.51", netlink.LinkDel) // which is there
			continue
		}
		on(t, n.Host, "vrrp.51", netlink.LinkDel)
		s.hasJust(n, "2001:db8::101 198.18.0.101", "")
		s.answeredFrom("198.18.0.101", virtual4)
		s.stop(n)
	}
}
