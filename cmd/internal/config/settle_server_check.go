package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// checkMaker makes the checks of servers: one for all of those that look at the same thing
// in the same way, however much that counts.
type checkMaker struct {
	*draft
	settled   map[*value]settledCheck // by their tables
	templates map[string]int          // what differs but for the target
	made      map[madeCheck]string    // the name
	named     map[string]int          // the last number that was added to a name, less 1
	taken     map[string]bool
}

// settledCheck is a check that lacks a name and, unless it says so itself, a target.
type settledCheck struct {
	draftCheck
	template int
}

// madeCheck tells checks apart.
type madeCheck struct {
	template int
	target   string
}

func newCheckMaker(d *draft) *checkMaker {
	return &checkMaker{d, map[*value]settledCheck{}, map[string]int{}, map[madeCheck]string{}, map[string]int{}, map[string]bool{}}
}

// tracks makes the checks of a server, and returns how each of them counts. They are read
// from the key check of the table.
func (m *checkMaker) tracks(checks []draftCheck, table *value, server netip.AddrPort) []Track {
	if !server.IsValid() {
		return nil
	}
	var tracks []Track
	for i := range checks {
		v := elements(table.child("check"))[i]
		if checks[i].Kind == "" { // it was refused
			continue
		}
		t := Track{m.name(m.settle(v, checks[i]), v, server), checks[i].Weight, checks[i].Reverse}
		if t.Weight != 0 || !slices.Contains(tracks, t) { // a number that is there twice counts twice
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func (m *checkMaker) settle(table *value, c draftCheck) settledCheck {
	if s, ok := m.settled[table]; ok {
		return s
	}
	c.Weight, c.Reverse = 0, false
	template := c.Check
	template.Target = ""
	if c.Kind == "http" {
		template.TLS.Enabled = false // its target says so
	}
	text, _ := json.Marshal(template) // of texts, numbers and booleans
	n, ok := m.templates[string(text)]
	if !ok {
		n = len(m.templates)
		m.templates[string(text)] = n
	}
	s := settledCheck{c, n}
	m.settled[table] = s
	return s
}

// name returns the name of the check of a server, which it makes unless there is one.
func (m *checkMaker) name(s settledCheck, table *value, server netip.AddrPort) string {
	c := s.Check
	if table.child("target") == nil {
		c.Target = s.target(server)
	}
	if c.Kind == "http" {
		c.TLS.Enabled = false
	}
	key := madeCheck{s.template, c.Target}
	if name, ok := m.made[key]; ok {
		return name
	}
	c.Name = m.free(subject(&c))
	m.made[key] = c.Name
	m.ServerChecks = append(m.ServerChecks, c)
	m.checked = append(m.checked, table)
	return c.Name
}

// target returns what of a server the check looks at, or nothing for a check of something else.
func (c *draftCheck) target(server netip.AddrPort) string {
	where := netip.AddrPortFrom(server.Addr(), cmp.Or(c.port, server.Port())).String()
	switch c.Kind {
	case "http":
		if c.TLS.Enabled {
			return "https://" + where + "/"
		}
		return "http://" + where + "/"
	case "icmp", "gateway":
		return server.Addr().String()
	}
	if slices.Contains(strings.Fields(kindsOfPort), c.Kind) {
		return where
	}
	return ""
}

// free returns the name, with a number if there is one like it.
func (m *checkMaker) free(name string) string {
	free := name
	for m.taken[free] {
		m.named[name]++
		free = fmt.Sprintf("%s #%d", name, m.named[name]+1)
	}
	m.taken[free] = true
	return free
}

// subject says what a check of servers looks at and how: "10.0.0.11:80 tcp" or
// "10.0.0.11:80 http /healthz". Names of a [[check]] have no spaces.
func subject(c *Check) string {
	of := c.Target
	switch c.Kind {
	case "http":
		return shorten(subjectOfHTTP(c))
	case "script":
		of = strings.Join(c.Script.Argv, " ")
	case "process":
		of = cmp.Or(c.Target, c.Process.PIDFile, c.Process.Command)
	}
	of = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, of)
	return shorten(of) + " " + c.Kind
}

func subjectOfHTTP(c *Check) string {
	target, err := url.Parse(c.Target)
	if err != nil { // it is refused
		return c.Target
	}
	name := target.Host + " " + target.Scheme
	if asked, err := target.Parse(c.HTTP.Requests[0].URL); err == nil && asked.RequestURI() != "/" {
		name += " " + asked.RequestURI()
	}
	return name
}
