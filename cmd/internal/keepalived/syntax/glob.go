package syntax

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"
)

// maxAlternatives is what the braces of one include may stand for.
const maxAlternatives = 1000

// maxFolders is where the wildcards of one include may look.
const maxFolders = 1000

var (
	errAlternatives = errors.New("its braces stand for more than 1000 names")
	errFolders      = errors.New("its wildcards lead to more than 1000 folders")
)

// braces returns the patterns that a pattern with {a,b} stands for, in order.
func braces(pattern string) ([]string, error) {
	done, todo := []string(nil), []string{pattern}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		start, parts, end := alternatives(p)
		if parts == nil {
			done = append(done, p)
		}
		for i := len(parts) - 1; i >= 0; i-- {
			todo = append(todo, p[:start]+parts[i]+p[end:])
		}
		if len(done)+len(todo) > maxAlternatives {
			return nil, errAlternatives
		}
	}
	return done, nil
}

// alternatives finds the first {a,b} of a pattern. There are none in {}, nor where
// a brace is not closed.
func alternatives(pattern string) (start int, parts []string, end int) {
	depth, part := 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '{' && depth == 0 && strings.HasPrefix(pattern[i:], "{}"):
			i++
		case c == '{':
			if depth == 0 {
				start, part = i, i+1
			}
			depth++
		case c == ',' && depth == 1:
			parts, part = append(parts, pattern[part:i]), i+1
		case c == '}' && depth == 1:
			return start, append(parts, pattern[part:i]), i + 1
		case c == '}' && depth > 1:
			depth--
		}
	}
	return 0, nil, 0
}

// magic says whether a pattern matches more than the name it is.
func magic(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// A globber matches patterns of glob(3) without braces.
type globber struct {
	list    func(folder string) ([]string, error)
	folders int // that may be listed
}

// glob returns the sorted paths that match a pattern, one folder after the other. The
// error is of a folder that the pattern names and that cannot be read.
func (g *globber) glob(pattern string) ([]string, error) {
	folder, name := filepath.Split(pattern)
	folders := []string{folder}
	if magic(folder) {
		var err error
		if folders, err = g.glob(strings.TrimRight(folder, "/")); err != nil {
			return nil, err
		}
	}
	var paths []string
	for _, f := range folders {
		if g.folders--; g.folders < 0 {
			return nil, errFolders
		}
		names, err := g.list(cmp.Or(f, "."))
		if err != nil && f == folder {
			return nil, err
		}
		for _, n := range names {
			if match(name, n) {
				paths = append(paths, filepath.Join(f, n))
			}
		}
	}
	return paths, nil
}

// match says whether a name matches. One that begins with a dot matches only a
// pattern that does.
func match(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}
