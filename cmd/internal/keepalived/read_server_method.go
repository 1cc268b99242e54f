package keepalived

import (
	"fmt"
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// keepMethod is a keyword with a way to forward packets.
func keepMethod[T any](at func(T) *said[method]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		m, wrong := parseMethod(s.Args())
		if wrong != "" {
			im.wrong(s, wrong)
			return
		}
		keep(im, at(into), m, s)
	})
}

// parseMethod reads NAT, DR or TUN [type {ipip|gue port N|gre} [nocsum|csum|remcsum]].
func parseMethod(args []string) (m method, wrong string) {
	if len(args) == 0 {
		return m, "missing; must be NAT, DR or TUN"
	}
	switch args[0] {
	case "NAT":
		m.forward = "nat"
	case "DR":
		m.forward = "dr"
	case "TUN":
		m.forward = "tunnel"
		m.tunnel, wrong = parseTunnel(args[1:])
		return m, wrong
	default:
		return m, fmt.Sprintf("%q must be NAT, DR or TUN", args[0])
	}
	if len(args) > 1 {
		return m, fmt.Sprintf("%q is for TUN", args[1])
	}
	return m, ""
}

func parseTunnel(args []string) (t tunnel, wrong string) {
	t = tunnel{kind: "ipip", checksum: "none"}
	for ; len(args) > 0; args = args[1:] {
		option := args[0]
		if option == "type" || option == "port" {
			if args = args[1:]; len(args) == 0 {
				return t, option + " has no value behind it"
			}
		}
		switch option {
		case "type":
			t.kind = args[0]
		case "port":
			n, err := strconv.ParseUint(args[0], 10, 16)
			if err != nil || n == 0 {
				return t, fmt.Sprintf("port %q must be a number from 1 to 65535", args[0])
			}
			t.port = int(n)
		case "nocsum":
			t.checksum = "none"
		case "csum":
			t.checksum = "checksum"
		case "remcsum":
			t.checksum = "remote"
		default:
			return t, fmt.Sprintf("%q must be type, port, nocsum, csum or remcsum", option)
		}
	}
	return t, t.wrong()
}

// wrong says which of its options a kind of tunnel has not got, or lacks.
func (t tunnel) wrong() string {
	switch {
	case t.kind != "ipip" && t.kind != "gue" && t.kind != "gre":
		return fmt.Sprintf("type %q must be ipip, gue or gre", t.kind)
	case t.kind == "gue" && t.port == 0:
		return "type gue must have a port, where the server receives it"
	case t.kind != "gue" && t.port != 0:
		return "port is for type gue"
	case t.kind == "ipip" && t.checksum != "none":
		return "type ipip has no checksum"
	case t.kind == "gre" && t.checksum == "remote":
		return "remcsum is for type gue"
	}
	return ""
}

// keepProgram is a keyword with a script, behind which who runs it may stand.
func keepProgram[T any](at func(T) *said[program]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		argv, rest, ok := im.program(s)
		if !ok {
			return
		}
		if first := at(into); first.given() {
			im.again(s, first.by)
			return
		}
		p := program{argv: argv}
		if len(rest) > 0 {
			if p.user, ok = im.runner(s, rest); !ok {
				return
			}
		}
		*at(into) = said[program]{p, s}
	})
}

// program reads a program with its arguments, and the words behind it. One without a path is
// looked for in PATH, as there.
func (im *importer) program(s *syntax.Statement) (argv, rest []string, ok bool) {
	argv, rest, err := s.Command()
	if err != nil {
		im.mistake(s, err.Error())
		return nil, nil, false
	}
	if argv[0][0] != '/' {
		argv = append([]string{"/usr/bin/env"}, argv...)
	}
	return argv, rest, true
}

// user reads a user and, maybe, a group.
func (im *importer) user(s *syntax.Statement, words []string) (user string, ok bool) {
	switch len(words) {
	case 0:
		im.wrong(s, "missing; must have the name of a user")
		return "", false
	case 1, 2:
		return words[0], true
	}
	im.wrong(s, fmt.Sprintf("%q is one value too many", words[2]))
	return "", false
}
