package e2e

import (
	bin "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// flood sends all frames in turn, some thousands a second, until the end.
func (f *forger) flood(t *testing.T, from *lab.Host) (end func() (sent int)) {
	t.Helper()
	var fd int
	must(t, from.Do(func() (err error) {
		fd, err = packetSocket("eth0")
		return err
	}))
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sent := 0
	sending.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range 4 {
				if _, err := unix.Write(fd, f.frames[sent%len(f.frames)]); err == nil {
					sent++
				}
			}
		}
	})
	once := sync.OnceValue(func() int {
		close(stop)
		sending.Wait()
		unix.Close(fd)
		return sent
	})
	t.Cleanup(func() { once() })
	return once
}

// floodedRouters is one router of each kind.
func floodedRouters(t *testing.T, n *station, priority int) string {
	t.Helper()
	const calm = `advert_interval = "500ms"` // a busy machine may be late by some of a lease
	text := router("plain", 51, priority, "198.18.0.101/24", calm) + router("six", 51, priority, "2001:db8::101/64", calm)
	for i, kind := range []string{"pass", "ah", "hmac"} {
		file := filepath.Join(n.Dir, kind+".secret")
		must(t, os.WriteFile(file, []byte(someSecrets[kind]), 0o600))
		lines := secretLines(kind, file)
		if kind == "hmac" {
			lines = append(lines, calm)
		}
		text += router(kind, 52+i, priority, fmt.Sprintf("198.18.0.%d/24", 102+i), lines...)
	}
	return text
}

const flooded = "198.18.0.101 198.18.0.102 198.18.0.103 198.18.0.104 2001:db8::101"

// Whatever is thrown at virtual routers that is no good advert, they go on as if it
// were not there, and count it.
func TestRouterFlood(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	master, backup := s.nodes[0], s.nodes[1]
	const listening = "log_unknown_vrids = true\n"
	master.write(listening, floodedRouters(t, master, 200))
	backup.write(listening, floodedRouters(t, backup, 100))
	for _, n := range s.nodes {
		s.hasLinkLocal(n)
	}
	s.start(master, backup)
	s.hasJust(master, flooded, "")
	s.hasJust(backup, "", flooded)
	before := map[*station]map[string]api.VirtualRouter{master: routersOf(master), backup: routersOf(backup)}

	f := newForger(s.nodes)
	isAdvert := func(f frame) bool { _, ok := advertOf(f); return ok }
	adverts, others := s.net.sniff(t, master.Host, isAdvert), s.net.sniff(t, backup.Host, isAdvert)
	end, began := f.flood(t, s.net.client), time.Now()
	for _, n := range s.nodes {
		f.counted(s, n)
		s.eventuallySays(n.Name+" names a VRID that it does not have", func() bool { return slices.Contains(n.unknown(), 99) })
	}
	s.never("the flood moves an address", 2*time.Second, func() bool { return !master.has("198.18.0.101") || backup.has("198.18.0.101") })
	s.eventually("there are adverts enough", func() bool { return time.Since(began) > 3*time.Second })
	s.keepTheBeat(adverts.take())
	if n := len(others.take()); n > 0 {
		t.Errorf("%s sent %d adverts as a backup", backup.Name, n)
	}
	for n, was := range before {
		unmoved(t, n, was)
		for name := range f.reasons {
			t.Logf("%s of %s refused: %v", name, n.Name, n.router(name).Adverts.Dropped)
		}
	}

	// A backup whose timers were touched would not take over while it goes on.
	must(t, master.Kill())
	s.hasJust(backup, flooded, "")
	since := routersOf(backup)
	s.never("the flood takes an address away", time.Second, func() bool { return !backup.has("198.18.0.101") })
	unmoved(t, backup, since)
	sent := end()
	for _, n := range s.nodes {
		lines := strings.Count(n.log(), "another router does not fit")
		t.Logf("%s logged %d lines about %d frames", n.Name, lines, sent)
		if most := 5 * mostSaid * (1 + int(time.Since(began)/time.Minute)); lines > most {
			t.Errorf("%s logged %d lines about the flood, at most %d are allowed", n.Name, lines, most)
		}
		lines = strings.Count(n.log(), "a VRID is heard")
		if most := mostSaid * (1 + int(time.Since(began)/time.Minute)); lines > most {
			t.Errorf("%s logged %d lines about VRIDs that it does not have, at most %d are allowed", n.Name, lines, most)
		}
	}
}

// mostSaid is how many senders that do not fit a router logs in a minute, however many
// there are.
const mostSaid = 16

func routersOf(n *station) map[string]api.VirtualRouter {
	n.t.Helper()
	status, err := n.status()
	must(n.t, err)
	byName := map[string]api.VirtualRouter{}
	for _, r := range status.VRRP {
		byName[r.Name] = r
	}
	return byName
}

// counted waits until the node has counted refusals for every reason that there is.
func (f *forger) counted(s *site, n *station) {
	s.t.Helper()
	for router, reasons := range f.reasons {
		for reason := range reasons {
			s.eventuallySays(fmt.Sprintf("%s of %s counts: %s", router, n.Name, reason), func() bool {
				return n.router(router).Adverts.Dropped[reason] > 0
			})
		}
	}
}

// unmoved wants the routers of a node in the state that they were in, for as long.
func unmoved(t *testing.T, n *station, was map[string]api.VirtualRouter) {
	t.Helper()
	for name, now := range routersOf(n) {
		if then := was[name]; now.State != then.State || now.Master != then.Master || !now.Since.Equal(then.Since) {
			t.Errorf("%s of %s is %s since %s, of master %s; it was %s since %s, of master %s",
				name, n.Name, now.State, now.Since, now.Master, then.State, then.Since, then.Master)
		}
	}
}

// advertOf returns of which router an advert is, if it is one.
func advertOf(f frame) (router string, ok bool) {
	at, family := 14+20, "IPv4"
	if bin.BigEndian.Uint16(f.data[12:]) == unix.ETH_P_IPV6 {
		at, family = 14+40, "IPv6"
	}
	if len(f.data) < at+8 {
		return "", false
	}
	proto := f.data[14+9]
	if family == "IPv6" {
		proto = f.data[14+6]
	}
	switch proto {
	case protocolVRRP:
	case unix.IPPROTO_AH:
		at += 24
	default:
		return "", false
	}
	if len(f.data) < at+8 {
		return "", false
	}
	return fmt.Sprintf("%s %d", family, f.data[at+1]), true
}

// keepTheBeat wants the adverts of a node to have no gap that a backup would notice.
func (s *site) keepTheBeat(adverts []frame) {
	s.t.Helper()
	last, longest := map[string]time.Time{}, map[string]time.Duration{}
	for _, a := range adverts {
		router, _ := advertOf(a)
		if before, ok := last[router]; ok {
			longest[router] = max(longest[router], a.at.Sub(before))
		}
		last[router] = a.at
	}
	if len(longest) != 5 {
		s.t.Errorf("adverts of %d routers, want 5", len(longest))
	}
	for router, gap := range longest { // version 2 has whole seconds
		interval := 500 * time.Millisecond
		if router == "IPv4 52" || router == "IPv4 53" {
			interval = time.Second
		}
		if gap > 3*interval {
			s.t.Errorf("no advert of %s for %s, which are to come every %s", router, gap, interval)
		}
	}
	s.t.Logf("longest gaps: %v", longest)
}
