# The load balancers of the office.

seesaw_vip <
  fqdn: "lb.example.com."
  ipv4: "198.18.0.1/24"
  ipv6: "2001:db8::1/64"
  status: PRODUCTION
>
# rack 7
node <
  fqdn: "lb2.example.com."
  ipv4: "198.18.0.3/24"
  ipv6: "2001:db8::3/64"
  status: PRODUCTION  # the newer one
>
node <
  fqdn: "lb1.example.com."
  ipv4: "198.18.0.2/24"
  ipv6: "2001:db8::2/64"
  status: PRODUCTION
>
# All that customers see.
vserver <
  name: "www@office"
  entry_address <
    fqdn: "www.example.com."
    ipv4: "198.18.0.100/32"
    ipv6: "2001:db8::100/128"
    status: PRODUCTION
  >
  rp: "web-team@example.com"
  warning: "web4 has no IPv6 address"
  vserver_entry <
    protocol: TCP
    port: 80
    scheduler: WRR
    persistence: 300
    server_low_watermark: 0.25
    server_high_watermark: 0.5
    lthreshold: 800
    uthreshold: 1000
    healthcheck < type: TCP port: 81 >
  >
  # TLS ends at the web servers.
  vserver_entry <
    protocol: TCP
    port: 443
    quiescent: true
    server_low_watermark: 0.6
    healthcheck <
      type: HTTPS
      interval: 5
      timeout: 2
      retries: 2
      send: "/healthz?deep=1"
      receive: "ok (all)"
      code: 204
      method: "GET"
      tls_verify: false
    >
  >
  backend < host < fqdn: "web1.example.com." ipv4: "198.18.0.11/24" ipv6: "2001:db8::11/64" status: PRODUCTION > >
  # the new hardware
  backend < host < fqdn: "web2.example.com." ipv4: "198.18.0.12/24" ipv6: "2001:db8::12/64" status: TESTING > weight: 3 >
  backend < host < fqdn: "web3.example.com." ipv4: "198.18.0.13/24" ipv6: "2001:db8::13/64" status: DISABLED > >
  backend < host < fqdn: "web4.example.com." ipv4: "198.18.0.14/24" status: PRODUCTION > >
  backend < host < fqdn: "web5.example.com." ipv4: "198.18.0.15/24" status: BUILDING > >
  healthcheck < type: ICMP_PING interval: 1 timeout: 1 >
>
# the end
