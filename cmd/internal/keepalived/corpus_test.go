package keepalived

import (
	"os"
	"path/filepath"
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

// What keepalived runs can be imported and run; what it refuses has a mistake.
func TestCorpus(t *testing.T) {
	folder, files := readCorpus(t)
	for _, f := range files {
		t.Run(f.path, func(t *testing.T) {
			o := Options{Options: syntax.Options{ID: f.id}, SecretDir: "/etc/perch"}
			r, err := Import(filepath.Join(folder, f.path), o)
			if err == nil {
				_, _, err = r.Document.Parse("perch.toml", "lb1")
			}
			switch {
			case f.class == "error" && err == nil:
				t.Error("is imported, though keepalived refuses it")
			case f.class != "error" && err != nil:
				t.Errorf("%s: %v", f.class, err)
			}
		})
	}
}
