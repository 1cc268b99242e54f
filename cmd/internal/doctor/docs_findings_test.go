package doctor

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const docsFile = "../../../docs/doctor.md"

// texts returns, of each finding in the code, the longest part of its text that is always
// the same, by the place where it is made.
func texts(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	must(t, err)
	fset, all := token.NewFileSet(), map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		must(t, err)
		note := func(e ast.Expr) {
			if part := longest(e); len(part) > 1 { // a colon is the text of those of need.go
				all[fset.Position(e.Pos()).String()] = part
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				noteLiteral(n, note)
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Text" && i < len(n.Rhs) {
						note(n.Rhs[i])
					}
				}
			}
			return true
		})
	}
	return all
}

// noteLiteral finds the texts in a Finding, or in a list of them.
func noteLiteral(n *ast.CompositeLit, note func(ast.Expr)) {
	const text, fields = 2, 4
	list := false
	switch kind := n.Type.(type) {
	case *ast.ArrayType:
		element, ok := kind.Elt.(*ast.Ident)
		list = ok && element.Name == "Finding"
	case *ast.Ident:
		if kind.Name == "Finding" && len(n.Elts) == fields {
			note(n.Elts[text])
		}
	}
	for _, e := range n.Elts {
		if inner, ok := e.(*ast.CompositeLit); ok && list && len(inner.Elts) == fields {
			note(inner.Elts[text])
		}
	}
}

// verb is where something is filled in.
var verb = regexp.MustCompile(`%[-+0-9.]*[a-zA-Z]`)

// longest returns the longest part of an expression's strings that nothing is filled into.
func longest(e ast.Expr) (most string) {
	ast.Inspect(e, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true
		}
		for _, part := range verb.Split(text, -1) {
			if part = strings.TrimSpace(part); len(part) > len(most) {
				most = part
			}
		}
		return true
	})
	return most
}

// Each finding has its row in the documentation, and each row there is a finding.
func TestDocsKnowTheFindings(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	must(t, err)
	found := texts(t)
	if len(found) < 80 {
		t.Fatalf("%d findings are in the code: this test looks in the wrong place", len(found))
	}
	for place, part := range found {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s: %s does not know %q", place, docsFile, part)
		}
	}
rows:
	for _, row := range regexp.MustCompile(`(?m)^\| (?:error|warning|hint)[^|]* \| (.+) \| .*\|$`).FindAllStringSubmatch(string(text), -1) {
		for _, part := range found {
			if strings.Contains(row[1], part) {
				continue rows
			}
		}
		t.Errorf("%s has a row that is no finding: %s", docsFile, row[1])
	}
}

// Each of those that Probe leads to is in the golden file, so that none goes unseen.
func TestEachFindingIsTested(t *testing.T) {
	golden, err := os.ReadFile(hostFile)
	must(t, err)
	tested := string(golden)
	others, err := filepath.Glob("*_test.go")
	must(t, err)
	for _, name := range others {
		source, err := os.ReadFile(name)
		must(t, err)
		tested += string(source)
	}
	for place, part := range texts(t) {
		if !strings.Contains(tested, part) {
			t.Errorf("%s: no test has %q", place, part)
		}
	}
}
