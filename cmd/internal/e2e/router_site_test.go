package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// site is a network with nodes that run perch alone, by configs that the case writes.
type site struct {
	t     *testing.T
	net   *network
	nodes []*station
}

// station is a node of a site. Its daemon is not started.
type station struct {
	*lab.Daemon
	t      *testing.T
	binary string
}

func newSite(t *testing.T, nodes ...string) *site {
	t.Helper()
	s := &site{t: t, net: emptyNetwork(t)}
	dir := s.net.tempDir(t)
	for _, name := range nodes {
		s.add(name, filepath.Join(dir, name))
	}
	s.net.addClients(t)
	t.Cleanup(s.explainFailure)
	return s
}

func (s *site) add(name, dir string) {
	s.t.Helper()
	n := &station{t: s.t, binary: perchBinary(s.t)}
	n.Daemon = lab.NewDaemon(name, s.net.addHost(s.t, name), dir, n.binary, "serve", "-c", filepath.Join(dir, "perch.toml"))
	must(s.t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	s.nodes = append(s.nodes, n)
}

func (n *station) config() string { return filepath.Join(n.Dir, "perch.toml") }
func (n *station) socket() string { return filepath.Join(n.Dir, "perch.sock") }

// write writes the node's config: these tables behind its [node].
func (n *station) write(tables ...string) {
	n.t.Helper()
	node := fmt.Sprintf("[node]\nname = %q\ndata_dir = %q\nsocket = %q\n", n.Name, filepath.Join(n.Dir, "data"), n.socket())
	must(n.t, os.WriteFile(n.config(), []byte(node+strings.Join(tables, "\n")), 0o600))
}

// router is a [[vrrp]] on eth0 that sends an advert every 100 ms, with more lines of it.
func router(name string, vrid, priority int, addresses string, lines ...string) string {
	var quoted []string
	for _, a := range strings.Fields(addresses) {
		quoted = append(quoted, fmt.Sprintf("%q", a))
	}
	text := fmt.Sprintf("\n[[vrrp]]\nname = %q\nvrid = %d\npriority = %d\n", name, vrid, priority)
	if len(quoted) > 0 {
		text += fmt.Sprintf("addresses = [%s]\n", strings.Join(quoted, ", "))
	}
	for _, usual := range []string{`interface = "eth0"`, `advert_interval = "100ms"`} {
		key, _, _ := strings.Cut(usual, " =")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+" =") }) {
			text += usual + "\n"
		}
	}
	return text + strings.Join(lines, "\n") + "\n"
}

// start starts the daemons and waits until each answers commands.
func (s *site) start(nodes ...*station) {
	s.t.Helper()
	for _, n := range nodes {
		must(s.t, n.Start())
	}
	for _, n := range nodes {
		s.eventuallySays(n.Name+" answers commands", func() bool {
			_, err := n.status()
			return err == nil
		})
	}
}

func (s *site) stop(n *station) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	must(s.t, n.Terminate(ctx))
}

// run runs a command of perch on the node's host.
func (n *station) run(args ...string) (stdout, stderr string, code int) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.binary, args...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	process, err := n.Host.Start(cmd)
	must(n.t, err)
	err = process.Err()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	must(n.t, err)
	return out.String(), errs.String(), 0
}

// ask runs a command against the node's daemon.
func (n *station) ask(args ...string) (stdout, stderr string, code int) {
	n.t.Helper()
	return n.run(append(args, "--socket", n.socket())...)
}

// status is an error only while the daemon does not answer.
func (n *station) status() (status api.Status, err error) {
	n.t.Helper()
	out, said, code := n.ask("status", "-o", "json")
	if code != 0 {
		return status, errors.New(said)
	}
	must(n.t, json.Unmarshal([]byte(out), &status))
	return status, nil
}

// router returns the status of a virtual router, the zero value if the node has none of
// that name.
func (n *station) router(name string) api.VirtualRouter {
	n.t.Helper()
	status, err := n.status()
	must(n.t, err)
	for _, r := range status.VRRP {
		if r.Name == name {
			return r
		}
	}
	return api.VirtualRouter{}
}

// reload makes the daemon read its config, which it must accept.
func (n *station) reload() (result api.ReloadResult) {
	n.t.Helper()
	out, said, code := n.ask("reload", "-o", "json")
	if code != 0 {
		n.t.Fatalf("perch reload on %s exits with %d: %s", n.Name, code, said)
	}
	must(n.t, json.Unmarshal([]byte(out), &result))
	return result
}

// log is all that the daemon has written.
func (n *station) log() string {
	n.t.Helper()
	log, err := os.ReadFile(n.LogFile())
	must(n.t, err)
	return string(log)
}

// has reports whether the node has the address.
func (n *station) has(addr string) bool {
	n.t.Helper()
	has, err := n.Host.Has(netip.MustParseAddr(addr))
	must(n.t, err)
	return has
}

// hasJust waits until the node has the addresses of yes, and none of no.
func (s *site) hasJust(n *station, yes, no string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s has [%s] and not [%s]", n.Name, yes, no), func() bool {
		return !slices.ContainsFunc(strings.Fields(yes), func(a string) bool { return !n.has(a) }) &&
			!slices.ContainsFunc(strings.Fields(no), n.has)
	})
}

// answeredBy waits until the node alone answers for the address.
func (s *site) answeredBy(addr string, n *station) {
	s.t.Helper()
	s.answeredFrom(addr, lab.MAC(n.Host.Eth0.MAC))
}

// answeredFrom waits until the address is answered for from that MAC address alone.
func (s *site) answeredFrom(addr string, mac lab.MAC) {
	s.t.Helper()
	var macs []lab.MAC
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s is answered for by %v", addr, macs)
		}
	}()
	s.eventually(mac.String()+" alone answers for "+addr, func() bool {
		macs = s.answering(addr)
		return slices.Equal(macs, []lab.MAC{mac})
	})
}

func (s *site) answering(addr string) []lab.MAC {
	s.t.Helper()
	macs, err := s.net.asker.AnsweringMACs(netip.MustParseAddr(addr), 100*time.Millisecond)
	must(s.t, err)
	return macs
}

// stateIs waits until the status has the router in that state, for that reason.
func (s *site) stateIs(n *station, router, state, reason string) {
	s.t.Helper()
	s.eventuallySays(fmt.Sprintf("%s is %s on %s: %s", router, state, n.Name, reason), func() bool {
		r := n.router(router)
		return r.State == state && strings.Contains(r.Reason, reason)
	})
}

// eventually waits until done is true, which looks at the kernels.
func (s *site) eventually(what string, done func() bool) {
	s.t.Helper()
	s.wait(byLooking, what, done)
}

// eventuallySays waits until done is true, which runs commands.
func (s *site) eventuallySays(what string, done func() bool) {
	s.t.Helper()
	s.wait(byCommand, what, done)
}

func (s *site) wait(interval time.Duration, what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(interval) {
		if time.Now().After(deadline) {
			s.t.Fatalf("still not after %s: %s", patience, what)
		}
	}
}

// never watches for a while that bad is not true.
func (s *site) never(what string, during time.Duration, bad func() bool) {
	s.t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(byLooking) {
		if bad() {
			s.t.Fatalf("within %s: %s", during, what)
		}
	}
}

func (s *site) explainFailure() {
	if !s.t.Failed() {
		return
	}
	for _, n := range s.nodes {
		if n.Running() {
			out, said, _ := n.ask("status")
			s.t.Logf("status of %s:\n%s%s", n.Name, out, said)
		}
		s.t.Logf("log of %s at %s:\n%s", n.Name, n.Host.Eth0.IPv4, n.LogTail(60))
	}
}
