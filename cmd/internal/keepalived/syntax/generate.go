package syntax

import (
	"fmt"
	"strconv"
	"strings"
)

// generator is a ~SEQ or ~LST with the text that it repeats.
type generator struct {
	names []string
	list  [][]string // of ~LST, one value for each name
	seq   sequence   // of ~SEQ
	text  string
}

// sequence counts from first to last.
type sequence struct {
	first, step, last int64
	base              int
}

// generate reads a generator's text once for each of its values.
func (p *parser) generate(at Position, g generator) {
	if g.text == "" {
		return
	}
	if g.list != nil {
		for _, values := range g.list {
			for i, name := range g.names {
				p.define(at, name, &variable{value: values[i]})
			}
			if p.line(at, g.text); p.stopped {
				return
			}
		}
		return
	}
	s := g.seq
	for n := s.first; (s.step > 0 && n <= s.last || s.step < 0 && n >= s.last) && !p.stopped; n += s.step {
		p.define(at, g.names[0], &variable{value: strconv.FormatInt(n, s.base)})
		p.line(at, g.text)
	}
}

// generator reads ~SEQ(...), ~SEQx(...) or ~LST(...) at the beginning of a line, and
// reports what is wrong with it. A generator without text is one that is wrong.
func (p *parser) generator(at Position, text string) (g generator, ok bool) {
	if !strings.HasPrefix(text, "~SEQ") && !strings.HasPrefix(text, "~LST") {
		return g, false
	}
	word, rest, ok := strings.Cut(text, "(")
	word = trimRight(word)
	inside, rest, closed := strings.Cut(rest, ")")
	if !ok || !closed || word != "~SEQ" && word != "~SEQx" && word != "~LST" {
		shown := about(text)
		if strings.HasPrefix(word, "~LST") {
			shown = shorten(word)
		}
		p.mistake(at, "%s: not ~SEQ(...), ~SEQx(...) or ~LST(...)", shown)
		return g, true
	}
	inside, several, ok := p.expand(at, inside)
	if !ok {
		return g, true
	}
	var problem string
	switch {
	case several != nil:
		problem = "a variable of several lines"
	case word == "~LST":
		g.names, g.list, problem = readList(inside)
	default:
		g.names = make([]string, 1)
		g.names[0], g.seq, problem = readSequence(word, inside)
	}
	if problem != "" {
		if word == "~LST" {
			inside = "..." // which may have secrets in it
		}
		p.mistake(at, "%s(%s): %s", word, inside, problem)
		return g, true
	}
	g.text = trimLeft(rest)
	return g, true
}

// readSequence reads NAME,[START,[STEP,]]END.
func readSequence(word, inside string) (name string, s sequence, problem string) {
	fields := strings.Split(inside, ",")
	if len(fields) < 2 || len(fields) > 4 {
		return "", s, "it takes a name and one to three numbers"
	}
	name = trim(fields[0])
	if !isName(name) {
		return "", s, strconv.Quote(name) + " is no name of a variable"
	}
	numbers := make([]int64, len(fields)-1)
	for i, f := range fields[1:] {
		n, err := strconv.ParseInt(trim(f), 0, 32)
		if err != nil || strings.Contains(f, "_") {
			return "", s, strconv.Quote(f) + " is no number"
		}
		numbers[i] = n
	}
	s = count(numbers)
	if word == "~SEQx" {
		s.base = 16
		if s.first < 0 || s.last < 0 {
			return "", s, "hexadecimal numbers cannot be negative"
		}
	}
	if s.step == 0 || s.first != s.last && s.step > 0 != (s.last > s.first) {
		return "", s, "with its step it never ends"
	}
	return name, s, ""
}

// count fills in what a sequence leaves out.
func count(numbers []int64) sequence {
	s := sequence{first: 1, step: 1, last: numbers[len(numbers)-1], base: 10}
	switch {
	case len(numbers) > 1:
		s.first = numbers[0]
	case s.last < 0:
		s.first = -1
	}
	switch {
	case len(numbers) > 2:
		s.step = numbers[1]
	case s.last < s.first:
		s.step = -1
	}
	return s
}

func isName(name string) bool { return name != "" && nameLen(name) == len(name) }

// readList reads NAME,VALUE,... or {NAME,...},{VALUE,...},...
func readList(inside string) (names []string, list [][]string, problem string) {
	groups, ok := splitGroups(inside)
	if !ok {
		return nil, nil, "its braces do not match"
	}
	if len(groups) < 2 {
		return nil, nil, "it takes a name and at least one value"
	}
	names = groups[0]
	for _, name := range names {
		if !isName(name) {
			return nil, nil, strconv.Quote(name) + " is no name of a variable"
		}
	}
	for i, values := range groups[1:] {
		if len(values) != len(names) {
			return nil, nil, fmt.Sprintf("%d variables, but %d in group %d of the values", len(names), len(values), i+1)
		}
	}
	return names, groups[1:], ""
}

// splitGroups splits at commas. What stands in braces is one group of values.
func splitGroups(text string) (groups [][]string, ok bool) {
	for {
		text = trimLeft(text)
		var group, rest string
		var more bool
		if strings.HasPrefix(text, "{") {
			var closed bool
			if group, rest, closed = strings.Cut(text[1:], "}"); !closed {
				return nil, false
			}
			var between string
			if between, rest, more = strings.Cut(rest, ","); trim(between) != "" {
				return nil, false
			}
			groups = append(groups, splitValues(group))
		} else {
			group, rest, more = strings.Cut(text, ",")
			groups = append(groups, []string{trim(group)})
		}
		if strings.ContainsAny(group, "{}") {
			return nil, false
		}
		if !more {
			return groups, true
		}
		text = rest
	}
}

func splitValues(text string) []string {
	values := strings.Split(text, ",")
	for i, v := range values {
		values[i] = trim(v)
	}
	return values
}
