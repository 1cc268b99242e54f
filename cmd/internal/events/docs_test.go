package events

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// declared returns the constants of kind.go.
func declared(t *testing.T) map[string]Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]Kind{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list[spec.Names[0].Name] = Kind(text)
		}
		return true
	})
	return list
}

// Every kind has its row in docs/events.md, and every row is of a kind.
func TestEveryKindIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n## All kinds\n"))
	rows := map[Kind]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| [^|\\s]").FindAllStringSubmatch(string(text), -1) {
		rows[Kind(m[1])] = true
	}
	for _, k := range Kinds() {
		if !rows[k] {
			t.Errorf("%s has no row in docs/events.md", k)
		}
		delete(rows, k)
	}
	if len(rows) > 0 {
		t.Errorf("rows of no kind: %v", rows)
	}
}

// How many events are kept, and how long their texts are, is said in docs/events.md as it is.
func TestDocsKnowTheLimits(t *testing.T) {
	text, err := os.ReadFile("../../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.Join(bytes.Fields(text), []byte(" "))
	for _, said := range []string{
		fmt.Sprintf("The daemon keeps the last %d,%03d events", Kept/1000, Kept%1000),
		fmt.Sprintf("cut at %d bytes, those in `reason` and `error` at %d.", maxName, maxText),
	} {
		if !bytes.Contains(page, []byte(said)) {
			t.Errorf("docs/events.md does not say %q", said)
		}
	}
}
