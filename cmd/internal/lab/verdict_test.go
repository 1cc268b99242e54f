package lab

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Hosts a, b and c of the tests of the Judge.
var macs = map[byte]MAC{'a': {0xa}, 'b': {0xb}, 'c': {0xc}}

// reignsOf lists a reign for each letter, of the terms 1, 2 and so on. That of term n
// begins at n seconds.
func reignsOf(hosts string) (reigns []Reign) {
	for i := range hosts {
		reigns = append(reigns, Reign{Term: uint64(i + 1), From: time.Unix(int64(i+1), 0), MAC: macs[hosts[i]]})
	}
	return reigns
}

// frame is what host said at a moment; an answer when ask is not 0.
func frame(host byte, ms int64, ask int) Sighting {
	s := Sighting{At: time.UnixMilli(ms), Addr: netip.MustParseAddr(vip4), From: macs[host], Kind: Pong}
	if ask != 0 {
		s.Kind, s.Ask = Answer, ask
	}
	return s
}

func TestJudge(t *testing.T) {
	type found struct {
		Owner, Intruder MAC
		For             time.Duration
		Asks            int
	}
	tests := map[string]struct {
		reigns string
		frames []Sighting
		want   []found
	}{
		"a planned move": {"ab", []Sighting{frame('a', 1000, 1), frame('a', 1999, 2), frame('b', 2005, 3)}, nil},
		"there and back": {"aba", []Sighting{frame('a', 1000, 1), frame('b', 2000, 2), frame('a', 3000, 3)}, nil},
		"terms in which nobody spoke": {
			"abcab", []Sighting{frame('a', 1000, 1), frame('b', 5000, 2)}, nil,
		},
		"one host in two terms": {"aab", []Sighting{frame('a', 1000, 1), frame('a', 2000, 2), frame('b', 3000, 3)}, nil},
		"the old owner after the new one's first answer": {
			"ab",
			[]Sighting{frame('a', 1000, 1), frame('b', 2000, 2), frame('a', 2004, 0), frame('a', 2007, 0), frame('b', 2010, 3)},
			[]found{{macs['b'], macs['a'], 7 * time.Millisecond, 0}},
		},
		"back before its own next term": {
			"aba",
			[]Sighting{frame('a', 1000, 1), frame('b', 2000, 2), frame('a', 2900, 3), frame('a', 3000, 4)},
			[]found{{macs['b'], macs['a'], 900 * time.Millisecond, 0}},
		},
		"two answers to one ask, in the order of the terms": {
			"ab",
			[]Sighting{frame('a', 1999, 2), frame('b', 2001, 2)},
			[]found{{macs['a'], macs['b'], 2 * time.Millisecond, 1}},
		},
		"one who never won": {
			"ab",
			[]Sighting{frame('a', 1000, 1), frame('c', 1001, 1), frame('a', 1005, 2), frame('c', 1006, 2)},
			[]found{{macs['a'], macs['c'], 6 * time.Millisecond, 2}},
		},
		"frames read out of order": {"ab", []Sighting{frame('b', 2000, 2), frame('a', 1999, 1)}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var j Judge
			var got []found
			for _, v := range j.Judge(tt.frames, reignsOf(tt.reigns)) {
				got = append(got, found{v.Owner, v.Intruder, v.For(), v.Asks})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// A second call goes on where the first ended.
func TestJudgeRemembersTheOwner(t *testing.T) {
	var j Judge
	reigns := reignsOf("ab")
	if v := j.Judge([]Sighting{frame('a', 1000, 1), frame('b', 2000, 2)}, reigns); v != nil {
		t.Fatal(v)
	}
	if v := j.Judge([]Sighting{frame('a', 3000, 9)}, reigns); len(v) != 1 {
		t.Errorf("%d violations, want one: %v", len(v), v)
	}
}
