package syntax

import "errors"

// Options are what a keepalived.conf depends on besides its text.
type Options struct {
	// ID is what the words of @ID lines are compared with, keepalived's --config-id.
	ID string
	// Env answers ${_ENV NAME}; with nil no variable is set.
	Env func(name string) (string, bool)
	// Random answers ${_RANDOM MIN MAX} of a file without a random_seed; with nil the
	// numbers are those of random_seed 1, with a remark.
	Random func(min, max int) int
	// Files reads the files; with nil those of this machine.
	Files Files
}

// Files reads a config's files.
type Files interface {
	// Read returns the text of a regular file.
	Read(path string) ([]byte, error)
	// Glob returns the sorted paths that match a pattern of glob(3), without braces.
	Glob(pattern string) ([]string, error)
}

// Parse reads a keepalived.conf and what it includes. Its error, if there is one, is a
// Mistakes with all that is wrong.
func Parse(path string, o Options) (*Config, error) {
	return nil, errors.New("parse " + path + ": not built yet")
}

// Escaped returns the statement's words as keepalived reads them for scripts,
// patterns and passwords: both kinds of quotes, and escapes as \n and \x41.
func (s *Statement) Escaped() ([]string, error) {
	return nil, errors.New("not built yet")
}

// Command returns the program that the statement names and its arguments, and the words that follow
// it, as the user and group.
func (s *Statement) Command() (argv, rest []string, err error) {
	return nil, nil, errors.New("not built yet")
}
