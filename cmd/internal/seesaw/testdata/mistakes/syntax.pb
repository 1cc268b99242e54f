seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
node {
  fqdn: "lb1"
  ip4: "198.18.0.2/24"
}
# want: cluster.pb:4:3: unknown field: ip4
