seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" }
vserver {
  name: "a" rp: "b"
  entry_address { fqdn: "c" ipv4: "198.18.0.100/24" }
  healthcheck { type: TCP }
  vserver_entry {
    protocol: TCP
    port: 65536
    server_low_watermark: nan
    healthcheck { type: TCP interval: 0 timeout: 0 retries: -1 }
    healthcheck { type: TCP port: -1 }
    healthcheck { type: ICMP_PING mode: DSR }
    healthcheck { type: DNS send: "x" receive: "198.18.0.1" }
    healthcheck { type: DNS send: "x" receive: "x" method: "aaaa" }
    healthcheck { type: HTTP send: "%zz" }
    healthcheck { type: HTTP send: "/" proxy: true }
    healthcheck { type: HTTP send: "%zz" proxy: true }
    healthcheck { type: DNS send: "x" receive: "2001:db8::1" method: "a" }
  }
  vserver_entry { protocol: TCP port: 81 server_high_watermark: 1.5 }
  backend { host { fqdn: "d" ipv4: "198.18.0.11/24" } weight: -1 }
}
# want: cluster.pb:6:3: healthcheck: port is missing, which one of a vserver must have
# want: cluster.pb:9:5: port: 65536 must be a number from 1 to 65535
# want: cluster.pb:10:5: server_low_watermark: NaN must be a fraction from 0 to 1
# want: cluster.pb:11:29: interval: 0 must be 1 at least
# want: cluster.pb:11:41: timeout: 0 must be 1 at least
# want: cluster.pb:11:52: retries: -1 must be 0 at least
# want: cluster.pb:12:29: port: -1 must be a number from 1 to 65535
# want: cluster.pb:13:35: mode: Seesaw makes no ICMP_PING with DSR, and takes the backend for dead
# want: cluster.pb:14:5: method: "" must be a or aaaa: of other types Seesaw finds no answer right
# want: cluster.pb:15:39: receive: "x" must be the address that answers a question of type aaaa
# want: cluster.pb:16:30: send: "%zz" must be a path, such as "/healthz", or a URL
# want: cluster.pb:17:30: send: "/" must be a URL with a host, which a proxy is asked for
# want: cluster.pb:18:30: send: "%zz" must be a path, such as "/healthz", or a URL
# want: cluster.pb:19:39: receive: "2001:db8::1" must be the address that answers a question of type a
# want: cluster.pb:21:42: server_high_watermark: 1.5 must be a fraction from 0 to 1
# want: cluster.pb:22:55: weight: -1 must be 0 at least
