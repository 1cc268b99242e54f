package syntax

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusVariable names the folder of a corpus of real files. Its INDEX.txt has a line for
// each: FILE, CLASS, ID, MESSAGE. Those of the class error keepalived itself rejects.
const corpusVariable = "PERCH_CORPUS"

// What keepalived accepts has no mistakes here.
func TestCorpus(t *testing.T) {
	folder := os.Getenv(corpusVariable)
	if folder == "" {
		t.Skip(corpusVariable + " names no corpus of files")
	}
	index, err := os.ReadFile(filepath.Join(folder, "INDEX.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(index)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(line, ", ", 4)
		t.Run(fields[0], func(t *testing.T) {
			path := filepath.Join(folder, fields[0])
			c, err := Parse(path, Options{ID: cmp.Or(strings.Trim(fields[2], "-"), "lb1")})
			switch {
			case err != nil && fields[1] == "error":
				checkMistakes(t, err)
				t.Log(err)
			case err != nil:
				t.Error(err)
			case len(c.Statements) == 0 || len(c.Files) == 0 || c.Files[0] != path:
				t.Errorf("%d statements of the files %v", len(c.Statements), c.Files)
			default:
				checkStatements(t, c.Statements)
			}
		})
	}
}
