package vip

import (
	"iter"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// view is what the kernel has.
type view struct {
	links     map[string]link // by the name that VIPs use; one that does not exist is missing
	others    []link          // further ones with addresses of ours
	addresses []address       // in the kernel's order, then the ranges
	partial   bool            // there may be more addresses

	strangers map[VIP]netip.Addr // addresses of this host that are no VIPs and lie within a range
}

// intent is what the kernel should have.
type intent struct {
	configured []VIP
	located    whereabouts      // of configured, at the last look
	want       []VIP            // some of the configured ones, in the order of addition
	wanted     map[VIP]struct{} // the same as want
	retired    []VIP            // no longer configured, but maybe still in the kernel
	beside     []VIP            // of other Managers, which see to them
	mine       map[place]claim  // addresses that this process put there or took over
	lasts      lasts            // how long a VIP's address is to
	dress      dress
}

// claim is an address that this process holds.
type claim struct {
	address
	adopted    bool       // somebody else put it there, and chose its flags
	attributes Attributes // that it was given
}

// op is one kind of action.
type op int

const (
	opAdopt  op = iota // take over an address that is there: renew its lifetimes, announce it
	opAdd              // add a VIP's address and announce it
	opModify           // change the flags of a VIP's address in place
	opRemove           // remove an address

	// The kernel removes the secondary IPv4 addresses of a subnet along with the
	// primary one, unless it is told to promote one of them. opKeep tells it so,
	// opUnkeep takes that back, and opRestore puts an address back that was lost
	// because opKeep was refused.
	opKeep
	opUnkeep
	opRestore
)

// action is one step of a plan.
type action struct {
	op      op
	vip     VIP     // whose address it is; zero if no configured one's
	address address // as it is to be, or as it is if it is to go; for opKeep and opUnkeep only its index
	given   Attributes
}

// planner compares a view with an intent. It is pure.
type planner struct {
	view
	intent

	whereabouts
	theirs  map[spot]struct{}   // where VIPs of other Managers belong
	shared  map[subnet]struct{} // with such VIPs
	old     map[place]struct{}  // where retired VIPs are, if they still are
	present map[VIP]address     // configured VIPs that the kernel has, in a state of use
	blocked map[VIP]address     // of no use to a wanted VIP, and in its way
	surplus []address

	each    int // VIPs that are planned for before what they need is handed over
	actions []action
	model   model // what the kernel has after actions
}

// survey finds out which VIPs the kernel has.
func survey(v view, in intent) *planner {
	p := &planner{
		view: v, intent: in, each: portion,
		whereabouts: in.located,

		theirs:  make(map[spot]struct{}, len(in.beside)),
		shared:  make(map[subnet]struct{}),
		old:     make(map[place]struct{}, len(in.retired)),
		present: make(map[VIP]address, min(len(in.want), len(v.addresses))),
		blocked: make(map[VIP]address),
		model:   newModel(v),
	}
	p.locate()
	p.classify()
	return p
}

// plan returns the actions that turn the view into what the intent asks for, in
// order: adds before removes. VIPs in later are not put back yet. It touches no
// address but those of configured, retired and mine, and those it has to put back
// because the kernel removes them along. It is to be called once.
func (p *planner) plan(later map[VIP]struct{}) []action {
	return slices.Concat(slices.Collect(p.portions(later))...)
}

// portions are the plan, a portion as soon as it is made: with thousands of VIPs the first
// are there long before the plan for all is. Each may be changed by whoever gets it, and so
// may mine by carrying it out.
func (p *planner) portions(later map[VIP]struct{}) iter.Seq[[]action] {
	return func(yield func([]action) bool) {
		ours := p.correctable()
		for part := range slices.Chunk(p.want, p.each) {
			for _, vip := range part {
				if _, wait := later[vip]; !wait {
					p.take(vip)
				}
			}
			if !yield(p.handOver()) {
				return
			}
		}
		p.removeSurplus()
		if !p.partial { // else what would be corrected may be right
			for _, vip := range ours {
				p.correct(vip)
			}
		}
		yield(p.handOver())
	}
}

// portion is how many VIPs are planned for before what they need is carried out.
const portion = 2 * batchMost

// handOver returns the actions since the last call.
func (p *planner) handOver() []action {
	actions := p.actions
	p.actions = nil
	return actions
}

// correctable are the wanted VIPs that are there and ours to change before anything is
// taken: what is taken is as it is to be.
func (p *planner) correctable() []VIP {
	if len(p.present) == 0 {
		return nil
	}
	var list []VIP
	for _, vip := range p.want {
		if a, found := p.present[vip]; found && p.free(a) {
			list = append(list, vip)
		}
	}
	return list
}

// locate finds out where VIPs belong.
func (p *planner) locate() {
	if !p.hold(p.configured, p.links) {
		p.whereabouts = locate(p.configured, p.links, p.wants)
	}
	for _, vip := range p.beside {
		if l, ok := p.links[vip.Interface]; ok {
			p.theirs[vip.spot(l.index)] = struct{}{}
			p.shared[subnet{l.index, vip.Address.Masked()}] = struct{}{}
		}
	}
	for _, vip := range p.retired {
		if l, ok := p.links[vip.Interface]; ok {
			p.old[vip.place(l.index)] = struct{}{}
		}
	}
}

func (p *planner) wants(vip VIP) bool {
	_, ok := p.wanted[vip]
	return ok
}

// classify sorts the kernel's addresses into those of wanted VIPs, those that
// have to go, and those that are none of our business.
func (p *planner) classify() {
	for _, a := range p.addresses {
		vip, owned := p.owners[a.spot()]
		_, theirs := p.theirs[a.spot()]
		switch {
		case p.wants(vip):
			p.candidate(vip, a)
		case owned:
			p.present[vip] = a
			p.surplus = append(p.surplus, a)
		case theirs:
		case p.ours(a):
			p.surplus = append(p.surplus, a)
		default:
			p.model.Foreign(a)
		}
	}
}

// ours reports whether this process or a dead one of this node put a there.
func (p *planner) ours(a address) bool {
	_, mine := p.mine[a.place()]
	_, old := p.old[a.place()]
	return mine || old
}

// candidate decides what a, which has the IP of the wanted vip, is to it. With
// another prefix length it is the VIP all the same, unless it is one of ours from
// an older configuration, which makes way: IPv6 has an IP only once on an
// interface, so that there the old one goes first.
func (p *planner) candidate(vip VIP, a address) {
	_, found := p.present[vip]
	exact := a.prefix == vip.Address && a.peer == p.dress.of(vip).Peer
	_, old := p.old[a.place()]
	stale := old && !exact
	switch {
	case stale && (a.is4() || !p.links[vip.Interface].up):
		p.surplus = append(p.surplus, a)
	case stale || a.unusable():
		p.blocked[vip] = a
	case exact || !found:
		p.present[vip] = a
	}
}

// take plans what a wanted VIP needs. One that is there already is taken over, unless it
// does not lead to the other end that it is to lead to.
func (p *planner) take(vip VIP) {
	a, found := p.present[vip]
	_, mine := p.mine[a.place()]
	l, is := p.links[vip.Interface], p.dress.of(vip)
	switch {
	case mine:
	case found && vip.isRange():
		p.emit(opAdopt, vip, vip.route(l.index))
	case found && l.up && is.Peer.IsValid() && a.peer != is.Peer:
		p.remove(a)
		p.add(vip, l)
	case found:
		p.emit(opAdopt, vip, a.marked(is).lasting(p.lasts.of(vip), is))
	case l.up:
		if b, ok := p.blocked[vip]; ok {
			p.remove(b)
		}
		p.add(vip, l)
	}
}

// correct mends a VIP of ours that is to have other attributes, has got others from
// somebody else, or where other addresses have come or gone since it was added. IPv4
// cannot change an address in place: it goes and comes back.
func (p *planner) correct(vip VIP) {
	a := p.present[vip]
	l := p.links[vip.Interface]
	wanted := p.dress.of(vip)
	switch {
	case !p.free(a) || !l.up || a.isRange():
	case p.model.Leads(a) && p.giveWay(vip, a):
	case p.mine[a.place()].attributes.unmarked() != wanted.unmarked() || a.peer != wanted.Peer:
		p.remove(a)
		p.add(vip, l)
	case !a.is4():
		p.mend(vip, a, wanted)
	case p.lacksRoute(a, wanted) && p.model.Leads(a) && !a.prefix.IsSingleIP():
		p.remove(a)
		p.add(vip, l)
	}
}

// mend changes what is not as wanted of an IPv6 address in place.
func (p *planner) mend(vip VIP, a address, wanted Attributes) {
	b := a.lasting(p.lasts.of(vip), wanted)
	b.flags = b.flags&^markFlags | wanted.marks()
	if p.lacksRoute(a, wanted) {
		b.flags &^= unix.IFA_F_NOPREFIXROUTE
	}
	if b.flags != a.flags {
		p.emit(opModify, vip, b)
	}
}

// lacksRoute reports whether a is to bring a prefix route, and does not.
func (p *planner) lacksRoute(a address, wanted Attributes) bool {
	return a.has(unix.IFA_F_NOPREFIXROUTE) && !wanted.NoRoute && !p.model.Covered(a)
}

// free reports whether a is ours to change: somebody else's stays as it is.
func (p *planner) free(a address) bool {
	c, mine := p.mine[a.place()]
	return mine && !c.adopted
}

// giveWay moves VIPs behind the first address of their subnet that is no VIP, so
// that this one becomes the primary: the node's own source, and what stays when
// the VIPs leave. Most of them move while a, the primary until now, holds the
// others; a moves last. It returns false where there is no such address.
func (p *planner) giveWay(vip VIP, a address) bool {
	ahead, ok := p.model.Ahead(a)
	if !ok {
		return false
	}
	for _, b := range ahead {
		if p.free(b) {
			other := p.owners[b.spot()]
			p.remove(b)
			p.add(other, p.links[other.Interface])
		}
	}
	p.remove(a)
	p.add(vip, p.links[vip.Interface])
	return true
}

// add plans a VIP's address. It brings a prefix route only where nothing else
// provides one; a secondary IPv4 address never does, and shall when it is promoted.
// IPv6 ones skip duplicate address detection, which would fail as long as the last
// owner answers.
func (p *planner) add(vip VIP, l link) {
	if vip.isRange() {
		p.emit(opAdd, vip, vip.route(l.index))
		return
	}
	is := p.dress.of(vip)
	a := address{index: l.index, prefix: vip.Address}.lasting(p.lasts.of(vip), is).with(is)
	if !a.is4() {
		a.flags |= unix.IFA_F_NODAD
	}
	if p.model.Covered(a) && !p.model.Joins(a) {
		a.flags |= unix.IFA_F_NOPREFIXROUTE
	}
	a.scope = p.model.Scope(a)
	p.model.Add(a)
	p.emit(opAdd, vip, a)
}

// removeSurplus removes secondary addresses before primary ones, which then have
// only those left that stay.
func (p *planner) removeSurplus() {
	var primaries []address
	for _, a := range p.surplus {
		if p.model.Leads(a) {
			primaries = append(primaries, a)
			continue
		}
		p.remove(a)
	}
	for _, a := range primaries {
		p.remove(a)
	}
}

// remove plans the removal of a, so that the addresses stay which the kernel would
// remove along with it, also those that a partial view lacks.
func (p *planner) remove(a address) {
	vip := p.owners[a.spot()]
	unsure := a.hasPrimary() && (p.partial || p.volatile(a))
	left := p.model.Remove(a)
	if len(left) == 0 && !unsure || p.model.promotes[a.index] {
		p.emit(opRemove, vip, a)
		return
	}
	p.emit(opKeep, VIP{}, address{index: a.index})
	p.emit(opRemove, vip, a)
	for _, other := range left {
		if other.valid > 0 { // else its time is over
			p.emit(opRestore, p.owners[other.spot()], other)
		}
	}
	p.emit(opUnkeep, VIP{}, address{index: a.index})
}

// volatile reports whether another Manager may make a the primary address of its
// subnet meanwhile, or add one to it.
func (p *planner) volatile(a address) bool {
	_, shared := p.shared[a.subnetOf()]
	return shared && !p.model.Hosted(a)
}

func (p *planner) emit(op op, vip VIP, a address) {
	p.actions = append(p.actions, action{op: op, vip: vip, address: a, given: p.dress.of(vip)})
}
