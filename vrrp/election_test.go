package vrrp

import (
	"bufio"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the elections in testdata come to, instead of comparing")

// Elections between routers on one segment. Each file in testdata/election has
// commands, which begin with a $, and after each what it came to:
//
//	$ router NAME ADDRESS [priority=N] [interval=D] [version=N] [preempt=no] [preempt_delay=D] [start_delay=D] [vrid=N]
//	$ group NAME NAME ...  of one node; routers hear only those of their VRID
//	$ start NAME | stop NAME | priority NAME N
//	$ freeze NAME | thaw NAME
//	$ cut NAME | mend NAME  nothing comes from it or to it
//	$ run DURATION
func TestElections(t *testing.T) {
	files, err := filepath.Glob("testdata/election/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no elections", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("it came to this:\n%s", got)
			}
		})
	}
}

// segment is what the routers of an election share.
type segment struct {
	now     time.Duration
	routers []*station
	air     []transmission // sent, and not yet heard
	out     strings.Builder
}

// station is one router on its machine.
type station struct {
	*Router
	name    string
	vrid    string
	group   Group
	frozen  bool
	cut     bool
	holds   bool
	adverts int // since the last summary
}

// transmission is an advert that goes to all others.
type transmission struct {
	from     *station
	priority uint8
}

// replay runs the commands of a transcript, and returns it with what they came to.
func replay(t *testing.T, text string) string {
	s := &segment{now: time.Hour}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&s.out, line)
		case strings.HasPrefix(line, "$ "):
			fmt.Fprintln(&s.out, line)
			if err := s.command(strings.Fields(line[2:])); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	return s.out.String()
}

func (s *segment) command(words []string) error {
	switch words[0] {
	case "router":
		return s.add(words[1], words[2], words[3:])
	case "run":
		d, err := time.ParseDuration(words[1])
		s.run(s.now + d)
		return err
	}
	var named []*station
	for _, name := range words[1:] {
		i := slices.IndexFunc(s.routers, func(x *station) bool { return x.name == name })
		if i < 0 {
			break
		}
		named = append(named, s.routers[i])
	}
	if len(named) == 0 {
		return fmt.Errorf("no router %s", words[1])
	}
	defer s.carry()
	switch x := named[0]; words[0] {
	case "group":
		s.group(named)
	case "start":
		s.act(x, x.Start(s.now))
	case "stop":
		s.act(x, x.Stop())
	case "priority":
		p, err := strconv.ParseUint(words[2], 10, 8)
		s.act(x, x.SetPriority(s.now, uint8(p)))
		return err
	case "freeze", "thaw":
		x.frozen = words[0] == "freeze"
	case "cut", "mend":
		x.cut = words[0] == "cut"
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

func (s *segment) group(members []*station) {
	var g Group
	for _, x := range members {
		x.cfg.Grouped = true
		g = append(g, x.Router)
	}
	for _, x := range members {
		x.group = g
	}
}

func (s *segment) add(name, address string, options []string) error {
	cfg := Config{Version: V3, Priority: 100, Interval: time.Second, Source: netip.MustParseAddr(address), Preempt: true}
	vrid := ""
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		n, _ := strconv.Atoi(value)
		d, _ := time.ParseDuration(value)
		switch key {
		case "priority":
			cfg.Priority = uint8(n)
		case "version":
			cfg.Version = Version(n)
		case "interval":
			cfg.Interval = d
		case "preempt":
			cfg.Preempt = value != "no"
		case "preempt_delay":
			cfg.PreemptDelay = d
		case "start_delay":
			cfg.StartDelay = d
		case "vrid":
			vrid = value
		default:
			return fmt.Errorf("no option %s", key)
		}
	}
	s.routers = append(s.routers, &station{Router: New(cfg), name: name, vrid: vrid})
	return nil
}

// run lets time pass.
func (s *segment) run(end time.Duration) {
	for {
		var next *station
		due := end
		for _, x := range s.routers {
			if at, ticking := x.Deadline(); ticking && !x.frozen && at < due {
				next, due = x, at
			}
		}
		s.now = max(s.now, due)
		if next == nil {
			s.summary()
			return
		}
		s.act(next, next.Tick(s.now))
		s.carry()
	}
}

// act does what a router asks for, and what its group does then.
func (s *segment) act(x *station, actions []Action) {
	s.do(x, actions)
	x.group.Settle(s.now, func(member *Router, actions []Action) {
		i := slices.IndexFunc(s.routers, func(x *station) bool { return x.Router == member })
		s.do(s.routers[i], actions)
	})
}

func (s *segment) do(x *station, actions []Action) {
	for _, a := range actions {
		switch a {
		case SendAdvert:
			x.adverts++
			s.air = append(s.air, transmission{x, x.Priority()})
		case SendFarewell:
			s.show(x, "says farewell")
			s.air = append(s.air, transmission{x, 0})
		case Take:
			x.holds = true
			s.show(x, "takes")
		case Release:
			x.holds = false
			s.show(x, "releases")
		case Announce:
			s.show(x, "announces again")
		}
	}
}

// carry brings what was sent to the others, and what they answer.
func (s *segment) carry() {
	for len(s.air) > 0 {
		sent := s.air[0]
		s.air = s.air[1:]
		for _, to := range s.routers {
			if to != sent.from && to.vrid == sent.from.vrid && !to.frozen && !to.cut && !sent.from.cut {
				s.act(to, to.Hear(s.now, sent.from.cfg.Source, sent.priority, sent.from.cfg.Interval))
			}
		}
	}
}

func (s *segment) show(x *station, what string) {
	fmt.Fprintf(&s.out, "%9s %s %s\n", (s.now - time.Hour).Round(time.Millisecond), x.name, what)
}

// summary says how the routers stand.
func (s *segment) summary() {
	for _, x := range s.routers {
		holds := ""
		if x.holds {
			holds = ", holds"
		}
		fmt.Fprintf(&s.out, "%9s %s: %s, %d adverts%s\n", (s.now - time.Hour).Round(time.Millisecond), x.name, x.State(), x.adverts, holds)
		x.adverts = 0
	}
}
