package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What serve would refuse of the files of secrets, check names if it is asked to look.
func TestCheckSecrets(t *testing.T) {
	dir := t.TempDir()
	secret, file := filepath.Join(dir, "secret"), filepath.Join(dir, "perch.toml")
	text := strings.Replace(`
[node]
name = "lb1"
[cluster]
name = "edge"
secret_file = "SECRET"
[[cluster.peer]]
name = "lb1"
address = "198.18.0.1:7400"
[[vip]]
address = "198.18.0.100/24"
interface = "eth0"
`, "SECRET", secret, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(args ...string) (int, string) {
		var said strings.Builder
		code := run(t.Context(), append([]string{"check", "-c", file}, args...), &said, &said)
		return code, said.String()
	}
	if code, said := check(); code != 0 {
		t.Errorf("without --secrets: %d, %s", code, said)
	}
	if code, said := check("--secrets"); code != exitError || !strings.Contains(said, "no such file") {
		t.Errorf("without a secret: %d, %s", code, said)
	}
	for mode, want := range map[os.FileMode]string{0o644: "its mode is 0644", 0o600: "is good"} {
		if err := os.WriteFile(secret, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(secret, mode); err != nil {
			t.Fatal(err)
		}
		if _, said := check("--secrets"); !strings.Contains(said, want) {
			t.Errorf("mode %04o: %q, want %q", mode, said, want)
		}
	}
}
