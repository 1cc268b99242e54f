package keepalived

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// corpusFile is a line of the corpus's INDEX.txt.
type corpusFile struct {
	path  string
	class string // what keepalived makes of it
	id    string
}

// readCorpus returns the real files of $PERCH_CORPUS, which are not perch's to copy.
func readCorpus(t *testing.T) (folder string, files []corpusFile) {
	t.Helper()
	folder = os.Getenv("PERCH_CORPUS")
	if folder == "" {
		t.Skip("PERCH_CORPUS names no folder with real files and their INDEX.txt")
	}
	index, err := os.ReadFile(filepath.Join(folder, "INDEX.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(index)) {
		cells := strings.SplitN(line, ", ", 4)
		if strings.HasPrefix(line, "#") || len(cells) != 4 {
			continue
		}
		id := cells[2]
		if id == "-" {
			id = ""
		}
		files = append(files, corpusFile{cells[0], cells[1], id})
	}
	return folder, files
}

// otherwise are the files that perch takes or refuses for a reason, whatever keepalived does.
func otherwise() map[string]string {
	return map[string]string{
		"keepalived-reports/1239b.conf":        "an instance without an interface, with which keepalived does not start either",
		"keepalived-reports/1969ma.conf":       "an address in two routers: one holds it",
		"keepalived-reports/test-t.conf":       "an address and port in two virtual servers",
		"keepalived-reports/check_script.conf": "promote_secondaries with use_vmac says nothing wrong, only something needless",
	}
}

// What keepalived runs can be imported and run; what it refuses has a mistake.
func TestCorpus(t *testing.T) {
	folder, files := readCorpus(t)
	for _, f := range files {
		t.Run(f.path, func(t *testing.T) {
			told, err := importCorpus(filepath.Join(folder, f.path), f.id)
			refuses := f.class == "error"
			reason, other := otherwise()[f.path]
			switch {
			case other:
				if refuses == (err != nil) {
					t.Errorf("is as with keepalived, though it should not be, for %s: %v", reason, err)
				}
			case refuses && err == nil:
				t.Error("is imported, though keepalived refuses it")
			case !refuses && err != nil && !empty(err):
				t.Errorf("%s: %v", f.class, err)
			case f.class == "lint" && told == 0:
				t.Error("keepalived warns of it, and nothing is said here")
			default:
				t.Log(err)
			}
		})
	}
}

// No comment of what can be imported is lost.
func TestCorpusComments(t *testing.T) {
	folder, files := readCorpus(t)
	all := 0
	for _, f := range files {
		path, o := filepath.Join(folder, f.path), Options{Options: syntax.Options{ID: f.id}, SecretDir: "/etc/perch"}
		if r, err := Import(path, o); err == nil {
			all += carriesComments(t, path, o, r)
		}
	}
	t.Logf("%d comments", all)
}

// empty reports whether what is wrong is only that there is nothing to run.
func empty(err error) bool {
	mistakes, ok := errors.AsType[syntax.Mistakes](err)
	return ok && strings.HasPrefix(mistakes[0].Text, "there is nothing to run")
}

// importCorpus imports a file, reads what it became, and does so a second time. It returns how
// many things are told of it.
func importCorpus(path, id string) (told int, err error) {
	o := Options{Options: syntax.Options{ID: id}, SecretDir: "/etc/perch"}
	r, err := Import(path, o)
	if err != nil {
		return 0, err
	}
	rendered := r.Document.Render()
	again, err := Import(path, o)
	if err != nil || !bytes.Equal(again.Document.Render().Text, rendered.Text) || !slices.Equal(again.Remarks, r.Remarks) {
		return 0, fmt.Errorf("two imports differ: %w", err)
	}
	_, warnings, err := rendered.Parse("perch.toml", "lb1")
	return len(r.Remarks) + len(warnings), err
}
