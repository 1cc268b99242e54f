package keepalived

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// Each testdata/raft/NAME.conf becomes a cluster in NAME.raft.toml, and one that runs beside
// its virtual routers in NAME.both.toml.
func TestImportToRaft(t *testing.T) {
	for _, path := range confs(t, "raft") {
		for _, stage := range []Stage{Beside, Instead} {
			base := strings.TrimSuffix(path, ".conf") + "." + string(stage)
			t.Run(filepath.Base(base), func(t *testing.T) {
				o := testOptions()
				o.Raft = &Raft{Stage: stage, Cluster: "edge"}
				if strings.Contains(path, "multicast") {
					o.Raft.Node = "lb1"
					o.Raft.Peers = []Peer{
						{"lb1", netip.MustParseAddrPort("198.18.0.1:7400"), 150},
						{"lb2", netip.MustParseAddrPort("198.18.0.2:7400"), 0},
						{"lb3", netip.MustParseAddrPort("198.18.0.3:7400"), 0},
					}
				}
				r, err := Import(path, o)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, base+".toml", r.Document.Render().Text)
				compare(t, base+".remarks", remarks(r))
				if _, _, err := r.Document.Parse("perch.toml", "elsewhere"); err != nil {
					t.Errorf("what it became cannot be run: %v", err)
				}
			})
		}
	}
}

// All nodes of a fleet come to the same list of peers.
func TestPeersOfFleet(t *testing.T) {
	list := func(self string, others ...string) string {
		im := newImporter(Options{Raft: &Raft{}})
		i := &instance{special: &special{}}
		i.source = said[netip.Addr]{netip.MustParseAddr(self), &syntax.Statement{}}
		for _, other := range others {
			i.peers = append(i.peers, peer{address: netip.MustParseAddr(other)})
		}
		im.routing.instances = []*instance{i}
		peers, node := im.peersOfFile()
		var names []string
		for _, p := range peers {
			names = append(names, p.Name+"="+p.Address.String())
		}
		return node + ": " + strings.Join(names, " ")
	}
	const all = "node-198-18-0-2=198.18.0.2:7400 node-198-18-0-10=198.18.0.10:7400"
	if got, want := list("198.18.0.2", "198.18.0.10"), "node-198-18-0-2: "+all; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := list("198.18.0.10", "198.18.0.2"), "node-198-18-0-10: "+all; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := list("2001:db8::1", "2001:db8::2"), "node-2001-db8--1: node-2001-db8--1=[2001:db8::1]:7400 node-2001-db8--2=[2001:db8::2]:7400"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNoPeers(t *testing.T) {
	o := testOptions()
	o.Raft = &Raft{Stage: Instead, Cluster: "edge"}
	if _, err := Import("testdata/raft/multicast.conf", o); err != errNoPeers {
		t.Errorf("got %v, want %v", err, errNoPeers)
	}
}

// A machine with two addresses in the file is not two nodes.
func TestTwoAddressesOfANode(t *testing.T) {
	const text = `vrrp_instance V4 {
    interface eth0
    virtual_router_id 51
    unicast_src_ip 198.18.0.1
    unicast_peer {
        198.18.0.2
    }
    virtual_ipaddress {
        198.18.0.100/24
    }
}
vrrp_instance V6 {
    interface eth0
    virtual_router_id 51
    unicast_src_ip 2001:db8::1
    unicast_peer {
        2001:db8::2
    }
    virtual_ipaddress {
        2001:db8::100/64
    }
}
`
	o := testOptions()
	o.Files = syntax.FSFiles{FS: fstest.MapFS{"k": {Data: []byte(text)}}}
	o.Raft = &Raft{Stage: Beside, Cluster: "edge"}
	_, err := Import("/k", o)
	const want = "/k:15: unicast_src_ip: is this node's, and so is 198.18.0.1 at /k:4: name each node by --peer NAME=ADDRESS"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	o.Raft.Peers = []Peer{{"lb1", netip.MustParseAddrPort("198.18.0.1:7400"), 0}, {"lb2", netip.MustParseAddrPort("198.18.0.2:7400"), 0}}
	if _, err := Import("/k", o); err != nil {
		t.Errorf("with its peers given: %v", err)
	}
}

// What is told of a cluster names a place in the keepalived.conf, and that nodes no longer share.
func TestClusterOfRouters(t *testing.T) {
	const text = `
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 150
    unicast_src_ip fe80::1
    unicast_peer {
        fe80::2
    }
    virtual_ipaddress {
        2001:db8::100/64
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    priority 100
    virtual_ipaddress {
        2001:db8::101/64
    }
}
`
	o := testOptions()
	o.Files = syntax.FSFiles{FS: fstest.MapFS{"k": {Data: []byte(text)}}}
	o.Raft = &Raft{Stage: Instead, Cluster: "edge"}
	r, err := Import("/k", o)
	if err != nil {
		t.Fatal(err)
	}
	if said := string(remarks(r)); !strings.Contains(said, "/k:17: ") || !strings.Contains(said, "a cluster moves all of them together") {
		t.Errorf("nothing is said of the other priority:\n%s", said)
	}
	_, _, err = r.Document.Parse("/k", "elsewhere")
	if err == nil || !strings.HasPrefix(err.Error(), "/k:2: cluster.peer.address") {
		t.Errorf("got %v, want it at /k:2", err)
	}
}
