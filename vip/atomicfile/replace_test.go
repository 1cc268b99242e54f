package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

// entries are the names in a folder.
func entries(t *testing.T, folder string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestReplace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "ledger")
	if err := os.WriteFile(path+".new", []byte("what a crash has left, which is longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first, and long", "second"} {
		if err := Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q (%v), want %q", got, err, content)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is not its owner's alone: %v (%v)", info, err)
	}
	if got := entries(t, folder); len(got) != 1 {
		t.Errorf("what is left: %q", got)
	}
}

// A file that cannot be replaced stays as it is, and nothing else does.
func TestReplaceNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "ledger")
	if err := os.MkdirAll(filepath.Join(path, "within"), 0o700); err != nil { // no file takes its place
		t.Fatal(err)
	}
	if err := Replace(path, []byte("content")); err == nil {
		t.Error("a folder was replaced")
	}
	if got := entries(t, folder); len(got) != 1 {
		t.Errorf("what is left: %q", got)
	}
	if err := Replace(filepath.Join(folder, "elsewhere", "ledger"), nil); err == nil {
		t.Error("a file was made in a folder that is not there")
	}
}

// A public file is for all to read, also where one that was private has been left half-made.
func TestReplacePublic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sources")
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReplacePublic(path, []byte("public")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file is not for all to read: %v (%v)", info, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "public" {
		t.Errorf("got %q (%v)", got, err)
	}
}
