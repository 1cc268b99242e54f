package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// signing is a router that authenticates as the mode says; "" is without keys.
func (n *station) signing(priority int, mode string) string {
	n.t.Helper()
	if mode == "" {
		return router("gw", 51, priority, "198.18.0.101/24")
	}
	file := filepath.Join(n.Dir, "key")
	must(n.t, os.WriteFile(file, []byte(someSecrets["hmac"]), 0o600))
	return router("gw", 51, priority, "198.18.0.101/24",
		fmt.Sprintf(`auth = {kind = "hmac", mode = %q, key = [{id = 1, file = %q}]}`, mode, file))
}

// heeded returns how many adverts of its only rival a node has heeded.
func (n *station) heeded() (count uint64) {
	n.t.Helper()
	for _, h := range n.router("gw").Heard {
		count += h.Accepted
	}
	return count
}

// warned tells whether these warnings say that the router is not protected.
func warned(warnings []string) bool {
	return slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "gw is not protected") })
}

// A pair goes over to signed adverts one step after the other, each on one node first,
// and no step makes a second master.
func TestRouterGoesOverToHMAC(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	master, backup := s.nodes[0], s.nodes[1]
	priorities := map[*station]int{master: 200, backup: 100}
	for _, n := range s.nodes {
		n.write(n.signing(priorities[n], ""))
	}
	s.start(master)
	s.stateIs(master, "gw", api.StateMaster, "")
	s.start(backup)
	s.stateIs(backup, "gw", api.StateBackup, "")
	left := departures(t, master.Host, "198.18.0.101")
	adverts := func(f frame) bool { name, ok := advertOf(f); return ok && name == "IPv4 51" }
	second := s.net.sniff(t, backup.Host, adverts)
	since := backup.router("gw").Since

	// Six adverts are twice what a backup may miss.
	settles := func(when string) {
		t.Helper()
		from := backup.heeded()
		s.eventuallySays(when+", the backup heeds the master", func() bool { return backup.heeded() >= from+6 })
	}
	for _, step := range []struct {
		mode  string
		order []*station
	}{
		{"receive-only", []*station{master, backup}},
		{"permissive", []*station{backup, master}},
		{"enforce", []*station{master, backup}},
	} {
		for _, n := range step.order {
			n.write(n.signing(priorities[n], step.mode))
			result := n.reload()
			status, err := n.status()
			must(t, err)
			if want := step.mode != "enforce"; warned(result.Warnings) != want || warned(status.Warnings) != want {
				t.Errorf("%s of %s warns: %q, then %q", step.mode, n.Name, result.Warnings, status.Warnings)
			}
			settles(step.mode + " on " + n.Name)
			if step.mode == "permissive" && n == backup {
				s.eventuallySays("the backup tells that the master does not sign", func() bool {
					heard := n.router("gw").Heard
					return len(heard) == 1 && strings.Contains(heard[0].Advice, "it does not sign its adverts")
				})
			}
		}
	}
	if sent := second.take(); len(sent) > 0 || left() > 0 || !backup.router("gw").Since.Equal(since) {
		t.Errorf("the backup sent %d adverts, the address left the master %d times", len(sent), left())
	}
	s.answeredBy("198.18.0.101", master)

	// From now on nothing is heeded that is not signed, and that is seen.
	master.write(master.signing(200, "receive-only"))
	master.reload()
	s.stateIs(backup, "gw", api.StateMaster, "")
	s.eventually("the backup sends, too", func() bool { return len(second.take()) > 0 })
}
