package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// namedNamespace gives the namespace of a host a name, until the case ends.
func namedNamespace(t *testing.T, h *lab.Host) string {
	t.Helper()
	name := fmt.Sprintf("perch-e2e-%d-%s", os.Getpid(), h.Name)
	file := filepath.Join("/run/netns", name)
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, nil, 0o444))
	must(t, h.Do(func() error { return unix.Mount("/proc/thread-self/ns/net", file, "", unix.MS_BIND, "") }))
	t.Cleanup(func() {
		must(t, unix.Unmount(file, unix.MNT_DETACH))
		must(t, os.Remove(file))
	})
	return name
}

// A daemon that is started on one host runs on another one, by the name of its namespace;
// whoever asks it does not have to be there.
func TestRouterInANamedNamespace(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	from, to := s.nodes[0], s.nodes[1]
	text := router("gw", 51, 100, "198.18.0.101/24", `virtual_mac = true`)
	from.write(text)
	config, err := os.ReadFile(from.config())
	must(t, err)
	write := func(namespace string) {
		inside := strings.Replace(string(config), "[node]\n", fmt.Sprintf("[node]\nnet_namespace = %q\n", namespace), 1)
		must(t, os.WriteFile(from.config(), []byte(inside), 0o600))
	}

	write("perch-no-such")
	_, said, code := from.run("serve", "-c", from.config())
	if want := "enter network namespace perch-no-such: there is none"; code != 1 || !strings.Contains(said, want) {
		t.Errorf("without it perch serve exits with %d and says %q, want %q", code, said, want)
	}

	write(namedNamespace(t, to.Host))
	s.start(from)
	s.stateIs(from, "gw", api.StateMaster, "")
	s.hasJust(to, "198.18.0.101", "")
	if from.has("198.18.0.101") {
		t.Error("the address is where the daemon was started")
	}
	s.answeredFrom("198.18.0.101", lab.MAC{0, 0, 0x5e, 0, 1, 51})
	s.stop(from)
	if to.has("198.18.0.101") {
		t.Error("it was stopped and left its address behind")
	}
}
