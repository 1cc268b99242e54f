package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// snapshot is what this node knows by itself at one moment.
type snapshot struct {
	config   *config.Config
	version  string
	now      time.Time // by this node's wall clock
	view     cluster.View
	memory   state.State
	refused  uint64
	told     bool // memory is what this node knew before it was started
	holding  bool
	vips     []vip.Status
	fence    fence.Kind
	weaker   error // why "auto" took no stronger fence
	unfenced error // why the kernel may answer beyond the lease
	mended   fence.Mended
	waits    time.Duration // before this node takes the VIPs as the leader
	routers  *routerState  // nil without VRRP mode
	checks   []checker.Status
	services []api.Service // of this node
	notified []api.Notified
	hooks    []notify.Convergence
	ipvs     *api.IPVS     // likewise
	orders   state.Orders  // for their servers
	fitness  fitness       // in the cluster
	bgp      *api.BGP      // nil without a [bgp]
	clock    *clock.Status // nil without a [clock]
	anycast  []vip.Status
	why      string   // this node has the anycast VIPs, or not
	unserved string   // why neither dashboard nor metrics are served where they should be
	deaf     string   // why this node cannot be commanded
	unrun    []string // programs that root would not run
	warnings []string // of the config
}

// answer is what a peer said of itself, or why it did not.
type answer struct {
	report api.NodeReport
	err    error
	skew   skew // of its wall clock
}

// report returns what this node says of itself to its peers.
func (s snapshot) report() api.NodeReport {
	r := api.NodeReport{
		Node:      s.config.Node.Name,
		Version:   s.version,
		Role:      string(s.view.Role),
		Term:      s.view.Term,
		Leader:    s.view.Leader,
		Heartbeat: s.config.Cluster.Heartbeat.String(),
		Trouble:   s.view.Trouble,
		Deaf:      s.deaf,
		Fence:     string(s.fence),
		Mended:    mendedOf(s.mended),
		Stalls:    stallsOf(s.view.Stalls),
		Settings:  commonSettings(s.config),
		Time:      s.now,
	}
	health := healthOf(s.fitness)
	r.Health = &health
	if s.unfenced != nil {
		r.Unfenced = s.unfenced.Error()
	}
	if s.waits > 0 {
		r.Waits = s.waits.Round(100 * time.Millisecond).String()
	}
	for _, v := range s.vips {
		reported := api.VIP{
			Address:   v.VIP.Address.String(),
			Interface: v.VIP.Interface,
			Held:      v.Held,
			Reason:    v.Reason,
			Readded:   v.Readded,
			Conflict:  conflictOf(v.Conflict),
		}
		if s.holding {
			reported.Owner = s.config.Node.Name
			reported.Since = v.Since
		}
		r.VIPs = append(r.VIPs, reported)
	}
	return r
}

// mendedOf is nil where nothing was to be mended.
func mendedOf(m fence.Mended) *api.Mended {
	if m.Count == 0 {
		return nil
	}
	out := api.Mended(m)
	return &out
}

// stallsOf is nil where no write took long.
func stallsOf(s cluster.Stalls) *api.Stalls {
	if s.Count == 0 {
		return nil
	}
	out := api.Stalls(s)
	return &out
}

// conflictOf is nil where there was no conflict.
func conflictOf(c vip.Conflict) *api.Conflict {
	if c == (vip.Conflict{}) {
		return nil
	}
	out := api.Conflict(c)
	return &out
}

// alone returns what this node knows of itself, without the cluster.
func (s snapshot) alone() api.Status {
	st := api.Status{
		Node:     s.config.Node.Name,
		Version:  s.version,
		VRRP:     s.routers.virtualRouters(s.fence),
		Unknown:  s.routers.unknown(),
		Checks:   checksOf(s.checks, s.config.Checks),
		Services: s.services,
		IPVS:     s.ipvs,
		Static:   s.routers.staticOf(),
		BGP:      s.bgp,
		Notify:   s.notified,
		Converge: convergedOf(s.hooks),
	}
	if s.clock != nil {
		st.Clock = clockOf(*s.clock)
	}
	if len(st.VRRP) > 0 {
		st.Promise = api.Promise
	}
	st.Warnings = s.ownAlarms(st.VRRP)
	return st
}

// ownAlarms returns warnings about this node by itself and its config, worst first.
func (s snapshot) ownAlarms(routers []api.VirtualRouter) (alarms []string) {
	if s.clock != nil {
		alarms = s.clock.Warnings()
	}
	alarms = slices.Concat(alarms, bgpAlarms(s.bgp), s.routerAlarms(routers), s.weakerFence(), s.hookAlarms(), s.unrun, s.warnings)
	if warning := forgotten(s.orders, s.config.Services); warning != "" {
		alarms = append(alarms, warning)
	}
	if s.unserved != "" {
		alarms = append(alarms, s.unserved)
	}
	if s.deaf != "" {
		alarms = append(alarms, deafAlarm(s.config.Node.Name, s.deaf))
	}
	return alarms
}

// status assembles the whole picture from this node's own knowledge and, in a cluster,
// the peers' answers.
func (s snapshot) status(answers map[string]answer) api.Status {
	st := s.alone()
	if s.config.Cluster == nil {
		st.VIPs = anycastVIPs(s.config.Node.Name, s.why, s.anycast)
		return st
	}
	answers[s.config.Node.Name] = answer{report: s.report(), skew: skew{known: true}}
	st.Cluster = s.cluster(answers)
	owner := s.owner(answers)
	s.explain(st.Cluster.Nodes, owner, answers)
	reported := byAddress(answers[owner].report.VIPs)
	for _, v := range s.config.VIPs {
		st.VIPs = append(st.VIPs, s.vip(v, owner, answers, reported))
	}
	st.Warnings = append(s.alarms(st, answers, reported), st.Warnings...)
	st.VIPs = append(st.VIPs, anycastVIPs(s.config.Node.Name, s.why, s.anycast)...)
	return st
}

// roster returns the peers of the config, and behind them the members that are not in
// it.
func roster(c *config.Cluster, members []cluster.Member) []config.Peer {
	all := slices.Clone(c.Peers)
	for _, m := range members {
		if _, listed := c.Peer(m.Name); !listed {
			all = append(all, config.Peer{Name: m.Name, Address: m.Address, Priority: cluster.LowestPriority})
		}
	}
	return all
}

func (s snapshot) cluster(answers map[string]answer) *api.Cluster {
	c := &api.Cluster{
		Name:    s.config.Cluster.Name,
		Term:    s.view.Term,
		Quorum:  s.view.Quorum,
		Refused: s.refused,
	}
	reachable := 0
	for _, p := range roster(s.config.Cluster, s.view.Members) {
		node := s.node(p, answers[p.Name])
		if node.Role != api.RoleUnreachable {
			reachable++
		}
		c.Nodes = append(c.Nodes, node)
	}
	switch {
	case s.view.Left:
		c.State = api.StateLeft
	case s.view.Quorum:
		c.State, c.Leader = api.StateOK, s.view.Leader
	case s.view.Stuck != "", s.view.Waiting != "":
		c.State = api.StateNoQuorum
	case reachable > len(c.Nodes)/2:
		c.State = api.StateElecting
	default:
		c.State = api.StateNoQuorum
	}
	return c
}

func (s snapshot) node(p config.Peer, a answer) api.Node {
	node := api.Node{
		Name:      p.Name,
		Address:   p.Address.String(),
		Role:      a.report.Role,
		Drained:   s.memory.IsDrained(p.Name),
		Priority:  p.Priority,
		Version:   a.report.Version,
		Healthy:   a.err == nil && a.report.Trouble == "" && a.report.Unfenced == "" && a.health().State != api.HealthSick,
		Heartbeat: a.report.Heartbeat,
		Fence:     a.report.Fence,
		Unfenced:  a.report.Unfenced,
		Mended:    a.report.Mended,
		Stalls:    a.report.Stalls,
	}
	switch {
	case a.report.Unfenced != "":
		node.Error = "may not hold VIPs, its fence does not hold: " + a.report.Unfenced
	case a.report.Trouble != "":
		node.Error = "cannot write its log: " + a.report.Trouble
	case a.health().State == api.HealthSick:
		node.Error = "is sick: " + brief(a.health().Reasons)
	}
	node.Health, node.EffectivePriority = a.health().State, a.health().Priority
	for _, voter := range s.view.Voters {
		node.Voter = node.Voter || voter == p.Name
	}
	switch {
	case a.err != nil:
		node.Role = api.RoleUnreachable
		node.Error = a.err.Error()
	case p.Witness && node.Role == api.RoleFollower:
		node.Role = api.RoleWitness
	}
	return node
}

// owner returns the node that says it owns the VIPs. Should two say so, the one
// of the newer term is right.
func (s snapshot) owner(answers map[string]answer) string {
	owner, term := "", uint64(0)
	for name, a := range answers {
		if len(a.report.VIPs) > 0 && a.report.VIPs[0].Owner == name && a.report.Term >= term {
			owner, term = name, a.report.Term
		}
	}
	return owner
}

// byAddress finds what a node reports of each VIP, of which there may be thousands.
func byAddress(vips []api.VIP) map[string]*api.VIP {
	found := make(map[string]*api.VIP, len(vips))
	for i := range slices.Backward(vips) { // of two of one address the first counts
		found[vips[i].Address] = &vips[i]
	}
	return found
}

// vip returns a VIP with what its owner reports of its VIPs.
func (s snapshot) vip(v config.VIP, owner string, answers map[string]answer, reported map[string]*api.VIP) api.VIP {
	out := api.VIP{Address: v.Address.String(), Interface: v.Interface, Owner: owner}
	if owner == "" {
		out.Reason = s.whyNobody(answers)
		return out
	}
	is := reported[out.Address]
	if is == nil {
		out.Reason = owner + " does not have this VIP in its config"
		return out
	}
	out.Held, out.Since, out.Readded = is.Held, is.Since, is.Readded
	out.Conflict, out.Interface, out.Reason = is.Conflict, is.Interface, is.Reason
	if out.Reason == "" {
		out.Reason = s.whyOwner(owner)
	}
	return out
}

// troubleOf returns what a VIP's owner reports to be wrong with it, or "".
func troubleOf(reported map[string]*api.VIP, v api.VIP) string {
	if is := reported[v.Address]; is != nil && v.Owner != "" {
		return is.Reason
	}
	return ""
}

func (s snapshot) whyOwner(owner string) string {
	last, ok := s.memory.Owner()
	switch {
	case ok && last.To == owner:
		return last.Reason
	case !s.told:
		return s.config.Node.Name + " was just started, and is yet to be told why"
	}
	return "took over just now"
}

func (s snapshot) whyNobody(answers map[string]answer) string {
	last, known := s.memory.Owner()
	switch {
	case s.view.Left:
		return s.config.Node.Name + " is no member of the cluster, and sees no owner"
	case !s.view.Quorum && known:
		return fmt.Sprintf("%s sees no majority; the last owner it knows of is %s", s.config.Node.Name, last.To)
	case !s.view.Quorum:
		return s.config.Node.Name + " sees no majority"
	case s.dark(answers):
		return s.view.Leader + " leads and is sick, no healthy node may take over, and then nobody is to own the VIPs (when_unhealthy)"
	case s.mayNotOwn(s.view.Leader) != "":
		return fmt.Sprintf("%s leads and %s", s.view.Leader, s.mayNotOwn(s.view.Leader))
	case answers[s.view.Leader].err != nil:
		return s.view.Leader + " leads but does not answer"
	case answers[s.view.Leader].report.Unfenced != "":
		return fmt.Sprintf("%s leads but its fence does not hold: %s", s.view.Leader, answers[s.view.Leader].report.Unfenced)
	case answers[s.view.Leader].report.Waits != "":
		return fmt.Sprintf("%s leads and waits %s for addresses that linger at an earlier owner", s.view.Leader, answers[s.view.Leader].report.Waits)
	default:
		return s.view.Leader + " leads and is about to take over"
	}
}

// mayNotOwn says why a node may not own VIPs, or "".
func (s snapshot) mayNotOwn(node string) string {
	p, _ := s.config.Cluster.Peer(node)
	switch {
	case p.Witness:
		return "is a witness, which owns nothing"
	case s.memory.IsDrained(node):
		return "is drained"
	}
	return ""
}
