package syntax

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// checks say which problems of an include are mistakes. With any, a file that is there
// and cannot be read is one.
type checks byte

const (
	checkReadable checks = 1 << iota
	checkMatch           // no file, and no wildcard
	checkWildcard        // no file
	checkBraces          // one of {a,b} is no file
	checkAll      = checkReadable | checkMatch | checkWildcard | checkBraces
)

// includes are the words that include files, with their checks.
func includes(word string) (checks, bool) {
	switch word {
	case "include":
		return 0, true
	case "includer":
		return checkReadable, true
	case "includem":
		return checkMatch, true
	case "includew":
		return checkWildcard, true
	case "includeb":
		return checkBraces, true
	case "includea":
		return checkAll, true
	}
	return 0, false
}

// isInclude says whether a line includes files.
func isInclude(text string) bool {
	n := strings.IndexAny(text, space)
	if !strings.HasPrefix(text, "include") || n < 0 {
		return false
	}
	_, ok := includes(text[:n])
	return ok
}

// include reads the files that a line includes, a pattern up to its end.
func (p *parser) include(at Position, text string) {
	n := strings.IndexAny(text, space)
	check, _ := includes(text[:n])
	i := inclusion{p: p, at: at, check: check | p.check, pattern: trimLeft(text[n:])}
	for _, path := range i.paths() {
		if p.stopped {
			return
		}
		i.file(path)
	}
}

// inclusion is an include that is being done.
type inclusion struct {
	p       *parser
	at      Position
	check   checks
	pattern string
}

// problem tells what is a mistake if one of the checks is wanted.
func (i *inclusion) problem(fatal checks, path, text string) {
	if i.check&fatal != 0 {
		i.p.mistake(i.at, "include %s: %s", path, text)
		return
	}
	i.p.remark(i.at, "include %s: %s; nothing is included", path, text)
}

// paths are the files that the pattern matches.
func (i *inclusion) paths() []string {
	patterns, err := braces(i.pattern)
	if err != nil {
		i.p.mistake(i.at, "include %s: %v", i.pattern, err)
		return nil
	}
	missing := checkMatch | checkWildcard
	if len(patterns) > 1 {
		missing = checkBraces
	}
	var paths []string
	wild := true
	for _, pattern := range patterns {
		found, err := i.matches(pattern)
		if err != nil {
			i.problem(missing, pattern, reason(err))
		}
		wild = wild && err == nil && magic(pattern)
		paths = append(paths, found...)
	}
	if wild && paths == nil && i.check&checkWildcard != 0 {
		i.p.mistake(i.at, "include %s: no file matches", i.pattern)
	}
	return paths
}

func (i *inclusion) matches(pattern string) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(i.p.in.path), pattern)
	}
	if magic(pattern) {
		return i.p.o.Files.Glob(pattern)
	}
	_, err := i.p.o.Files.Mode(pattern)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return []string{pattern}, nil
}

// file reads one file.
func (i *inclusion) file(path string) {
	mode, err := i.p.o.Files.Mode(path)
	switch {
	case err != nil:
		i.problem(checkAll, path, reason(err))
	case mode.IsDir():
		i.problem(checkAll, path, "a folder, which /* behind it would include the files of")
	case !mode.IsRegular():
		i.notRegular(path)
	case isExecutable(mode):
		i.problem(checkAll, path, "may be executed, and keepalived reads no such file")
	default:
		i.text(path)
	}
}

func (i *inclusion) text(path string) {
	data, err := i.p.o.Files.Read(path)
	switch {
	case errors.Is(err, config.ErrNotRegular):
		i.notRegular(path)
	case err != nil:
		i.problem(checkAll, path, reason(err))
	default:
		i.p.file(i.at, path, data)
	}
}

// notRegular refuses a FIFO, a socket or a device, which keepalived passes over with a warning:
// whoever includes one thinks that it is read.
func (i *inclusion) notRegular(path string) {
	i.p.mistake(i.at, "include %s: is no regular file: a FIFO, socket or device is not read", path)
}

func isExecutable(mode fs.FileMode) bool { return mode.Perm()&0o111 != 0 }

// setting obeys the words of global_defs that are about reading the config.
func (p *parser) setting(s *Statement) {
	switch s.Keyword() {
	case "random_seed":
		p.seed(s)
	case "include_check":
		p.includeCheck(s)
	}
}

func (p *parser) includeCheck(s *Statement) {
	if len(s.Args()) == 0 {
		p.check = checkAll
	}
	for n, arg := range s.Args() {
		name := strings.TrimLeft(arg, "+-")
		check, ok := map[string]checks{
			"readable": checkReadable, "match": checkMatch, "wildcard_match": checkWildcard, "brace_match": checkBraces,
		}[name]
		switch {
		case !ok || len(arg) > len(name)+1:
			p.mistake(s.Position, "include_check %s: not readable, match, wildcard_match or brace_match, with + or - before it", arg)
		case strings.HasPrefix(arg, "-"):
			p.check &^= check
		case n == 0 && arg == name:
			p.check = check
		default:
			p.check |= check
		}
	}
}
