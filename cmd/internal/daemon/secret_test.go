package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadSecret(t *testing.T) {
	good := strings.Repeat("ab", 32)
	tests := []struct {
		name, content string
		mode          os.FileMode
		want          string // part of the error, "" = accepted
	}{
		{"good", good + "\n", 0o640, ""},
		{"private", good, 0o400, ""},
		{"empty", "", 0o600, "0 bytes, at least 32 are needed; copy it from a node that has it, or let `perch init` make one on the first node"},
		{"blank", strings.Repeat(" ", 64), 0o600, "0 bytes"},
		{"short", good[:31], 0o600, "31 bytes"},
		{"huge", strings.Repeat("x", maxSecret+1), 0o600, "more than"},
		{"world-readable", good, 0o644, "mode is 0644, at most 0640 is allowed; run: chmod 0600"},
		{"group-writable", good, 0o660, "mode is 0660"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			secret, err := readSecret(path)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && string(secret) != good:
				t.Errorf("secret = %q, want it without white space", secret)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), good[:16]) {
				t.Error("the message shows the secret")
			}
		})
	}
	if _, err := readSecret(filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasSuffix(err.Error(), "no such file or directory; "+secretHint) {
		t.Errorf("missing file: %v", err)
	}
	folder := t.TempDir()
	if _, err := readSecret(folder); err == nil || err.Error() != "read secret_file: open "+folder+": not a regular file" {
		t.Errorf("a folder: %v", err)
	}
	path := filepath.Join(t.TempDir(), "secret")
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(path); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("another user's file: %v", err)
	}
}
