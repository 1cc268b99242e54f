seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" }
vserver {
  name: "a" rp: "b"
  entry_address { fqdn: "c" ipv4: "198.18.0.0/24" }
  vserver_entry {
    protocol: TCP
    port: 80
    lthreshold: 9
    uthreshold: 8
    healthcheck {
      type: TCP
      interval: 3601
    }
  }
  backend {
    host { fqdn: "d" ipv4: "198.18.0.11/24" }
    weight: 65536
  }
}
# want: cluster.pb:5: vip.address = "198.18.0.0/24": is the address of the network itself; must be one host's address and prefix length, like "198.18.0.100/24" or "2001:db8::100/64"
# want: cluster.pb:9: service.lower_threshold = 9: is above upper_threshold, 8; must be at most upper_threshold
# want: cluster.pb:13: service.check.interval = "3601s": is too long; must be a number with a unit, like "150ms", from 10ms to 1h0m0s
# want: cluster.pb:16: service.server.weight = 65536: is out of range; must be an integer from 0 to 65535
