package syntax

// Options are what a keepalived.conf depends on besides its text.
type Options struct {
	// ID is what the words of @ID lines are compared with, keepalived's --config-id.
	ID string
	// Env answers ${_ENV NAME}; with nil no variable is set.
	Env func(name string) (string, bool)
	// Random answers ${_RANDOM MIN MAX}; with nil the numbers follow from random_seed,
	// or from 0, and are always the same.
	Random func(min, max int) int
	// Files reads the files; with nil those of this machine.
	Files Files

	limits *limits // for tests
}

// limits are what a config may ask for at most.
type limits struct {
	files      int // files read, the same one read again counted again
	depth      int // files that include each other, definitions in definitions
	bytes      int // of all files
	line       int // bytes of a line, also when its variables are replaced
	lines      int // lines read and generated
	text       int // bytes of all lines whose variables are replaced
	variables  int
	statements int
	blocks     int // in each other
}

var defaultLimits = limits{
	files:      10_000,
	depth:      32,
	bytes:      64 << 20,
	line:       64 << 10,
	lines:      4_000_000,
	text:       512 << 20,
	variables:  100_000,
	statements: 2_000_000,
	blocks:     64,
}
