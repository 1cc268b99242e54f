package keepalived

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// Whatever a file says, it becomes keys that perch has, or is wrong.
func FuzzImport(f *testing.F) {
	for _, pattern := range []string{"testdata/*.conf", "testdata/bad/*.conf"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no %s: %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 10_000 { // it could name very many addresses
			t.Skip("too long")
		}
		files := syntax.FSFiles{FS: fstest.MapFS{"keepalived.conf": {Data: text}}}
		r, err := Import("keepalived.conf", Options{Options: syntax.Options{Files: files}, SecretDir: "/etc/perch"})
		if err != nil {
			return
		}
		rendered := r.Document.Render()
		if _, _, err := rendered.Parse("perch.toml", "lb1"); err != nil && strings.Contains(err.Error(), "unknown key") {
			t.Errorf("%v in:\n%s", err, rendered.Text)
		}
	})
}
