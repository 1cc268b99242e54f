package daemon

import (
	"os"
	"os/exec"
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
		{"empty", "", 0o600, "0 bytes, at least 32 are needed; copy it from a node that has it, or, if none has, make one here: (umask 077; "},
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
	none := filepath.Join(t.TempDir(), "none")
	if _, err := readSecret(none); err == nil || !strings.HasSuffix(err.Error(), "no such file or directory; "+secretHint(none)) {
		t.Errorf("missing file: %v", err)
	}
	folder := t.TempDir()
	if _, err := readSecret(folder); err == nil || err.Error() != "read secret_file: open "+folder+": not a regular file" {
		t.Errorf("a folder: %v", err)
	}
}

// Whoever does what the message says has a secret: the file was missing, empty or short.
func TestSecretHintHelps(t *testing.T) {
	for _, content := range []string{"", "short", "none"} {
		path := filepath.Join(t.TempDir(), "secret")
		if content != "none" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := readSecret(path)
		if err == nil {
			t.Fatalf("%q is taken for a secret", content)
		}
		_, command, _ := strings.Cut(err.Error(), "make one here: ")
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", command, err, out)
		}
		if secret, err := readSecret(path); err != nil || len(secret) != 64 {
			t.Errorf("then a secret of %d bytes, %v", len(secret), err)
		}
	}
}

// The file must be for the daemon alone; what to do about one that is not must help.
func TestSecretIsForTheDaemonAlone(t *testing.T) {
	root := reader{user: 0, groups: []int{0}}
	packaged := reader{user: 990, groups: []int{980}} // user and group perch
	custom := reader{user: 990, groups: []int{980, 500}}
	tests := []struct {
		name   string
		file   access
		reader reader
		want   string
	}{
		{"root's own", access{0o600, 0, 0}, root, ""},
		{"root's group", access{0o640, 0, 0}, root, ""},
		{"root's, for group perch", access{0o640, 0, 980}, packaged, ""},
		{"perch's", access{0o400, 990, 980}, packaged, ""},
		{"a group that may not read", access{0o600, 990, 7}, packaged, ""},
		{"the process's own group", access{0o640, 0, 500}, custom, ""},
		{
			"somebody else's",
			access{0o600, 7, 980},
			packaged,
			"it belongs to user 7; it must belong to root or to the daemon's user, 990; run: chown 990 /s",
		},
		{
			"for all",
			access{0o644, 990, 980},
			packaged,
			"its mode is 0644, at most 0640 is allowed; run: chmod 0600 /s",
		},
		{
			"root's, for all",
			access{0o644, 0, 980},
			packaged,
			"its mode is 0644, at most 0640 is allowed; run: chmod 0640 /s",
		},
		{
			"the group may write",
			access{0o660, 990, 980},
			packaged,
			"its mode is 0660, at most 0640 is allowed; run: chmod 0600 /s",
		},
		{
			"another group",
			access{0o640, 0, 100},
			packaged,
			"group 100 may read it; only the daemon's may, 980; run: chgrp 980 /s",
		},
		{
			"root's group is not perch's",
			access{0o640, 0, 0},
			packaged,
			"group 0 may read it; only the daemon's may, 980; run: chgrp 980 /s",
		},
	}
	for _, tt := range tests {
		got := ""
		if err := tt.file.check("/s", tt.reader); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSecretGivenAway(t *testing.T) {
	needRoot(t) // only root can give a file away
	for _, tt := range []struct {
		user, group int
		mode        os.FileMode
		want        string
	}{
		{65534, 0, 0o600, "belongs to user 65534"},
		{0, 65534, 0o640, "group 65534 may read it"},
		{0, 65534, 0o600, ""},
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(strings.Repeat("ab", 32)), tt.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, tt.user, tt.group); err != nil {
			t.Fatal(err)
		}
		_, err := readSecret(path)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d:%d %04o: %v, want %q", tt.user, tt.group, tt.mode, err, tt.want)
		}
	}
}
