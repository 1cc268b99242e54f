package cluster

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// mutantEnv names the mutant that a binary with all of them is to be.
const mutantEnv = "PERCH_MUTANT"

// asks is a file beside them: what the functions ask that have mutants.
const asks = `package cluster

import "os"

var theMutant = os.Getenv("` + mutantEnv + `")
`

// schemata writes below dir the files of the package with all its mutants in them, and
// returns them by the names of the files that they stand for. To compile the package takes
// far longer than to run a mutant's tests, so it is compiled once for all: a function that
// mutants change becomes one that calls itself as it was, or as the mutant has it that the
// process is to be.
func schemata(mutants []mutant, dir string) (map[string]string, error) {
	files := make(map[string]*mutable)
	for _, m := range mutants {
		texts, err := m.texts()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		for name, text := range texts {
			if files[name] == nil {
				if files[name], err = newMutable(name); err != nil {
					return nil, err
				}
			}
			if err := files[name].add(m.name, text); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", m.name, name, err)
			}
		}
	}
	written := map[string]string{"schemata.go": asks}
	for name, f := range files {
		written[name] = f.String()
	}
	return write(written, dir)
}

// write writes files of the package below dir, and returns where, by where they belong.
func write(files map[string]string, dir string) (map[string]string, error) {
	written := make(map[string]string)
	for name, text := range files {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		written[path] = filepath.Join(dir, name)
		if err := os.WriteFile(written[path], []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// mutable is a file, and its functions as mutants have them.
type mutable struct {
	own     source
	mutants [][]version // by function
	count   int
}

// version is a function as one mutant has it.
type version struct {
	mutant string // its name
	suffix string // what the function's name ends in
	text   string
}

func newMutable(name string) (*mutable, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	own, err := parseSource(text)
	if err != nil {
		return nil, err
	}
	return &mutable{own: own, mutants: make([][]version, len(own.functions))}, nil
}

// add adds the functions that a mutant changes. It may change nothing else.
func (f *mutable) add(name string, text []byte) error {
	changed, err := parseSource(text)
	if err != nil {
		return err
	}
	if changed.between() != f.own.between() {
		return errors.New("a mutant changes what functions do, and nothing beside them")
	}
	f.count++
	suffix := fmt.Sprint("AsMutant", f.count)
	for i, function := range changed.functions {
		if changed.of(function) != f.own.of(f.own.functions[i]) {
			f.mutants[i] = append(f.mutants[i], version{name, suffix, changed.renamed(function, suffix)})
		}
	}
	return nil
}

// String returns the file with all versions of its functions.
func (f *mutable) String() string {
	var b strings.Builder
	at := 0
	for i, function := range f.own.functions {
		if len(f.mutants[i]) == 0 {
			continue
		}
		b.WriteString(f.own.text[at:f.own.offset(function.Pos())])
		b.WriteString(f.own.choice(function, f.mutants[i]))
		b.WriteString("\n\n" + f.own.renamed(function, "AsItIs"))
		for _, v := range f.mutants[i] {
			b.WriteString("\n\n" + v.text)
		}
		at = f.own.offset(function.End())
	}
	b.WriteString(f.own.text[at:])
	return b.String()
}

// source is a file of Go.
type source struct {
	text      string
	set       *token.FileSet
	functions []*ast.FuncDecl
}

func parseSource(text []byte) (source, error) {
	s := source{text: string(text), set: token.NewFileSet()}
	file, err := parser.ParseFile(s.set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	for _, decl := range file.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok {
			s.functions = append(s.functions, function)
		}
	}
	return s, nil
}

func (s source) offset(p token.Pos) int { return s.set.Position(p).Offset }

// of returns the text of a node.
func (s source) of(n ast.Node) string { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

// between returns all but the functions, and the name and the types of each.
func (s source) between() string {
	var b strings.Builder
	at := 0
	for _, function := range s.functions {
		b.WriteString(s.text[at:s.offset(function.Pos())])
		fmt.Fprint(&b, function.Name.Name, s.types(function))
		at = s.offset(function.End())
	}
	b.WriteString(s.text[at:])
	return b.String()
}

// types returns the types of a function's parameters.
func (s source) types(function *ast.FuncDecl) (types []string) {
	for _, field := range function.Type.Params.List {
		for range max(1, len(field.Names)) {
			types = append(types, s.of(field.Type))
		}
	}
	return types
}

// renamed returns a function with a longer name.
func (s source) renamed(function *ast.FuncDecl, suffix string) string {
	name := s.offset(function.Name.End())
	return s.text[s.offset(function.Pos()):name] + suffix + s.text[name:s.offset(function.End())]
}

// choice returns a function that calls the version of the mutant that the process is to be.
func (s source) choice(function *ast.FuncDecl, versions []version) string {
	var b strings.Builder
	b.WriteString("func ")
	prefix, result := function.Name.Name, ""
	if function.Recv != nil {
		fmt.Fprintf(&b, "(receiver %s) ", s.of(function.Recv.List[0].Type))
		prefix = "receiver." + prefix
	}
	var parameters, arguments []string
	for i, kind := range s.types(function) {
		parameters = append(parameters, fmt.Sprintf("p%d %s", i, kind))
		argument := fmt.Sprintf("p%d", i)
		if strings.HasPrefix(kind, "...") {
			argument += "..."
		}
		arguments = append(arguments, argument)
	}
	call := "return "
	if function.Type.Results == nil {
		call = ""
	} else {
		result = s.of(function.Type.Results)
	}
	list := strings.Join(arguments, ", ")
	fmt.Fprintf(&b, "%s(%s) %s {\n\tswitch theMutant {\n", function.Name.Name, strings.Join(parameters, ", "), result)
	for _, v := range versions {
		fmt.Fprintf(&b, "\tcase %q:\n\t\t%s%s%s(%s)\n", v.mutant, call, prefix, v.suffix, list)
	}
	fmt.Fprintf(&b, "\tdefault:\n\t\t%s%sAsItIs(%s)\n\t}\n}", call, prefix, list)
	return b.String()
}
