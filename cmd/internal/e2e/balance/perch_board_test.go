//go:build ipvs

package balance

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// shown is a service as a dashboard has it, without its tags.
type shown struct {
	open    bool
	summary string
	servers []string // in the order of the page
}

var tag = regexp.MustCompile(`<[^>]*>`)

// shown returns what the dashboard of a node has of a service.
func (c *cluster) shown(n *lab.Node, s service) shown {
	c.bed.t.Helper()
	page := c.page(n, "/")
	_, rest, found := strings.Cut(page, fmt.Sprintf("<details id=\"s-%s\"", s.name))
	if !found {
		return shown{}
	}
	rest, _, _ = strings.Cut(rest, "</details>")
	rows := strings.Split("<details"+rest, `<tr><th scope="row">`)
	for i := range rows {
		rows[i] = strings.Join(strings.Fields(tag.ReplaceAllString(rows[i], " ")), " ")
	}
	return shown{strings.HasPrefix(rest, " open>"), rows[0], rows[1:]}
}

// showsCounts has the dashboards of both directors show a service with what the kernel of
// its owner counts: so many connections of each server, which are all open.
func (l *balancers) showsCounts(s service, each int) {
	b := l.bed
	b.t.Helper()
	for _, n := range []*lab.Node{l.owner, l.spare} {
		l.shows(n, s, func(got shown) bool {
			for i, w := range b.webs {
				if len(got.servers) != len(b.webs) {
					return false
				}
				f := strings.Fields(got.servers[i]) // address, state, weight, active, a second, total, bytes
				if len(f) != 7 || f[0] != s.server(w) || f[1] != "up" || f[2] != "1" || f[3] != fmt.Sprint(each) || f[5] != fmt.Sprint(each) || f[6] == "0" {
					return false
				}
			}
			return strings.Contains(got.summary, fmt.Sprintf(" %d/%[1]d up %d active ", len(b.webs), each*len(b.webs))) &&
				strings.Contains(got.summary, " as "+l.owner.Name+" has it")
		})
	}
}

// showsDead has the dashboards of both directors show a server that is dead before those
// that are not, in services that are open.
func (l *balancers) showsDead(s service, dead *web) {
	b := l.bed
	b.t.Helper()
	for _, n := range []*lab.Node{l.owner, l.spare} {
		l.shows(n, s, func(got shown) bool {
			return got.open && len(got.servers) == len(b.webs) && strings.HasPrefix(got.servers[0], s.server(dead)+" ") &&
				strings.Contains(got.servers[0], " connection refused down 0 ") && strings.Contains(got.summary, fmt.Sprintf(" %d/%d up ", len(b.webs)-1, len(b.webs)))
		})
	}
}

// shows waits until the dashboard of a node shows a service so.
func (c *cluster) shows(n *lab.Node, s service, is func(shown) bool) {
	c.bed.t.Helper()
	var got shown
	defer func() {
		if c.bed.t.Failed() {
			c.bed.t.Logf("the dashboard of %s has of %s: %+v", n.Name, s.name, got)
		}
	}()
	eventually(c.bed.t, "the dashboard of "+n.Name+" has "+s.name+" as it is", func() bool {
		got = c.shown(n, s)
		return is(got)
	})
}
