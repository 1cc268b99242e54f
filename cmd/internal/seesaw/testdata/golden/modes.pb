seesaw_vip { fqdn: "lb.example.com" ipv4: "198.18.0.1/24" ipv6: "2001:db8::1/64" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" status: PRODUCTION }
node { fqdn: "lb2" ipv4: "198.18.0.3/24" status: PRODUCTION }
vserver {
  name: "marked"
  entry_address { fqdn: "marked.example.com" ipv4: "198.18.0.100/24" ipv6: "2001:db8::100/64" status: PRODUCTION }
  rp: "ops"
  use_fwm: true
  vserver_entry { protocol: TCP port: 80 scheduler: SH persistence: 60 healthcheck { type: HTTP } }
  vserver_entry { protocol: UDP port: 443 scheduler: SH persistence: 90 healthcheck { type: UDP send: "?" } }
  backend { host { fqdn: "web1" ipv4: "198.18.0.11/24" ipv6: "2001:db8::11/64" } }
  backend { host { fqdn: "web2" ipv4: "198.18.0.12/24" ipv6: "2001:db8::12/64" } }
}
vserver {
  name: "nat"
  entry_address { fqdn: "nat.example.com" ipv4: "198.18.0.101/24" status: PRODUCTION }
  rp: "ops"
  vserver_entry { protocol: TCP port: 80 mode: NAT scheduler: LC healthcheck { type: TCP } }
  backend { host { fqdn: "web1" ipv4: "10.0.0.11/24" } }
}
vserver {
  name: "tunnel"
  entry_address { fqdn: "tunnel.example.com" ipv4: "198.18.0.102/24" status: PRODUCTION }
  rp: "ops"
  vserver_entry { protocol: TCP port: 80 mode: TUN scheduler: MH healthcheck { type: TCP mode: TUN } }
  backend { host { fqdn: "web1" ipv4: "10.0.1.11/24" } }
}
