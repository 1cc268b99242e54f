package keepalived

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// endProgram is the program that is run at the start of keepalived, or at its end.
type endProgram struct {
	command command
	timeout said[time.Duration]
}

// globalsOfPrograms are the words of global_defs that are about them.
func globalsOfPrograms() vocabulary[*importer] {
	start := func(im *importer) *endProgram { return &im.routing.globals.startup }
	stop := func(im *importer) *endProgram { return &im.routing.globals.shutdown }
	timeout := func(of func(*importer) *endProgram) word[*importer] {
		return keepTimer(time.Second, 1000*time.Second, func(im *importer) *said[time.Duration] { return &of(im).timeout })
	}
	command := func(of func(*importer) *endProgram) word[*importer] {
		return means(func(im *importer, s *syntax.Statement, _ *importer) { im.keepCommand(s, &of(im).command) })
	}
	return vocabulary[*importer]{
		"startup_script":          command(start),
		"startup_script_timeout":  timeout(start),
		"shutdown_script":         command(stop),
		"shutdown_script_timeout": timeout(stop),
	}
}

// keepCommand keeps the program that a statement names, of several the first.
func (im *importer) keepCommand(s *syntax.Statement, at *command) {
	c, ok := im.told(s)
	switch {
	case !ok:
	case at.by != nil:
		im.again(s, at.by)
	default:
		*at = c
	}
}
