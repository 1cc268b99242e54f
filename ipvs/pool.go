package ipvs

import (
	"maps"
	"net/netip"
	"sort"
	"time"
)

// Pool decides which real servers of a service get traffic, and how much. It is pure: all
// that it knows it is told at each Step. The zero value is for a service that begins.
type Pool struct {
	members map[netip.AddrPort]*tracked
	order   []*tracked // as configured
	quorum  quorum
	steps   uint64
	omega   bool
}

// Step says what follows from the rules, the members as they are configured, their
// conditions, and the time since some moment. A Step with nothing new changes nothing.
// Members are told apart by their addresses, so that another order of them is nothing new;
// of several with one address the first counts. Conditions are also asked for that of
// the sorry server. What they point to must not change.
func (p *Pool) Step(now time.Duration, rules Rules, members []Member, conditions func(netip.AddrPort) Condition) Outcome {
	p.omega = rules.Omega
	p.track(rules, members, conditions)
	o := Outcome{
		Servers: make([]Server, 0, len(members)+1),
		Members: make([]MemberStatus, 0, len(members)),
	}
	for _, t := range p.order {
		if kind := t.judge(rules); kind != "" {
			o.Events = append(o.Events, Event{Kind: kind, Server: t.Address, Reason: t.reason})
		}
	}
	was := p.quorum
	o.Quorum = p.quorum.decide(rules, p.weigh())
	if p.quorum != was {
		o.Events = append(o.Events, Event{Kind: o.Quorum.Event(), Reason: o.Quorum.String()})
	}
	if !p.quorum.up && rules.Sorry != nil {
		sorry := *rules.Sorry
		sorry.Weight = conditions(sorry.Address).Order.apply(sorry.Weight)
		o.Sorry, o.Servers = true, append(o.Servers, sorry)
	}
	for _, t := range p.order {
		p.place(t, now, rules, &o)
	}
	sort.Slice(o.Servers, func(i, j int) bool { return o.Servers[i].Address.Compare(o.Servers[j].Address) < 0 })
	return o
}

// track finds out who is a member now.
func (p *Pool) track(rules Rules, members []Member, conditions func(netip.AddrPort) Condition) {
	if p.members == nil {
		p.members = make(map[netip.AddrPort]*tracked)
	}
	p.steps++
	clear(p.order)
	p.order = p.order[:0]
	for _, m := range members {
		t := p.members[m.Address]
		if t == nil {
			t = &tracked{past: p.steps > 1}
			p.members[m.Address] = t
		}
		if t.step == p.steps {
			continue
		}
		t.step, t.Member, t.condition = p.steps, m, conditions(m.Address)
		p.order = append(p.order, t)
	}
	maps.DeleteFunc(p.members, func(_ netip.AddrPort, t *tracked) bool { return t.step != p.steps })
	if p.steps == 1 {
		p.takeOver(rules)
	}
}

// takeOver takes servers over that the kernel has already. They had traffic, and so there
// was a quorum, unless it was as the sorry server.
func (p *Pool) takeOver(rules Rules) {
	isSorry := func(t *tracked) bool { return rules.Sorry != nil && rules.Sorry.Address == t.Address }
	for _, t := range p.order {
		if present := t.condition.Present; present != nil && *present > 0 && !isSorry(t) {
			p.quorum.up = true
		}
	}
	for _, t := range p.order {
		if p.quorum.up || !isSorry(t) {
			t.takeOver()
		}
	}
}

// weigh sums up the weights that decide on the quorum.
func (p *Pool) weigh() (w weights) {
	for _, t := range p.order {
		w.all += uint64(t.Weight)
		switch {
		case t.live:
			w.live += uint64(t.full())
		case !t.known:
			w.open += uint64(t.full())
		}
	}
	return w
}

// place adds a member to the outcome.
func (p *Pool) place(t *tracked, now time.Duration, rules Rules, o *Outcome) {
	switch {
	case !o.Sorry:
		t.serve(now)
	case rules.Sorry.Address == t.Address:
		t.standBy(now)
		t.in = true
		o.Members = append(o.Members, t.asSorry(o.Servers[0].Weight))
		return
	default:
		t.standBy(now)
	}
	if t.in {
		s := t.Server
		s.Weight = t.weight
		o.Servers = append(o.Servers, s)
	}
	o.Members = append(o.Members, t.status())
	if t.next != 0 && (o.Next == 0 || t.next < o.Next) {
		o.Next = t.next
	}
}

// End returns what the end of perch means for those who are told of events: if the rules
// of the last Step say so, it is the loss of all servers and the quorum. After it the
// pool is one that begins.
func (p *Pool) End() (events []Event) {
	const reason = "perch ends"
	if p.omega {
		for _, t := range p.order {
			if t.live {
				events = append(events, Event{Kind: ServerDown, Server: t.Address, Reason: reason})
			}
		}
		if p.quorum.up {
			events = append(events, Event{Kind: QuorumDown, Reason: reason})
		}
	}
	*p = Pool{}
	return events
}
