seesaw_vip { fqdn: "lb" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2" }
node { fqdn: "lb2" ipv6: "198.18.0.3/24" }
node { fqdn: "lb3" ipv6: "::ffff:198.18.0.3/120" }
node { fqdn: "lb4" }
vlan { vlan_id: 20 host { fqdn: "v" ipv4: "lb5/24" } }
vlan { vlan_id: 4095 host { fqdn: "v" } }
vlan { vlan_id: 20 host { fqdn: "v" } }
dedicated_vip_subnet: "198.18.2.0"
vserver {
  name: "a" rp: "b"
  entry_address { fqdn: "c" ipv4: "198.18.0.100" }
}
# want: cluster.pb:1:1: seesaw_vip: it has no address
# want: cluster.pb:2:1: node: lb1 has no address
# want: cluster.pb:2:20: ipv4: "198.18.0.2" must be an address with its prefix length, such as "198.18.0.1/24"
# want: cluster.pb:3:1: node: lb2 has no address
# want: cluster.pb:3:20: ipv6: "198.18.0.3/24" must be an address with its prefix length, such as "2001:db8::1/64"
# want: cluster.pb:4:1: node: lb3 has no address
# want: cluster.pb:4:20: ipv6: "::ffff:198.18.0.3/120" must be an address with its prefix length, such as "2001:db8::1/64"
# want: cluster.pb:5:1: node: lb4 has no address
# want: cluster.pb:6:37: ipv4: "lb5/24" must be an address with its prefix length, such as "198.18.0.1/24"
# want: cluster.pb:7:8: vlan_id: 4095 must be a number from 1 to 4094, different for every vlan
# want: cluster.pb:8:8: vlan_id: 20 must be a number from 1 to 4094, different for every vlan
# want: cluster.pb:9:1: dedicated_vip_subnet: "198.18.2.0" must be a network, such as "198.18.2.0/24"
# want: cluster.pb:12:29: ipv4: "198.18.0.100" must be an address with its prefix length, such as "198.18.0.1/24"
