package main

import (
	"fmt"
	"strings"
)

// What init writes, in pieces: package text/template would keep the linker from
// leaving out what no command calls, a tenth of the binary.

const draftHead = `# perch on %[1]s. Every key is explained in docs/config.md; "perch check" says
# what is wrong with this file, and "perch reload" applies a change of it.
# Lines that begin with "# " and a key show its default.

[node]
name = %[1]q # the only line that differs between the nodes
# data_dir = "/var/lib/perch"        # this node's votes and log: must survive a reboot
# socket = "/run/perch/perch.sock"   # for perch status and its siblings
# listen = "127.0.0.1:7401"          # dashboard and /metrics; "" for none
# log_level = "info"                 # debug, info, warn or error
# log_format = "text"                # or json

[cluster]
name = %[2]q # clusters are told apart by name and secret
secret_file = %[3]q # the same file on every node
# failover = "normal"                # fast: 100 ms without a heartbeat, normal: 300 ms, wan: 1 s
# fence = "auto"                     # how the kernel ends a dead owner's answers: see docs/fence.md

# The nodes: the same list everywhere. A VIP has an owner while more than half
# of them are up and in touch, so three is the least that survives a failure.
# With witness = true a node votes but never owns a VIP, so it may be small.
`

const draftPeerText = `
[[cluster.peer]]
name = %q
address = %q
`

const draftPeerDefaults = `# priority = 100                     # 1 to 254: the highest is preferred in planned moves
# witness = false
`

const draftVIPText = `
[[vip]]
address = %q
interface = %q
`

const draftNoVIP = `
# The addresses to keep alive, on every node the same. For example:
#
#     [[vip]]
#     address = "198.18.0.100/24"
#     interface = "eth0"
`

const draftChecks = `
# What must be well on this node, or its VIPs go to another: see docs/checks.md.
# For example:
#
#     [[check]]
#     name = "haproxy"
#     kind = "http"
#     target = "http://127.0.0.1:8080/healthz"
`

// text is the config file.
func (d *draft) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, draftHead, d.Name, d.Cluster, d.Secret)
	for i, p := range d.Peers {
		fmt.Fprintf(&b, draftPeerText, p.Name, p.Address)
		if i == 0 {
			b.WriteString(draftPeerDefaults)
		}
	}
	for _, vip := range d.VIPs {
		fmt.Fprintf(&b, draftVIPText, vip, d.Interface)
	}
	if len(d.VIPs) == 0 {
		b.WriteString(draftNoVIP)
	}
	b.WriteString(draftChecks)
	return b.String()
}
