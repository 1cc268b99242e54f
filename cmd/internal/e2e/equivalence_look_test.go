package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(t.Context()), patience)
}

// furniture is what the machine has of addresses, routes and rules, a line each.
func (s *stage) furniture() []string {
	s.t.Helper()
	var lines []string
	for _, what := range [][]string{
		{"-o", "address"}, {"-4", "route", "show", "table", "all"}, {"-6", "route", "show", "table", "all"}, {"-4", "rule"}, {"-6", "rule"},
	} {
		for line := range strings.Lines(s.ip(what...)) {
			if line = essence(what[1], line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func (s *stage) ip(args ...string) string {
	s.t.Helper()
	var out []byte
	must(s.t, s.subject.Do(func() (err error) {
		out, err = exec.Command("ip", args...).Output()
		return err
	}))
	return string(out)
}

// incidental is what ip says that is not for others to see, or that hangs on the moment:
// lifetimes, who made it, numbers of interfaces, which address of a subnet is the first.
var incidental = regexp.MustCompile(`\\.*|\bvalid_lft \S+|\bpreferred_lft \S+|\bproto \S+|^\d+:|\bpref medium|\bexpires \S+|\b(secondary|dynamic|nodad|tentative|linkdown|dadfailed|optimistic|noprefixroute)\b`)

// essence returns what matters of a line, or nothing: the kernel's own routes follow from
// the addresses.
func essence(object, line string) string {
	if strings.Contains(line, "ff:fe") { // a link-local address, which comes late
		return ""
	}
	if object == "route" && (strings.Contains(line, "table local") || strings.Contains(line, "proto kernel")) {
		return ""
	}
	if object == "rule" { // with its preference, which is no number of an interface
		line = strings.Replace(line, ":", "", 1)
	}
	line = incidental.ReplaceAllString(line, "")
	return object + " " + strings.Join(strings.Fields(line), " ")
}

// adverts returns what the machine said: adverts that are the same one after the other count
// once.
func (s *stage) adverts() []string {
	s.t.Helper()
	adverts, err := s.capture.Adverts()
	must(s.t, err)
	byRouter := map[uint8][]string{}
	for _, a := range adverts {
		if bytes.Equal(a.From[:], s.second.Eth0.MAC) {
			continue
		}
		said := byRouter[a.VRID]
		if line := s.describe(a); len(said) == 0 || said[len(said)-1] != line {
			byRouter[a.VRID] = append(said, line)
		}
	}
	var lines []string
	for vrid := range 256 {
		lines = append(lines, byRouter[uint8(vrid)]...)
	}
	return lines
}

// describe returns all of an advert that its config decides.
func (s *stage) describe(a lab.Advert) string {
	from := a.Src.String()
	if a.Src.IsLinkLocalUnicast() {
		from = "link-local"
	}
	mac := "its own"
	if !bytes.Equal(a.From[:], s.subject.Eth0.MAC) {
		mac = fmt.Sprint(a.From)
	}
	return fmt.Sprintf("advert version %d vrid %d priority %d interval %v addresses %v from %s (mac %s) to %v ttl %d tos %d auth %d %q ah %v checksum %v",
		a.Version, a.VRID, a.Priority, a.Interval, a.Addresses, from, mac, a.Dst, a.TTL, a.TOS, a.AuthType, a.Password, a.AH != nil, a.ChecksumGood)
}
