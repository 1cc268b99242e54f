seesaw_vip: <fqdn: 'lb.example.com'; ipv4: '198.18.' "0.1/24">; # no status
node: [{fqdn: "lb1" ipv4: "198.18.0.9/24"}, {fqdn: "lb2" ipv4: "198.18.0.10/24"},
  {fqdn: "lb3" ipv4: "198.18.0.8/24" status: BUILDING}]
metadata { last_updated: 1700000000 attribute { name: "source" value: "servicedb\n[node]" } }
access_groups { name: "ops" member: ["alice", "bob"] }
misconfigured_vserver { name: "broken@site" error_message: "no backends" }
vserver {
  name: "vserver with a very long name of more than sixty three bytes, and spaces"
  entry_address { fqdn: "a.example.com" ipv4: "198.18.0.100/24" status: PRODUCTION }
  rp: "ops"
  legacy_backend { fqdn: "old" ipv4: "198.18.0.7/24" }
  vserver_entry { protocol: TCP port: 80 server_high_watermark: 1 lthreshold: 5 }
  vserver_entry { protocol: TCP port: 80 scheduler: RR }
  vserver_entry { protocol: TCP port: 81 server_high_watermark: 0.5 server_low_watermark: 0.4 healthcheck { type: TCP } }
  backend { host { fqdn: "web1" ipv4: "198.18.0.11/24" } weight: 0 }
  backend { host { fqdn: "web1" ipv4: "198.18.0.12/24" } }
  backend { host { fqdn: "web3" ipv4: "198.18.0.13/24" } weight: 5 }
  backend { host { fqdn: "web4" ipv4: "198.18.0.14/24" status: STANDBY } weight: 5 }
  backend { host { fqdn: "web5" ipv4: "198.18.0.13/24" } }
  backend { host { fqdn: "web6" ipv6: "2001:db8::6/64" } }
}
vserver {
  name: "vserver with a very long name of more than sixty three bytes; and spaces"
  entry_address { fqdn: "b.example.com" ipv4: "198.18.0.101/24" status: PRODUCTION }
  rp: "ops"
  vserver_entry { protocol: TCP port: 80 healthcheck { type: TCP } }
  backend { host { fqdn: "web1" ipv4: "198.18.0.11/24" } }
  access_grant { grantee: "ops" role: OPS type: GROUP }
}
# until spring
vserver { name: "off" entry_address { fqdn: "c.example.com" ipv4: "198.18.0.102/24" status: DISABLED } rp: "ops" }
vserver { name: "nowhere" entry_address { fqdn: "d.example.com" } rp: "ops" }
vserver { name: "address-only" entry_address { fqdn: "e.example.com" ipv4: "198.18.0.103/24" } rp: "ops" }
vserver { name: "off" entry_address { fqdn: "c.example.com" ipv4: "198.18.0.104/24" } rp: "ops" }
vserver {
  name: "no-ipv6-backend"
  entry_address { fqdn: "f.example.com" ipv4: "198.18.0.105/24" ipv6: "2001:db8::105/64" }
  rp: "ops"
  vserver_entry { protocol: TCP port: 80 healthcheck { type: TCP } }
  backend { host { fqdn: "web1" ipv4: "198.18.0.11/24" } }
}
