package ipvs

import (
	"cmp"
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

var updatePools = flag.Bool("update-pools", false, "write what the transcripts in testdata/pool come to, instead of comparing")

// TestPools replays what happens to pools. Each file in testdata/pool has lines with
// commands, which begin with a $ and make for one Step, and after each what that came to:
// the kernel's table, events, and when time changes something, as far as these differ
// from before; of "show" all that is to be said of members.
//
//	$ rules [quorum=N] [hysteresis=N] [sorry=NAME] [start=up] [omega]
//	$ members NAME[=WEIGHT[/inhibit][/slow=DURATION]] ...
//	$ NAME healthy|failed|unknown [REASON]; NAME rests N; NAME check N|none; NAME adds N; NAME order [drain] [none|N]
//	$ NAME active N; NAME present N; wait DURATION; restart; end; show
func TestPools(t *testing.T) {
	files, err := filepath.Glob("testdata/pool/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replayPool(t, string(text))
			if *updatePools {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("it came to this:\n%s", got)
			}
		})
	}
}

// poolStage is a pool and all that it is told.
type poolStage struct {
	pool       Pool
	now        time.Duration
	rules      Rules
	members    []Member
	conditions map[netip.AddrPort]Condition
	last       Outcome
	out        strings.Builder
}

func replayPool(t *testing.T, text string) string {
	s := &poolStage{now: time.Hour, rules: Rules{Quorum: 1}, conditions: make(map[netip.AddrPort]Condition)}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&s.out, line)
		case strings.HasPrefix(line, "$ "):
			fmt.Fprintln(&s.out, line)
			show := false
			for command := range strings.SplitSeq(line[2:], ";") {
				words := strings.Fields(command)
				show = show || words[0] == "show"
				if err := s.command(words); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			s.step(show)
		}
	}
	return s.out.String()
}

func (s *poolStage) command(words []string) (err error) {
	switch words[0] {
	case "show":
	case "wait":
		d, err := time.ParseDuration(words[1])
		s.now += d
		return err
	case "restart":
		s.restart()
	case "end":
		for _, e := range s.pool.End() {
			s.say(e)
		}
	case "rules":
		s.rules, err = parsePoolRules(words[1:])
	case "members":
		s.members = nil
		for _, word := range words[1:] {
			m, err := parsePoolMember(word)
			if err != nil {
				return err
			}
			s.members = append(s.members, m)
		}
	default:
		return s.tell(poolServer(words[0]).Address, words[1], words[2:])
	}
	return err
}

// restart begins again with what the kernel has.
func (s *poolStage) restart() {
	s.pool = Pool{}
	for a, c := range s.conditions {
		s.conditions[a] = Condition{Order: c.Order, Active: c.Active}
	}
	for _, server := range s.last.Servers {
		c := s.conditions[server.Address]
		c.Present = &server.Weight
		s.conditions[server.Address] = c
	}
}

func (s *poolStage) tell(a netip.AddrPort, what string, args []string) (err error) {
	c := s.conditions[a]
	switch what {
	case "healthy", "failed", "unknown":
		c.Health = map[string]Health{"healthy": Healthy, "failed": Failed, "unknown": Unknown}[what]
		c.Reason = strings.Join(args, " ")
	case "rests":
		c.Resting, err = strconv.Atoi(args[0])
	case "check":
		c.Weight, err = parsePoolWeight(args[0])
	case "adds":
		c.Added, err = strconv.ParseInt(args[0], 10, 64)
	case "order":
		c.Order = Order{Drain: args[0] == "drain"}
		if last := args[len(args)-1]; last != "drain" {
			c.Order.Weight, err = parsePoolWeight(last)
		}
	case "active", "present":
		n, err := parsePoolWeight(args[0])
		if err != nil {
			return err
		}
		if what == "present" {
			c.Present = n
		} else {
			c.Active = *n
		}
	default:
		return fmt.Errorf("no such command")
	}
	s.conditions[a] = c
	return err
}

func parsePoolWeight(word string) (*uint32, error) {
	if word == "none" {
		return nil, nil
	}
	n, err := strconv.ParseUint(word, 10, 32)
	weight := uint32(n)
	return &weight, err
}

func parsePoolRules(words []string) (Rules, error) {
	r := Rules{Quorum: 1}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseUint(cmp.Or(strings.Trim(value, "abcdefghijklmnopqrstuvwxyz"), "0"), 10, 32)
		if err != nil {
			return r, err
		}
		switch key {
		case "quorum":
			r.Quorum = uint32(n)
		case "hysteresis":
			r.Hysteresis = uint32(n)
		case "sorry":
			s := poolServer(value)
			r.Sorry = &s
		case "start":
			r.StartUp = value == "up"
		case "omega":
			r.Omega = true
		default:
			return r, fmt.Errorf("no rule %s", key)
		}
	}
	return r, nil
}

func parsePoolMember(word string) (Member, error) {
	name, rest, _ := strings.Cut(word, "=")
	m := Member{Server: poolServer(name)}
	for i, part := range strings.Split(rest, "/") {
		var err error
		switch slow, isSlow := strings.CutPrefix(part, "slow="); {
		case isSlow:
			m.SlowStart, err = time.ParseDuration(slow)
		case part == "inhibit":
			m.Inhibit = true
		case i == 0 && part != "":
			var w *uint32
			w, err = parsePoolWeight(part)
			m.Weight = *w
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

// poolServer returns the server of a name, which is a letter.
func poolServer(name string) Server {
	return Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, name[0]}), 80), Weight: 1}
}

func poolName(a netip.AddrPort) string { return string(rune(a.Addr().As4()[3])) }

func (s *poolStage) step(show bool) {
	o := s.pool.Step(s.now, s.rules, s.members, func(a netip.AddrPort) Condition { return s.conditions[a] })
	if table := poolTable(o.Servers); table != poolTable(s.last.Servers) {
		fmt.Fprintln(&s.out, "  table", table)
	}
	for _, e := range o.Events {
		s.say(e)
	}
	if o.Next != 0 && o.Next != s.last.Next {
		fmt.Fprintln(&s.out, "  next in", o.Next-s.now)
	}
	if show {
		for _, m := range o.Members {
			fmt.Fprintln(&s.out, strings.TrimRight(fmt.Sprintf("  %s %s, %d of %d: %s", poolName(m.Address), m.State, m.Weight, m.Configured, m.Reason), ": "))
		}
		fmt.Fprintln(&s.out, " ", describeQuorum(o))
	}
	s.last = o
}

func describeQuorum(o Outcome) string {
	words := []string{"quorum", map[bool]string{true: "up", false: "down"}[o.Quorum.Up]}
	if o.Quorum.Open {
		words[1] = "open"
	}
	if o.Sorry {
		words = append(words, "and sorry")
	}
	return strings.Join(words, " ") + ": " + o.Quorum.String()
}

func (s *poolStage) say(e Event) {
	words := []string{" ", string(e.Kind)}
	if e.Server.IsValid() {
		words = append(words, poolName(e.Server))
	}
	if e.Reason != "" {
		words = append(words, "("+e.Reason+")")
	}
	fmt.Fprintln(&s.out, strings.Join(words, " "))
}

// poolTable writes the kernel's table.
func poolTable(servers []Server) string {
	var words []string
	for _, s := range servers {
		words = append(words, fmt.Sprintf("%s=%d", poolName(s.Address), s.Weight))
	}
	if !slices.IsSortedFunc(servers, func(a, b Server) int { return a.Address.Compare(b.Address) }) {
		words = append(words, "not sorted")
	}
	return cmp.Or(strings.Join(words, " "), "empty")
}
