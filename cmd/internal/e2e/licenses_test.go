package e2e

import (
	"debug/buildinfo"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Packages and image have the license of each module that is in the binary.
func TestLicenses(t *testing.T) {
	t.Parallel()
	binary, err := buildinfo.ReadFile(perchBinary(t))
	must(t, err)
	if len(binary.Deps) < 10 {
		t.Fatalf("there are %d modules in the binary", len(binary.Deps))
	}
	text := licenses(t)
	for _, m := range binary.Deps {
		if !strings.Contains(text, "\n"+m.Path+" "+m.Version+": LICEN") {
			t.Errorf("%s has no license", m.Path)
		}
	}
	for _, other := range []string{"perch: LICENSE\n", "\nGo " + binary.GoVersion + ": LICENSE\n"} {
		if !strings.Contains("\n"+text, other) {
			t.Errorf("there is no %q", other)
		}
	}
}

// licenses runs what makes the list, where the sources are.
func licenses(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("../../../deploy/package/licenses")
	must(t, err)
	cmd := exec.Command(script, "go")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	must(t, err)
	return string(out)
}
