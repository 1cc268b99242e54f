seesaw_vip { fqdn: "lb.example.com" ipv4: "198.18.0.1/24" status: TESTING }
node { fqdn: "lb1.a.example.com" ipv4: "198.18.0.2/24" status: TESTING }
node { fqdn: "lb1.b.example.com" ipv4: "198.18.0.3/24" status: TESTING }
node { fqdn: "lb1.c.example.com" ipv4: "198.18.0.4/24" status: TESTING }
vmac: "00:00:5E:00:01:3C"
bgp_local_asn: 64600
bgp_remote_asn: 64601
bgp_peer { fqdn: "router1.example.com" ipv4: "198.18.0.254/24" }
vlan { vlan_id: 20 host { fqdn: "lb-vlan20.example.com" ipv4: "198.18.20.1/24" } }
dedicated_vip_subnet: "198.18.2.0/24"
vserver {
  name: "dns.resolver@site"
  entry_address { fqdn: "dns.example.com" ipv4: "192.168.255.1/24" status: PRODUCTION }
  rp: "dns-team"
  vserver_entry {
    protocol: UDP port: 53 scheduler: RR one_packet: true
    healthcheck { type: DNS send: "www.example.com." receive: "198.18.0.100" method: "a" mode: DSR }
  }
  vserver_entry {
    protocol: TCP port: 53 scheduler: RR one_packet: true
    healthcheck { type: DNS send: "www.example.com" receive: "198.18.0.100" method: "A" }
  }
  backend { host { fqdn: "dns1.example.com" ipv4: "198.18.20.11/24" } }
  backend { host { fqdn: "dns2.example.com" ipv4: "198.18.20.12/24" } }
}
vserver {
  name: "in-vlan"
  entry_address { fqdn: "vlan.example.com" ipv4: "198.18.20.100/32" status: PRODUCTION }
  rp: "net"
  vserver_entry { protocol: TCP port: 25 healthcheck { type: TCP } }
  backend { host { fqdn: "mx1.example.com" ipv4: "198.18.20.21/24" } }
}
vserver {
  name: "dedicated"
  entry_address { fqdn: "dedicated.example.com" ipv4: "198.18.2.7/24" status: PRODUCTION }
  rp: "net"
  vserver_entry { protocol: TCP port: 25 healthcheck { type: TCP } }
  backend { host { fqdn: "mx1.example.com" ipv4: "198.18.20.21/24" } }
}
vserver {
  name: "elsewhere"
  entry_address { fqdn: "elsewhere.example.com" ipv4: "198.18.9.9/26" status: PRODUCTION }
  rp: "net"
  vserver_entry { protocol: TCP port: 25 healthcheck { type: TCP } }
  backend { host { fqdn: "mx1.example.com" ipv4: "198.18.20.21/24" } }
}
