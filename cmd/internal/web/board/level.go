package board

import "github.com/perch-vip/perch/cmd/internal/api"

// level is how bad something is.
type level int

const (
	well level = iota
	idle       // well, and not at work
	odd        // somebody should look
	bad
)

// class is the class of a level in the style, which gives it a colour and a shape.
func (l level) class() string {
	switch l {
	case well:
		return "ok"
	case idle:
		return "idle"
	case odd:
		return "odd"
	}
	return "bad"
}

// sign begins the title, which is all that is seen of a page in the background.
func (l level) sign() string {
	switch l {
	case odd:
		return "! "
	case bad:
		return "✕ "
	}
	return ""
}

// suffix is that of the icon's name.
func (l level) suffix() string {
	if l < odd {
		return ""
	}
	return "-" + l.class()
}

// mark appends a level with its word.
func (w *writer) mark(l level, word string) *writer {
	return w.raw(`<b class="`).raw(l.class()).raw(`">`).text(word).raw("</b>")
}

// markOf appends a level of what a node has. What is only known from before is not well.
func (w *writer) markOf(p *party, l level, word string) *writer {
	if p.stale != "" && l < odd {
		return w.mark(odd, "was "+word)
	}
	return w.mark(l, word)
}

// judged is something with how bad it is.
type judged[T any] struct {
	what  T
	level level
}

// sorted returns what is bad before what is odd, and that before all else, which stands as
// it stood.
func sorted[T any](all []judged[T]) []judged[T] {
	list := make([]judged[T], 0, len(all))
	for _, l := range []level{bad, odd, idle} {
		for _, each := range all {
			if max(each.level, idle) == l {
				list = append(list, each)
			}
		}
	}
	return list
}

// troubled counts those of which something is wrong.
func troubled[T any](all []judged[T]) int {
	n := 0
	for _, each := range all {
		if each.level >= odd {
			n++
		}
	}
	return n
}

func levelOfVIP(v *api.VIP) (level, string) {
	switch {
	case v.Owner == "":
		return bad, "no owner"
	case !v.Held:
		return bad, "not held"
	case v.Conflict != nil && v.Conflict.Ongoing:
		return bad, "conflict"
	}
	return well, "held"
}

func levelOfNode(n *api.Node) (level, string) {
	switch {
	case n.Role == api.RoleUnreachable:
		return bad, "unreachable"
	case !n.Healthy:
		return bad, n.Role + ", not well"
	case n.Drained:
		return odd, n.Role + ", drained"
	case n.Role == api.RoleCandidate:
		return odd, n.Role
	case n.Role == api.RoleLeader:
		return well, n.Role
	}
	return idle, n.Role
}

func levelOfRouter(r *api.VirtualRouter) level {
	for i := range r.Addresses {
		if a := &r.Addresses[i]; a.Reason != "" || a.Conflict != nil && a.Conflict.Ongoing {
			return bad
		}
	}
	switch r.State {
	case api.StateMaster:
		return well
	case api.StateBackup:
		return idle
	case api.StateInit:
		return odd
	}
	return bad
}

func levelOfCheck(c *api.Check) level {
	switch {
	case c.State == api.CheckFailed:
		return bad
	case c.State != api.CheckHealthy, c.Error != "", c.Overdue != "":
		return odd
	}
	return well
}

func levelOfService(s *api.Service, size api.Size) (level, string) {
	switch {
	case s.State == api.ServiceBlocked:
		return bad, s.State
	case !s.Quorum.Up:
		return bad, "no quorum"
	case s.State == api.ServiceWaiting:
		return odd, s.State
	case s.Sorry:
		return odd, "sorry server"
	case size.Up < size.All:
		return odd, s.State
	case s.State == api.ServiceStandby:
		return idle, s.State
	}
	return well, s.State
}

func levelOfServer(s *api.Server) level {
	switch s.State {
	case api.ServerUp:
		return well
	case api.ServerDown:
		return bad
	case api.ServerUnknown:
		return odd
	}
	return idle
}

func levelOfBGP(b *api.BGP) level {
	switch {
	case b.Error != "":
		return bad
	case b.State == api.BGPStandby:
		return idle
	case b.State == api.BGPAnnounced:
		return well
	}
	return odd
}
