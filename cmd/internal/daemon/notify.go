package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/ipvs"
)

// hookLimit bounds a program that is run because a quorum came or went.
const hookLimit = 30 * time.Second

// unprivileged is who runs programs of [[notify]] for root, readers too, if nobody else is named.
const unprivileged = "nobody"

// targets makes what is told of events.
type targets struct {
	program func(argv []string, user string) (notify.Runner, error)
	keeper  func(argv []string, user string) (notify.Keeper, error)
	asker   func(argv []string, user string) (notify.Asker, error)
	version string // of this perch
	slots   notify.Slots
	hooks   notify.Slots // of those that converge
	quorums notify.Slots // of the programs of services, for which no [[notify]] that hangs leaves no place
	log     *slog.Logger
}

func newTargets(log *slog.Logger) targets {
	program := func(argv []string, user string) (notify.Runner, error) { return checker.NewProgram(argv, user) }
	keeper := func(argv []string, user string) (notify.Keeper, error) { return checker.NewProgram(argv, user) }
	asker := func(argv []string, user string) (notify.Asker, error) { return checker.NewProgram(argv, user) }
	return targets{
		program: program, keeper: keeper, asker: asker,
		slots: notify.NewSlots(), hooks: notify.NewSlots(), quorums: notify.NewSlots(),
		log: log,
	}
}

// openNotifier makes what tells users of events. It starts nothing.
func (d *daemon) openNotifier(cfg *config.Config) error {
	log := d.log.With("part", "notify")
	d.notifier, d.targets = notify.New(log), newTargets(log)
	d.targets.version = d.opts.Version
	d.converger = notify.NewConverger(log)
	d.notifier.OnOutcome(d.recordOutcome)
	d.converger.OnOutcome(d.recordOutcome)
	d.released = make(chan struct{})
	entries, err := d.targets.entriesOf(cfg)
	programs, programsErr := d.targets.nodeProgramsOf(&cfg.Node)
	hooks, hooksErr := d.hooksOf(cfg)
	if err := errors.Join(err, programsErr, hooksErr); err != nil {
		return err
	}
	d.notifier.Set(entries)
	d.converger.Set(hooks)
	d.told = entries
	d.programs.Store(&programs)
	d.vetting = newVetting(log)
	d.vetting.set(suspectsOf(entries, hooks, &programs))
	return nil
}

// newcomers returns the entries as far as they are about virtual routers and sync groups that
// a reload adds.
func newcomers(entries []notify.Entry, old, fresh *config.Config) (list []notify.Entry) {
	known, added := subjectsIn(old), subjectsIn(fresh)
	added = slices.DeleteFunc(added, func(s notify.Subject) bool { return slices.Contains(known, s) })
	for _, e := range entries {
		about := added
		if len(e.Subjects) > 0 {
			about = slices.DeleteFunc(slices.Clone(e.Subjects), func(s notify.Subject) bool { return !slices.Contains(added, s) })
		}
		if len(about) > 0 {
			e.Subjects = about
			list = append(list, e)
		}
	}
	return list
}

// subjectsIn returns the virtual routers and sync groups of a config.
func subjectsIn(cfg *config.Config) (list []notify.Subject) {
	for i := range cfg.VRRP {
		list = append(list, aboutRouter(cfg.VRRP[i].Name))
	}
	for _, g := range cfg.SyncGroups {
		list = append(list, aboutGroup(g.Name))
	}
	return list
}

// entriesOf returns who is told of what by a config. It names all of those that cannot be.
func (t targets) entriesOf(cfg *config.Config) (list []notify.Entry, err error) {
	var errs []error
	add := func(e notify.Entry, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("notify %s: %w", e.Name, err))
		}
		list = append(list, e)
	}
	read := readFIFOs(cfg)
	for _, n := range cfg.Notify {
		if read[n.FIFO] {
			n.User = runsAs(n.User)
		}
		if len(n.Converge) == 0 {
			add(t.entryOf(&n, cfg.Node.Name))
		}
	}
	for i := range cfg.Services {
		if s := &cfg.Services[i]; len(s.QuorumUp)+len(s.QuorumDown) > 0 {
			add(t.quorumOf(s))
		}
	}
	return list, errors.Join(errs...)
}

// readFIFOs returns those that have a reader, to whose user they belong.
func readFIFOs(cfg *config.Config) map[string]bool {
	read := map[string]bool{}
	for i := range cfg.Notify {
		if n := &cfg.Notify[i]; len(n.Reader) > 0 {
			read[n.FIFO] = true
		}
	}
	return read
}

func (t targets) entryOf(n *config.Notify, node string) (e notify.Entry, err error) {
	e = notify.Entry{Subjects: subjectsOf(n)}
	for _, name := range n.On {
		e.On = append(e.On, notify.Kind(name))
	}
	if n.FIFO != "" {
		e.Name, e.Key = n.FIFO, fmt.Sprintf("fifo %q of %s", n.FIFO, n.User)
		e.Lane, e.Backlog, e.Again = n.FIFO, notify.FIFOBacklog, n.StatesOnReload
		if e.Target, err = t.fifoOf(n); err != nil {
			return e, err
		}
		e.Reader, err = t.readerOf(n)
		return e, err
	}
	if n.Mail.Server != "" {
		e.Name = "mail to " + strings.Join(n.Mail.To, ", ")
		e.Target, e.Key, err = mailOf(n, node)
		e.Lane = e.Key
		return e, err
	}
	if n.Webhook.URL != "" {
		e.Name = webhookName(n.Webhook.URL)
		e.Target, e.Key, err = webhookOf(n, node, t.version)
		e.Lane = e.Key
		return e, err
	}
	name := runsAs(n.User)
	e.Name = n.Exec[0]
	e.Key = fmt.Sprintf("exec %q of %s, arguments %s, timeout %s", n.Exec, name, n.Arguments, n.Timeout)
	program, err := t.programOf(n.Exec, name, n.Timeout)
	if err == nil {
		program.Slots, program.Keepalived = t.slots, n.Arguments == "keepalived"
		e.Target = program
	}
	return e, err
}

// runsAs returns who runs a program: not root, unless that is named.
func runsAs(user string) string {
	if os.Geteuid() == 0 {
		return cmp.Or(user, unprivileged)
	}
	return user
}

func (t targets) programOf(argv []string, user string, limit time.Duration) (*notify.Program, error) {
	program, err := t.program(argv, user)
	if err != nil {
		return nil, err
	}
	return &notify.Program{Runner: program, Timeout: limit}, nil
}

// readerOf returns the reader of a FIFO, nil if it has none. Whose the FIFO is runs it.
func (t targets) readerOf(n *config.Notify) (*notify.Reader, error) {
	if len(n.Reader) == 0 {
		return nil, nil
	}
	program, err := t.keeper(n.Reader, n.User)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%q of %s", n.Reader, n.User)
	return &notify.Reader{Key: key, Name: n.Reader[0], FIFO: n.FIFO, Program: program}, nil
}

// fifoOf returns a FIFO, which belongs to the daemon's own user if none is named.
func (t targets) fifoOf(n *config.Notify) (notify.Target, error) {
	uid, gid := os.Geteuid(), os.Getegid()
	if n.User != "" {
		found, err := user.Lookup(n.User)
		if err != nil {
			return nil, fmt.Errorf("user %q: not known on this machine", n.User)
		}
		u, uidErr := strconv.Atoi(found.Uid)
		g, gidErr := strconv.Atoi(found.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("user %q: %w", n.User, err)
		}
		uid, gid = u, g
	}
	return notify.NewFIFO(n.FIFO, uid, gid, t.log), nil
}

// quorumOf returns the programs of a service, which the daemon's own user runs.
func (t targets) quorumOf(s *config.Service) (notify.Entry, error) {
	programs := notify.Programs{}
	e := notify.Entry{
		Name:     "quorum of " + s.Name,
		Key:      fmt.Sprintf("quorum of %s, up %q, down %q", s.Name, s.QuorumUp, s.QuorumDown),
		Subjects: []notify.Subject{aboutService(s.Name)},
		Target:   programs,
	}
	for kind, argv := range map[notify.Kind][]string{notify.QuorumUp: s.QuorumUp, notify.QuorumDown: s.QuorumDown} {
		if len(argv) == 0 {
			continue
		}
		program, err := t.programOf(argv, "", hookLimit)
		if err != nil {
			return e, err
		}
		program.Slots = t.quorums
		e.On, programs[kind] = append(e.On, kind), program
	}
	return e, nil
}

func aboutService(name string) notify.Subject {
	return notify.Subject{About: notify.Virtual, Name: name}
}

// subjectsOf returns what an entry is told of; nothing for all.
func subjectsOf(n *config.Notify) (list []notify.Subject) {
	for _, name := range n.VRRP {
		list = append(list, aboutRouter(name))
	}
	for _, name := range n.SyncGroups {
		list = append(list, aboutGroup(name))
	}
	for _, name := range n.Services {
		list = append(list, aboutService(name))
	}
	return list
}

// notified returns what has become of the events that users were to be told of.
func (d *daemon) notified() (list []api.Notified) {
	for _, t := range d.notifier.Tallies() {
		list = append(list, api.Notified{
			Target: t.Name, Told: t.Told, Failed: t.Failed, Dropped: t.Void, Retries: t.Retries, Error: t.Error, Last: t.Last, Took: t.Took.Seconds(),
		})
	}
	return list
}

// tellService has users told of what has happened to a service.
func (d *daemon) tellService(s *config.Service, e ipvs.Event) {
	event := notify.Event{
		Kind:    notify.Kind(e.Kind),
		Subject: aboutService(s.Name),
		Reason:  e.Reason,
		Service: notify.Service{Addresses: s.Addresses, Protocol: s.Protocol, FWMark: s.FWMark},
		At:      time.Now(),
	}
	if e.Server.IsValid() {
		event.Subject.About, event.Subject.Server = notify.Server, e.Server
	}
	d.recordNotice(event)
	d.notifier.Tell(event)
}

// tellOwnership has users told whether this node has the VIPs of the cluster, if that is new.
func (d *daemon) tellOwnership() {
	m := d.member
	if m == nil {
		return
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	kind := notify.Standby
	if m.holder.holding() {
		kind = notify.Owner
	}
	if kind == m.told {
		return
	}
	before := m.told
	m.told = kind
	event := d.ownership(kind)
	event.Before = before
	d.notifier.Tell(event)
}

// ownership returns the event of a node that has the VIPs of the cluster, or has not.
func (d *daemon) ownership(kind notify.Kind) notify.Event {
	c := d.config().Cluster
	self, _ := c.Peer(d.name())
	return notify.Event{
		Kind:     kind,
		Subject:  notify.Subject{About: notify.Cluster, Name: c.Name},
		Priority: self.Priority,
		Term:     d.member.holder.term(),
		At:       time.Now(),
	}
}

// tellAgain has those users told of all states once more who want that after a reload: of what
// the setup before had, since what is new is told of as it comes.
func (d *daemon) tellAgain(before *setup) {
	if d.routers != nil {
		d.routers.informAgain(before)
	}
	m := d.member
	if m == nil {
		return
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	if m.told != "" {
		d.notifier.Repeat(d.ownership(m.told))
	}
}
