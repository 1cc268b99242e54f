package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Only a database that cannot be reached lets `make govulncheck` pass, so that
// nothing it finds and no failure is taken for that.
func TestMakeGovulncheck(t *testing.T) {
	lab.NeedMake(t)
	const (
		unreachable = "govulncheck: fetching vulnerabilities: Get \"https://vuln.go.dev/index/modules.json.gz\": dial tcp: lookup vuln.go.dev: no such host\n"
		exit        = "exit status 1\n"
		notRun      = "govulncheck: not run, its database cannot be reached\n"
	)
	tests := map[string]struct {
		says string
		code string
		want string // "" = it fails and shows what it says
	}{
		"none found":                    {"No vulnerabilities found.\n", "0", "No vulnerabilities found.\n"},
		"no database":                   {unreachable + exit, "1", notRun},
		"fetched, and no database":      {"go: downloading golang.org/x/vuln v1.1.4\n" + unreachable + exit, "1", notRun},
		"one found":                     {"Vulnerability #1: GO-2026-0001\n    dial tcp: no such host\nexit status 3\n", "1", ""},
		"one found, no second database": {"Vulnerability #1: GO-2026-0001\n" + unreachable + exit, "1", ""},
		"the tool cannot be had":        {"go: golang.org/x/vuln@v1.1.4: dial tcp: lookup modules.example: no such host\n", "1", ""},
		"it does not compile":           {"govulncheck: loading packages: connection refused\n" + exit, "1", ""},
		"nothing is said":               {"", "1", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "says"), []byte(tt.says), 0o600))
			script := "#!/bin/sh\ncat " + filepath.Join(dir, "says") + " >&2\nexit " + tt.code + "\n"
			fake := filepath.Join(dir, "go")
			must(t, os.WriteFile(fake, []byte(script), 0o700))
			cmd := exec.Command("make", "-s", "--no-print-directory", "-C", "../../..", "govulncheck", "GO="+fake)
			cmd.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs this test
			out, err := cmd.CombinedOutput()
			if (err == nil) != (tt.want != "") || !strings.Contains(string(out), strings.TrimSuffix(tt.says, exit)) && tt.want != notRun {
				t.Errorf("%v\n%s", err, out)
			}
			if tt.want != "" && string(out) != tt.want {
				t.Errorf("%q, want %q", out, tt.want)
			}
		})
	}
}
