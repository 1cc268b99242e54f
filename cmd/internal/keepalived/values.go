package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// one returns the statement's only argument. It is wrong if there is none or more.
func (im *importer) one(s *syntax.Statement) (arg string, ok bool) {
	switch args := s.Args(); len(args) {
	case 1:
		return args[0], true
	case 0:
		im.wrong(s, "missing; must have a value")
	default:
		im.wrong(s, fmt.Sprintf("%q is one value too many", args[1]))
	}
	return "", false
}

// number returns the statement's only argument, which is an integer from least to most.
func (im *importer) number(s *syntax.Statement, least, most int) (n int, ok bool) {
	arg, ok := im.one(s)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < least || n > most {
		im.wrong(s, fmt.Sprintf("%q must be a number from %d to %d", arg, least, most))
		return 0, false
	}
	return n, true
}

// flag returns what a keyword says that may have on or off behind it, and means on without.
func (im *importer) flag(s *syntax.Statement) (on, ok bool) {
	if len(s.Args()) == 0 {
		return true, true
	}
	arg, ok := im.one(s)
	if !ok {
		return false, false
	}
	switch strings.ToLower(arg) {
	case "on", "true", "yes":
		return true, true
	case "off", "false", "no":
		return false, true
	}
	im.wrong(s, fmt.Sprintf("%q must be on, true, yes, off, false or no", arg))
	return false, false
}

// timer returns the statement's only argument, which is in seconds, with a fraction or without.
func (im *importer) timer(s *syntax.Statement, least, most time.Duration) (d time.Duration, ok bool) {
	arg, ok := im.one(s)
	if !ok {
		return 0, false
	}
	d, err := seconds(arg)
	if err != nil || d < least || d > most {
		im.wrong(s, fmt.Sprintf("%q must be seconds from %s to %s", arg, inSeconds(least), inSeconds(most)))
		return 0, false
	}
	return d, true
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// seconds reads a number of seconds, down to microseconds, as 0.92.
func seconds(text string) (time.Duration, error) {
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("seconds %q: %w", text, err)
	case math.IsNaN(n) || n < 0 || n > 1e9:
		return 0, fmt.Errorf("seconds %q: not from 0 to 1e9", text)
	}
	return time.Duration(math.Round(n*1e6)) * time.Microsecond, nil
}

// prefix reads an address with a prefix length or without, which is a whole address then.
func prefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return a.Prefix(a.BitLen())
	}
	return netip.ParsePrefix(text)
}
