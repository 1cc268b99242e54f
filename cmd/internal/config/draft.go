package config

// draft is a Config in the making. What the file says of servers is kept apart from what
// becomes of it, since they take what they do not say from their group and service.
type draft struct {
	Config
	services []draftService
	groups   []draftGroup
	// checked are the tables that each of ServerChecks was first read from.
	checked []*value
}

// draftService is a [[service]] as it is written. Its Servers and SorryServer are settled.
type draftService struct {
	Service
	server  RealServer // what its servers are unless they say otherwise
	servers []draftServer
	sorry   draftServer
	checks  []draftCheck
	group   string
	places  []serverPlace // of Servers
}

// draftServer is a [[service.server]] or [[server_group.server]] as it is written.
type draftServer struct {
	RealServer
	checks []draftCheck
}

// draftGroup is a [[server_group]] as it is written.
type draftGroup struct {
	name    string
	servers []draftServer
	checks  []draftCheck
}

// draftCheck is a check of servers as it is written: without a target it is for that of
// the server.
type draftCheck struct {
	Check
	port uint16 // in place of the server's; 0 for that
}

// serverPlace is where a server of a service is written.
type serverPlace struct {
	table *value // its own
	group *value // the key of the service that names its group; nil for a server of its own
}

// at returns the value that names the server in its service.
func (p serverPlace) at() *value {
	if p.group != nil {
		return p.group
	}
	return p.table.child("address")
}

// maxServers bounds what services and groups multiply to.
const maxServers = 100_000

// tooLarge reports whether the services have too many servers, each counted once for each
// virtual service that it is in, and once for each of its checks.
func (d *draft) tooLarge() bool {
	groups, n := d.groupsByName(), 0
	for i := range d.services {
		s := &d.services[i]
		var group draftGroup
		if j, ok := groups[s.group]; ok {
			group = d.groups[j]
		}
		times, inherited := max(1, len(s.Addresses)+len(s.Families)), max(len(s.checks), len(group.checks))
		for _, servers := range [][]draftServer{group.servers, s.servers} {
			for _, server := range servers {
				if n += times + max(inherited, len(server.checks)); n > maxServers {
					return true
				}
			}
		}
	}
	return false
}

// groupsByName returns the index of each group, the first of a name.
func (d *draft) groupsByName() map[string]int {
	groups := map[string]int{}
	for i := range d.groups {
		if _, twice := groups[d.groups[i].name]; !twice && d.groups[i].name != "" {
			groups[d.groups[i].name] = i
		}
	}
	return groups
}

// eachCheck calls a function with each check of servers as it is written.
func (d *draft) eachCheck(root *value, do func(table *value, c *draftCheck)) {
	each := func(table *value, checks []draftCheck) {
		for i, v := range elements(table.child("check")) {
			if i < len(checks) { // else the key was misspelt
				do(v, &checks[i])
			}
		}
	}
	eachServer := func(table *value, servers []draftServer) {
		for i := range servers {
			each(table.child("server").item(i), servers[i].checks)
		}
	}
	for i := range d.services {
		table := root.child("service").item(i)
		each(table, d.services[i].checks)
		eachServer(table, d.services[i].servers)
	}
	for i := range d.groups {
		table := root.child("server_group").item(i)
		each(table, d.groups[i].checks)
		eachServer(table, d.groups[i].servers)
	}
}
