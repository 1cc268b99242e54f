node { ipv4: "198.18.0.2/24" }
vlan { vlan_id: 20 }
access_groups { member: "alice" }
vserver {
  name: "a"
  vserver_entry {
    port: 80
    healthcheck { port: 81 }
  }
  backend { weight: 2 }
  backend { host { ipv4: "198.18.0.11/24" } }
}
# want: cluster.pb:1:1: node: fqdn is missing
# want: cluster.pb:1:1: seesaw_vip is missing
# want: cluster.pb:2:1: vlan: host is missing
# want: cluster.pb:3:1: access_groups: name is missing
# want: cluster.pb:4:1: vserver: entry_address is missing
# want: cluster.pb:4:1: vserver: rp is missing
# want: cluster.pb:6:3: vserver_entry: protocol is missing
# want: cluster.pb:8:5: healthcheck: type is missing
# want: cluster.pb:10:3: backend: host is missing
# want: cluster.pb:11:13: host: fqdn is missing
