package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Probes say what is to be found out besides what Survey and Try do, and by whom.
type Probes struct {
	Version string // of this perch
	Listen  time.Duration
	// AskPeers asks the other nodes, AskDaemon that of this node.
	AskPeers  func(context.Context, *config.Config) []Peer
	AskDaemon func(context.Context, *config.Config) (Running, bool)
	// Fences tries each, in a network namespace of its own; false where that cannot be.
	Fences func() (bpf, nftables error, tried bool)
	// Ahead lists programs of others before a fence, as far as they are to be seen.
	Ahead func() []Ahead
	// Vet is an error if others can change a program, so that root refuses to run it. What is to
	// be mended is at: the program, or what leads to it; "" if that is not known.
	Vet func(path string) (at string, err error)
	// Lease is how long the lease of a leader is with a heartbeat.
	Lease  func(heartbeat time.Duration) time.Duration
	Frames Frames
}

// Frames are what goes by on a network, and what is said of VIPs there.
type Frames struct {
	// Claimed reads which address the sender of a frame says to have, and its MAC.
	Claimed func(etherType uint16, frame []byte) (netip.Addr, net.HardwareAddr, bool)
	// Question is the frame that asks who has an address, and claims nothing.
	Question func(mac net.HardwareAddr, from, address netip.Addr) []byte
	// Advert reads an advert of a virtual router, without what is before it.
	Advert func(body []byte, from, to netip.Addr) (Heard, bool)
}

// probeLimit bounds each probe, but for the time in which it listens.
const probeLimit = 8 * time.Second

// fenceProbe is the name of the one that tries fences.
const fenceProbe = "the fence"

// probe is something to be found out that takes its time.
type probe struct {
	name string
	find func(context.Context) func(*Facts)
}

// Probe completes the facts by what takes some time, all of it at once and each within a
// limit. What is not done by then is given up and named.
func (f *Facts) Probe(ctx context.Context, c *config.Config, p Probes) {
	f.Version = p.Version
	if c.Cluster != nil {
		f.Lease = p.Lease(c.Cluster.Heartbeat)
	}
	f.look(c, files("/"))
	f.Fencing.InFront = p.Ahead()
	ear := f.openEar(c, p) // here, since the sockets are to be in this thread's namespace
	known := *f
	f.all(ctx, probeLimit+p.Listen, []probe{
		{fenceProbe, func(context.Context) func(*Facts) { return tryFences(known.Modules.Trial, p) }},
		{"data_dir " + c.Node.DataDir, func(ctx context.Context) func(*Facts) { return tryDisk(ctx, c.Node.DataDir) }},
		{"the peers", func(ctx context.Context) func(*Facts) { return tryPeers(ctx, c, p, known) }},
		{"the programs", func(context.Context) func(*Facts) { return vetPrograms(c, p, known) }},
		{"the daemon", func(ctx context.Context) func(*Facts) { return tryDaemon(ctx, c, p) }},
		{"the network", ear.listen},
	})
}

// look reads what files and the kernel tell at once.
func (f *Facts) look(c *config.Config, root files) {
	f.Processes = root.processes()
	f.Sockets = root.sockets(f.Processes)
	f.Rights = root.rights()
	f.Clock = root.clock()
	f.Chrony = root.chrony(c)
	routes := root.read("proc/thread-self/net/route")
	f.Routes, f.Gateways = defaultRoutes(routes), gateways(routes)
	f.Keepers = root.keepers(f.Interfaces, f.mayRun)
	f.Secrets = lookAtSecrets(c)
	f.Filters = askFilters()
	root.more(f)
	f.Modules.Trial = root.trialModules(f.Kernel)
	f.Fencing.Lockdown = lockdown(root.read("sys/kernel/security/lockdown"))
	f.Fencing.Offset = isOffset(root.read("proc/self/timens_offsets"))
}

// all runs probes beside each other until they have ended, or the time is over.
func (f *Facts) all(ctx context.Context, limit time.Duration, probes []probe) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		at  int
		set func(*Facts)
	}
	results := make(chan result, len(probes))
	waiting := map[int]bool{}
	for i, p := range probes {
		waiting[i] = true
		go func() { results <- result{i, p.find(ctx)} }()
	}
	for len(waiting) > 0 {
		select {
		case r := <-results:
			delete(waiting, r.at)
			if r.set != nil {
				r.set(f)
			}
		case <-ctx.Done():
			f.Late = late(probes, waiting)
			return
		}
	}
}

func late(probes []probe, waiting map[int]bool) (names []string) {
	for i := range waiting {
		names = append(names, probes[i].name)
	}
	slices.Sort(names)
	return names
}

// unfinished finds what could not be found out.
func unfinished(f Facts) (all []Finding) {
	for _, name := range f.Late {
		all = append(all, Finding{Warning, name, "has not answered in time: what is wrong with it is not known", f.again()})
	}
	return all
}
