// Package vip holds virtual addresses: it brings a desired set of IPv4 and IPv6
// addresses into the kernel, tells the neighbours of them, and takes them out
// again.
//
// Manager.Configure names the addresses that this node answers for, Manager.Set
// those of them that it must hold now, and Manager.Want does so for those who cannot
// wait. All are desired state: survey and plan (plan.go, with a model of the kernel's
// rules in model.go) compute what differs from the kernel, and apply.go carries it
// out, adds before removes, each address announced as soon as it is there. What others
// do to addresses and interfaces is noticed by netlink and answered by another
// comparison, never by the single event.
//
// Thousands of addresses are planned for in portions, the first of which is carried out
// before the next is planned, and added, removed, refreshed and announced in batches
// (batch.go): the requests to the kernel go in one datagram (exchange.go), its answers are
// read together, and the announcements are sent together (mmsg.go). A batch has as many
// addresses as the kernel is done with in 0.4 ms, from 1 to 32, found out anew each time;
// whether they may be held is asked for each of them just before it.
//
// An address has a lifetime, which Run refreshes four times before it would be over. Where
// that is what ends the answering of a process that is gone, it is Options.Lifetime. Where a
// fence does (Options.Fenced) it is a backstop, and as long as 50 refreshes a second for all
// Managers of a Company allow, from the first one on, but at most a minute (backstop.go): the
// kernel looks at each address of the host for each refresh. What a refresh gives, and when
// the next one comes, is found out together, so that none comes too late when the number of
// VIPs or their fence changes. With one that is due others go that will be within an eighth
// of Options.Lifetime: what costs is that Run wakes up.
//
// While VIPs are wanted Run listens to what neighbours say of them by ARP and as
// neighbor advertisements (ear.go, filter.go), and now and then asks who else has
// them, for the first time when they are taken: a host that was given the same
// address mostly keeps quiet until it is asked. Nothing waits for the answer, and
// the questions of a take-over come after it, at most 20 in a millisecond. What
// another host claims is counted, logged, shown by Status and answered by an
// announcement (listen.go; the rules are in rival.go). It is no conflict
//   - within a second after the VIP was taken, unless it answers a question: the
//     frame may be the last owner's;
//   - while this node may not hold VIPs: then the other is in the right;
//   - when the MAC is that of any interface of this node.
//
// An IPv6 question needs a link-local address on the interface as its source, as an
// answer to :: would go to all nodes and lead them to the other host. Unicast
// answers to others are not heard. In a flood not every frame is counted.
//
// A VIP of kind Range is a local route (table local, protocol 213) in place of an address:
// it is planned, put back and swept like one (range.go, range_message.go). What the kernel
// does with such a route, tried in namespaces on Linux 6.18:
//   - It answers ARP for each address of an IPv4 range, the first and the last included,
//     by whichever interface the request comes, unless arp_ignore is above 0: with 1 or 2 it
//     wants an address of the interface. arp_filter and rp_filter change nothing.
//   - It answers no neighbor solicitation for an IPv6 range. Answering in the kernel's
//     stead would be a second voice that the route knows nothing of: such a range, and
//     one of IPv4 with more than 4,096 addresses, is reached by a route of others to a VIP,
//     and not announced.
//   - It takes ping, TCP and UDP for each address, also by listeners to 0.0.0.0 and ::.
//     Sockets bind to each address of IPv4; of IPv6 only with IPV6_FREEBIND.
//   - It keeps the route while the interface is down, but of IPv6, and has no lifetime for
//     that of IPv4: without a fence of the kernel no range is taken (Options.NoRanges).
//   - It is one route to a destination, whichever the interface: another one's is replaced.
//
// Announcements of a range are a sweep (sweep.go): bursts of 64 frames at the rate of its
// Pace, between which op is given away. Nobody is asked who else has its addresses, and a
// claim of one is counted and told, but not answered. An address of this host within a
// range is an error of Configure, and told by Status if it comes later.
//
// Pure, without I/O, clock or log: the plan, the announcement schedule and the
// agenda under it, the sweeps, the limits on fights, log lines and conflicts, and the codecs of
// frames and netlink messages. Everything that reaches the kernel passes the transport
// of sockets.go; the tests put a model of the kernel there, or use a real one in
// network namespaces of their own.
//
// Several Managers of one process work beside each other, also on one interface and
// in one subnet, if they share a Company: they leave each other's VIPs alone, and only
// one at a time changes what the kernel does with the addresses of a subnet.
//
// Goroutines: none but those of Run, whose caller owns them. Run itself keeps the
// timers (announcements, questions, lifetimes, retries). Of four goroutines under
// it one reads netlink notifications, two listen to neighbours, to ARP the one and
// to neighbor advertisements the other, and one writes log lines and takes out of
// the ledger what has gone; all have ended when Run returns.
//
// The package must never
//   - change or remove an address that is neither configured here nor in the
//     ledger, nor lose one that the kernel removes along with a VIP;
//   - announce or refresh an address after the Set that gave it up has returned;
//   - let Set(nil) wait for more than the one batch that is being handled, which is
//     one address where the kernel is slow: not for the rest of a Set, nor for the
//     disk or a log line.
//
// Implemented: gratuitous ARP as a request and as a reply (RFC 5227 section 3,
// RFC 5944 section 4.6), in RFC 826 frames, and unsolicited neighbor
// advertisements (RFC 4861 sections 4.4 and 7.2.6); ARP probes and the defence of an
// address that is not given up (RFC 5227 sections 2.1.1 and 2.4 (c), with shorter
// pauses at first), and solicitations (RFC 4861 section 4.3) for the same end.
package vip
