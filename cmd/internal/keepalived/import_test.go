package keepalived

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

var update = flag.Bool("update", false, "write the expected files of testdata anew")

func testOptions() Options {
	return Options{Options: syntax.Options{ID: "lb1"}, SecretDir: "/etc/perch"}
}

// confs returns the keepalived.conf files of a folder of testdata.
func confs(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.conf"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	return paths
}

// compare compares with the expected file, or writes it.
func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// remarks returns what is said of a file, and the secrets that it had in it.
func remarks(r *Result) []byte {
	var b bytes.Buffer
	for _, m := range r.Remarks {
		kind := "note"
		if m.Lost {
			kind = "lost"
		}
		fmt.Fprintf(&b, "%s %s\n", kind, strings.TrimPrefix(m.String(), "testdata/"))
	}
	var files []string
	for file := range r.Secrets {
		files = append(files, file)
	}
	sort.Strings(files)
	for _, file := range files {
		fmt.Fprintf(&b, "secret %s %q\n", file, r.Secrets[file])
	}
	return b.Bytes()
}

// Each NAME.conf becomes NAME.toml, with the remarks in NAME.remarks, and what it becomes can
// be run.
func TestImport(t *testing.T) {
	for _, path := range confs(t, "") {
		base := strings.TrimSuffix(path, ".conf")
		t.Run(filepath.Base(base), func(t *testing.T) {
			r, err := Import(path, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			rendered := r.Document.Render()
			compare(t, base+".toml", rendered.Text)
			compare(t, base+".remarks", remarks(r))
			if _, _, err := rendered.Parse("perch.toml", "lb1"); err != nil {
				t.Errorf("cannot be run:\n%v", err)
			}
		})
	}
}

// Each file in testdata/bad is wrong, as told in NAME.txt: most by Import, some by what reads
// the document.
func TestMistakes(t *testing.T) {
	for _, path := range confs(t, "bad") {
		base := strings.TrimSuffix(path, ".conf")
		t.Run(filepath.Base(base), func(t *testing.T) {
			r, err := Import(path, testOptions())
			if err == nil {
				_, _, err = r.Document.Parse("perch.toml", "lb1")
			}
			if err == nil {
				t.Fatal("nothing is wrong with it")
			}
			text := strings.ReplaceAll(err.Error(), "testdata/bad/", "")
			compare(t, base+".txt", []byte(text+"\n"))
		})
	}
}

// The same file gives the same result.
func TestDeterministic(t *testing.T) {
	for _, path := range confs(t, "") {
		var first []byte
		for range 5 {
			r, err := Import(path, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			got := append(r.Document.Render().Text, remarks(r)...)
			if first == nil {
				first = got
			}
			if !bytes.Equal(first, got) {
				t.Fatalf("%s: two imports differ:\n%s", path, cmp.Diff(string(first), string(got)))
			}
		}
	}
}
