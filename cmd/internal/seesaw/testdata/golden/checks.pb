seesaw_vip { fqdn: "lb.example.com" ipv4: "198.18.0.1/24" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" status: PRODUCTION }
vserver {
  name: "checks"
  entry_address { fqdn: "checks.example.com" ipv4: "198.18.0.100/24" status: PRODUCTION }
  rp: "ops"
  vserver_entry {
    protocol: UDP
    port: 1812
    healthcheck { type: ICMP_PING }
    healthcheck { type: UDP }
    healthcheck { type: UDP send: "\001\377" receive: "\002\377" port: 1813 }
    healthcheck { type: TCP send: "PING\r\n" receive: "+PONG" port: 6379 retries: 4 }
    healthcheck { type: TCP_TLS port: 636 }
    healthcheck { type: TCP_TLS port: 993 receive: "* OK" tls_verify: false }
    healthcheck { type: HTTP port: 80 }
    healthcheck { type: HTTP port: 80 send: "healthz" code: 302 method: "HEAD" }
    healthcheck { type: HTTP port: 80 send: "http://www.example.com/a b?c=d" mode: DSR }
    healthcheck { type: HTTP port: 80 send: "http://www.example.com/" }
    healthcheck { type: HTTPS port: 443 receive: "{\"up\":true}" }
    healthcheck { type: HTTP port: 3128 send: "http://www.example.com/" proxy: true receive: "OK" }
    healthcheck { type: HTTPS port: 3129 send: "https://www.example.com/" proxy: true }
    healthcheck { type: DNS port: 53 send: "example.com" receive: "2001:DB8::0100" method: "aaaa" }
    healthcheck { type: HTTP port: 81 receive: "\377" }
    healthcheck { type: HTTP port: 82 receive: "........................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................................" }
    healthcheck { type: RADIUS send: "user:password:secret" receive: "accept" }
  }
  backend { host { fqdn: "server1" ipv4: "198.18.0.11/24" } }
}
