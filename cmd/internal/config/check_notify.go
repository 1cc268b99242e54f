package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkNotifies checks every [[notify]] by itself.
func checkNotifies(r *report, root *value, c *Config) {
	vrrp, syncGroups, ofServices := c.subjects()
	routers, groups, services := newSubjectNames(vrrp), newSubjectNames(syncGroups), newSubjectNames(ofServices)
	readers, users := map[string]*value{}, map[string]userOf{}
	for i := range c.Notify {
		n, table := &c.Notify[i], root.child("notify").item(i)
		if table.kind != kindTable { // it was refused
			continue
		}
		checkTold(r, table)
		checkArgv(r, table.child("exec"))
		checkWebhook(r, table, &n.Webhook)
		checkConverge(r, table, c)
		checkReader(r, table, n, readers)
		checkStatesOnReload(r, table, n)
		checkFIFOUser(r, table, n, users)
		checkNames(r, table.child("vrrp"), n.VRRP, routers)
		checkNames(r, table.child("sync_group"), n.SyncGroups, groups)
		checkNames(r, table.child("service"), n.Services, services)
		checkEvents(r, table, n)
		checkArguments(r, table, n)
		if mail := table.child("mail"); mail != nil && mail.kind == kindTable {
			checkMail(r, mail, &n.Mail)
		}
	}
}

// subjects returns the names of what events may be about.
func (c *Config) subjects() (routers, groups, services []string) {
	for i := range c.VRRP {
		routers = append(routers, c.VRRP[i].Name)
	}
	for _, g := range c.SyncGroups {
		groups = append(groups, g.Name)
	}
	for i := range c.Services {
		services = append(services, c.Services[i].Name)
	}
	return routers, groups, services
}

// targetNames are the keys of which a [[notify]] has one.
func targetNames() []string { return []string{"exec", "fifo", "mail", "webhook", "converge"} }

// targetKey is a key that not every target has.
type targetKey struct {
	name    string
	targets []string
	hint    string // behind the targets
}

func targetKeys() []targetKey {
	events := []string{"exec", "fifo", "mail", "webhook"}
	return []targetKey{
		{"on", events, "; converge hears of each change of the ownership"},
		{"sync_group", events, ""},
		{"service", events, ""},
		{"arguments", []string{"exec"}, ""},
		{"timeout", []string{"exec", "mail", "webhook", "converge"}, ""},
		{"user", []string{"exec", "fifo", "converge"}, "; who authenticates to a mail server is mail.user"},
		{"signing_secret_file", []string{"webhook"}, ""},
		{"token_file", []string{"webhook"}, ""},
		{"ca_file", []string{"webhook"}, "; that of a mail server is mail.ca_file"},
		{"every", []string{"converge"}, ""},
	}
}

// checkTold wants one target, and no keys of others.
func checkTold(r *report, table *value) {
	target := ""
	for _, name := range targetNames() {
		v := table.child(name)
		switch {
		case v == nil:
		case target != "":
			r.badKey(v, "given together with another one", "must be one of "+inWords(targetNames()))
			return
		default:
			target = name
		}
	}
	if target == "" {
		r.missing(table, "exec", argvRule+", unless there is "+strings.Join(targetNames()[1:], ", "))
		return
	}
	if target != "converge" && table.child("on") == nil {
		r.missing(table, "on", eventsRule)
	}
	for _, key := range targetKeys() {
		if v := table.child(key.name); v != nil && !slices.Contains(key.targets, target) {
			r.badKey(v, "is not for "+target, "is for "+inWords(key.targets)+key.hint)
		}
	}
}

// inWords returns names as "a, b and c".
func inWords(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// checkWebhook lets no token go in clear over a network.
func checkWebhook(r *report, table *value, w *Webhook) {
	token := table.child("token_file")
	if u, err := url.Parse(w.URL); token != nil && w.URL != "" && err == nil && u.Scheme == "http" && !isLoopback(u.Host) {
		r.badKey(token, "would go in clear over the network", "must come with a webhook of https, unless that is this machine")
	}
	if ca := table.child("ca_file"); ca != nil && strings.HasPrefix(w.URL, "http:") {
		r.badKey(ca, "no certificate is verified", "must come with a webhook of https")
	}
}

// checkConverge wants something that this node may own.
func checkConverge(r *report, table *value, c *Config) {
	checkArgv(r, table.child("converge"))
	if v := table.child("converge"); v != nil && c.Cluster == nil && len(c.VRRP) == 0 {
		r.badKey(v, "this node has nothing to own", "must come with a [cluster] or a [[vrrp]]")
	}
}

// checkReader wants a FIFO for a reader, and one reader for a FIFO: two would each get a part
// of the lines.
func checkReader(r *report, table *value, n *Notify, readers map[string]*value) {
	reader, fifo := table.child("reader"), table.child("fifo")
	checkArgv(r, reader)
	switch {
	case reader == nil:
	case fifo == nil:
		r.badKey(reader, "given without fifo", "must come with fifo, which it reads")
	case readers[n.FIFO] != nil:
		r.badKey(reader, fmt.Sprintf("%s has one already, on line %d", n.FIFO, readers[n.FIFO].pos.line), "must be given once for each fifo")
	case n.FIFO != "":
		readers[n.FIFO] = reader
	}
}

// checkStatesOnReload wants a FIFO, and events that are states.
func checkStatesOnReload(r *report, table *value, n *Notify) {
	states := func(event string) bool { return slices.Contains(stateNames(), event) }
	switch v := table.child("states_on_reload"); {
	case v == nil || !n.StatesOnReload:
	case table.child("fifo") == nil:
		r.badKey(v, "given without fifo", "must come with fifo, into which the states are written")
	case len(n.On) > 0 && !slices.ContainsFunc(n.On, states):
		r.badValue(v, "no event here is a state", "must come with one of "+strings.Join(stateNames(), ", "))
	}
}

// userOf is the user of a FIFO, and the line that says which FIFO it is.
type userOf struct {
	name string
	line int
}

// checkFIFOUser wants one user for a FIFO: it belongs to the first, and would be refused for
// another one.
func checkFIFOUser(r *report, table *value, n *Notify, users map[string]userOf) {
	fifo := table.child("fifo")
	if fifo == nil || n.FIFO == "" {
		return
	}
	first, known := users[n.FIFO]
	switch {
	case !known:
		users[n.FIFO] = userOf{n.User, fifo.pos.line}
	case first.name != n.User:
		r.badValue(fifo, fmt.Sprintf("has another user on line %d", first.line), "must have one user wherever it is given")
	}
}

// subjectNames are names of what events may be about, each once.
type subjectNames struct {
	is   map[string]bool
	list []string
}

func newSubjectNames(names []string) subjectNames {
	s := subjectNames{is: make(map[string]bool, len(names))}
	for _, name := range names {
		if name != "" && !s.is[name] {
			s.is[name] = true
			s.list = append(s.list, name)
		}
	}
	return s
}

// checkNames wants each of a list to be known, and to be there once.
func checkNames(r *report, list *value, names []string, known subjectNames) {
	if list == nil {
		return
	}
	notEmpty(r, list, "must have a name, or be left out for all")
	seen := firsts[string]{}
	for i, name := range names {
		switch {
		case name == "": // it was refused
		case !known.is[name]:
			r.badValue(list.item(i), "is no [["+list.name+"]]", suggestion(name, known.list))
		default:
			seen.check(r, name, list.item(i), "must be there once")
		}
	}
}

// checkEvents wants each event to come from what the lists of names leave.
func checkEvents(r *report, table *value, n *Notify) {
	list, wanted := table.child("on"), n.about(table)
	notEmpty(r, list, eventsRule)
	seen := firsts[string]{}
	for i, name := range n.On {
		if name == "" { // it was refused
			continue
		}
		seen.check(r, name, list.item(i), "must be there once")
		if about := aboutOf(name); about&wanted == 0 {
			r.badValue(list.item(i), "is about none of what is named here", elsewhere(about))
		}
	}
	for _, key := range subjectKeys() {
		if v := table.child(key.name); v != nil && len(n.On) > 0 && n.onAbout()&key.about == 0 {
			r.badKey(v, "no event here is about one", "must be left out, or come with one of "+strings.Join(eventsAbout(key.about), ", "))
		}
	}
}

// checkArguments wants arguments only where an event has some.
func checkArguments(r *report, table *value, n *Notify) {
	v := table.child("arguments")
	if n.Arguments == "keepalived" && v != nil && n.onAbout() == aboutServices {
		r.badValue(v, "of services and servers there are none", "must be left out here")
	}
}

// subjectKey is a key that names what events are about.
type subjectKey struct {
	name  string
	about about
}

func subjectKeys() []subjectKey {
	return []subjectKey{{"vrrp", aboutRouters}, {"sync_group", aboutGroups}, {"service", aboutServices}}
}

// about returns what the events may be about. Where nothing is named that is all.
func (n *Notify) about(table *value) (wanted about) {
	for _, key := range subjectKeys() {
		if table.child(key.name) != nil {
			wanted |= key.about
		}
	}
	if wanted == 0 {
		return ^wanted
	}
	return wanted
}

// onAbout returns what its events are about.
func (n *Notify) onAbout() (all about) {
	for _, name := range n.On {
		all |= aboutOf(name)
	}
	return all
}

// elsewhere says where an event belongs that is about something else.
func elsewhere(a about) string {
	var names []string
	for _, key := range subjectKeys() {
		if a&key.about != 0 {
			names = append(names, key.name)
		}
	}
	if len(names) == 0 {
		return "must be in a [[notify]] without vrrp, sync_group and service"
	}
	return "must come with " + strings.Join(names, " or ")
}

func eventsAbout(a about) (names []string) {
	for _, e := range events() {
		if e.about&a != 0 {
			names = append(names, e.name)
		}
	}
	return names
}
