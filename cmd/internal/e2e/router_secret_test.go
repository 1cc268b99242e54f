package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// secretLines is an auth of a kind that reads these files.
func secretLines(kind, file string) []string {
	if kind == "hmac" {
		return []string{fmt.Sprintf(`auth = {kind = "hmac", key = [{id = 1, file = %q}], active = 1}`, file)}
	}
	return []string{"version = 2", `advert_interval = "1s"`, fmt.Sprintf(`auth = {kind = %q, secret_file = %q}`, kind, file)}
}

var someSecrets = map[string]string{
	"pass": "Xyzzy42",
	"ah":   "Plugh17",
	"hmac": "a-key-for-tests-only-0123456789abcdef",
}

// A secret that others can read is none.
func TestRouterSecretThatOthersCanRead(t *testing.T) {
	for kind, secret := range someSecrets {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1")
			n := s.nodes[0]
			file := filepath.Join(n.Dir, "secret")
			must(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
			must(t, os.Chmod(file, 0o644))
			n.write(router("gw", 51, 100, "198.18.0.101/24", secretLines(kind, file)...))
			out, said, code := n.run("serve", "-c", n.config())
			if code != 1 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "perch: ") || out != "" ||
				!strings.Contains(said, file) || !strings.Contains(said, "its mode is 0644") || strings.Contains(said, secret) {
				t.Errorf("perch serve exits with %d, says %q and %q", code, out, said)
			}

			// Nor does a reload take one.
			must(t, os.Chmod(file, 0o600))
			s.start(n)
			s.stateIs(n, "gw", api.StateMaster, "")
			must(t, os.Chmod(file, 0o604))
			_, said, code = n.ask("reload")
			if code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "its mode is 0604") {
				t.Errorf("perch reload exits with %d, says %q", code, said)
			}
			s.answeredBy("198.18.0.101", n)
		})
	}
}

// Nobody learns a secret from what perch says, at its most talkative and when secrets
// differ.
func TestRouterSecretStaysSecret(t *testing.T) {
	for kind, secret := range someSecrets {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1", "lb2")
			for i, n := range s.nodes {
				file := filepath.Join(n.Dir, "secret")
				must(t, os.WriteFile(file, []byte(secret[i:]+"\n"), 0o600)) // they do not fit
				n.write("log_level = \"debug\"\n", router("gw", 51, 100+i, "198.18.0.101/24", secretLines(kind, file)...))
			}
			s.start(s.nodes...)
			for _, n := range s.nodes {
				s.eventuallySays(n.Name+" hears what does not fit", func() bool {
					heard := n.router("gw").Heard
					return len(heard) == 1 && heard[0].Advice != ""
				})
				s.eventually(n.Name+" logs it", func() bool { return strings.Contains(n.log(), "another router does not fit") })
			}
			for _, n := range s.nodes {
				text, _, _ := n.ask("status")
				json, _, _ := n.ask("status", "-o", "json")
				check, said, _ := n.run("check", "-c", n.config())
				reload, _, _ := n.ask("reload")
				argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n.Process().PID()))
				must(t, err)
				environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", n.Process().PID()))
				must(t, err)
				for where, what := range map[string]string{
					"perch status": text, "perch status -o json": json, "perch check": check + said, "perch reload": reload,
					"its log": n.log(), "its arguments": string(argv), "its environment": string(environ),
				} {
					if strings.Contains(what, secret[1:]) {
						t.Errorf("the secret is in %s of %s", where, n.Name)
					}
				}
			}
		})
	}
}
