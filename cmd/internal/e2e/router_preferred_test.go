package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// A reload decides whether this node speaks from an IPv6 address, which stays all the while.
// What somebody changes of it by hand is put right.
func TestRouterReloadPrefersAnAddress(t *testing.T) {
	t.Parallel()
	const address = "2001:db8::109"
	with := func(marks string) string {
		return router("gw", 51, 100, "198.18.0.101/24", `excluded_addresses = [{address = "`+address+`/64"`+marks+`}]`)
	}
	s, n := alone(t, with(""))
	ip := func(args ...string) string {
		t.Helper()
		var out []byte
		must(t, n.Host.Do(func() (err error) {
			out, err = exec.Command("ip", append([]string{"-6", "-o", "address"}, args...)...).CombinedOutput()
			return err
		}))
		return string(out)
	}
	is := func(what string, deprecated, home bool) {
		t.Helper()
		s.eventuallySays(what, func() bool {
			line := ip("show", "to", address)
			return line != "" && strings.Contains(line, " deprecated ") == deprecated && strings.Contains(line, " home ") == home
		})
	}
	is("deprecated at first", true, false)
	left := departures(t, n.Host, address)
	n.write(with(", preferred = true, home = true"))
	n.reload()
	is("preferred", false, true)
	ip("change", address+"/64", "dev", "eth0", "nodad", "preferred_lft", "0", "valid_lft", "forever")
	is("put right", false, true)
	n.write(with(""))
	n.reload()
	is("deprecated again", true, false)
	if left() > 0 {
		t.Errorf("it went %d times", left())
	}
}
