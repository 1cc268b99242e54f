package keepalived

import (
	"fmt"
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// script is a vrrp_script.
type script struct {
	by                *syntax.Statement
	command           *syntax.Statement
	argv              []string
	interval, timeout said[time.Duration]
	rise, fall        said[int]
	weight            weight
	user              said[string]
}

func readScript(im *importer, s *syntax.Statement, _ *importer) {
	c := &script{by: s}
	w := im.define(s, watchesScript)
	readBlock(im, "vrrp_script", im.block(s), im.routing.words.script, c)
	if s.Braces && c.command == nil {
		im.wrong(s, "has no script")
	}
	if w != nil {
		w.weight, w.write = c.weight, im.scriptWriter(c)
	}
}

func scriptWords() vocabulary[*script] {
	return vocabulary[*script]{
		"script": means(func(im *importer, s *syntax.Statement, c *script) {
			im.replaced(c.command, s)
			c.command = s
			argv, rest, ok := im.program(s)
			switch {
			case !ok:
			case len(rest) > 0:
				im.behindProgram(s, rest[0])
			default:
				c.argv = argv
			}
		}),
		"interval": keepTimer(time.Millisecond, mostTime, func(c *script) *said[time.Duration] { return &c.interval }),
		"timeout":  keepTimer(time.Millisecond, mostTime, func(c *script) *said[time.Duration] { return &c.timeout }),
		"rise":     keepNumber(1, 1<<30, func(c *script) *said[int] { return &c.rise }),
		"fall":     keepNumber(1, 1<<30, func(c *script) *said[int] { return &c.fall }),
		"weight": means(func(im *importer, s *syntax.Statement, c *script) {
			c.weight = im.weight(s, 253, c.weight)
		}),
		"user": means(func(im *importer, s *syntax.Statement, c *script) {
			if user, ok := im.runner(s, s.Args()); ok {
				keep(im, &c.user, user, s)
			}
		}),
		"init_fail": means(func(im *importer, s *syntax.Statement, _ *script) {
			im.remark(s, "with perch a router begins in fault until the first verdict on what it tracks with weight 0; other weights count from the first verdict on")
		}),
	}
}

// behindProgram says what is wrong with a program whose arguments are not in quotes with it.
func (im *importer) behindProgram(s *syntax.Statement, word string) {
	im.wrong(s, quoted(word)+" stands behind the program, and keepalived leaves it out; a program with arguments is written in quotes")
}

// command returns the program that a statement names, and who runs it, if it says so.
func (im *importer) command(s *syntax.Statement) (argv []string, user said[string]) {
	argv, rest, ok := im.program(s)
	if !ok {
		return nil, user
	}
	if len(rest) > 0 {
		if name, ok := im.runner(s, rest); ok {
			user = said[string]{name, s}
		}
	}
	return argv, user
}

// weight reads weight N [reverse], in the place of one before.
func (im *importer) weight(s *syntax.Statement, most int, before weight) weight {
	im.replaced(before.by, s)
	args := s.Args()
	w := weight{by: s}
	if len(args) == 2 {
		switch args[1] {
		case "reverse":
			w.reverse = true
		case "noreverse", "no_reverse":
		default:
			im.wrong(s, quoted(args[1])+" must be reverse, or left out")
		}
		args = args[:1]
	}
	if len(args) != 1 {
		im.wrong(s, fmt.Sprintf("must have a number from -%d to %d, with reverse behind it or without", most, most))
		return w
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < -most || n > most {
		im.wrong(s, fmt.Sprintf("%s must be a number from -%d to %d", quoted(args[0]), most, most))
	}
	w.value = n
	return w
}

// define adds what can be tracked, under the name behind the keyword. It returns nil if the
// name is missing or was given before.
func (im *importer) define(s *syntax.Statement, kind watchKind) *watch {
	name, ok := im.one(s)
	if !ok {
		return nil
	}
	key := watchKey{kind, name}
	if first := im.routing.watching[key]; first != nil {
		im.wrong(s, quoted(name)+" was given before, at "+first.by.Position.String())
		return nil
	}
	w := &watch{by: s, at: s, kind: kind, name: name}
	im.routing.watching[key] = w
	im.routing.watches = append(im.routing.watches, w)
	return w
}
