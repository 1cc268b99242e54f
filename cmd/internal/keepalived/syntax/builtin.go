package syntax

import (
	"strconv"
	"strings"
)

// maxRandom is the default of ${_RANDOM}, and mostRandom what it may be asked for.
const (
	maxRandom  = 32767
	mostRandom = 1<<31 - 1
)

// lookup returns the variable that is referred to, nil if there is none. What is wrong
// with it is reported.
func (p *parser) lookup(at Position, r reference) (*variable, bool) {
	if v := p.vars[string(r.name)]; v != nil {
		return v, true
	}
	if r.name[0] != '_' {
		return nil, true
	}
	switch string(r.name) {
	case "_HASH":
		return &variable{value: "#"}, true
	case "_BANG":
		return &variable{value: "!"}, true
	case "_INSTANCE":
		return &variable{value: p.o.ID}, true
	case "_PWD":
		return p.folder(at)
	case "_ENV":
		return p.env(at, r)
	case "_RANDOM":
		return p.number(at, r)
	}
	return nil, true
}

// folder is the folder of the file that is being read.
func (p *parser) folder(at Position) (*variable, bool) {
	if p.in.folder == "" {
		folder, err := p.o.Files.Folder(p.in.path)
		if err != nil {
			p.mistake(at, "the folder of %s: %v", p.in.path, err)
			return nil, false
		}
		p.in.folder = folder
	}
	return &variable{value: p.in.folder}, true
}

func (p *parser) env(at Position, r reference) (*variable, bool) {
	name := trim(r.args)
	if name == "" {
		return nil, true
	}
	if p.o.Env != nil {
		if value, ok := p.o.Env(name); ok {
			return &variable{value: value}, true
		}
	}
	p.mistake(at, "the environment has no variable %q", name)
	return nil, false
}

func (p *parser) number(at Position, r reference) (*variable, bool) {
	bounds := []int{0, maxRandom}
	fields := strings.Fields(r.args)
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 31)
		if err != nil || i == len(bounds) {
			p.mistake(at, "${_RANDOM%s}: it takes at most two numbers of 0 to %d", r.args, mostRandom)
			return nil, false
		}
		bounds[i] = int(n)
	}
	if bounds[0] > bounds[1] {
		p.mistake(at, "${_RANDOM%s}: the first number, %d, is greater than the second, %d", r.args, bounds[0], bounds[1])
		return nil, false
	}
	if p.o.Random != nil {
		return &variable{value: strconv.Itoa(p.o.Random(bounds[0], bounds[1]))}, true
	}
	p.remark(at, "${_RANDOM} is another number at each start of keepalived; here it is always the same one")
	return &variable{value: strconv.Itoa(p.random.number(bounds[0], bounds[1]))}, true
}

// random makes numbers that look random and follow from its seed (splitmix64).
type random struct{ state uint64 }

func (r *random) number(least, most int) int {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return least + int(z%uint64(most-least+1))
}

// seed obeys random_seed.
func (p *parser) seed(s *Statement) {
	if len(s.Args()) == 1 {
		if n, err := strconv.ParseUint(s.Args()[0], 10, 32); err == nil {
			p.random = random{n}
			return
		}
	}
	p.mistake(s.Position, "random_seed: it takes a number of 0 to %d", uint32(1<<32-1))
}
