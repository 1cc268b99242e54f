seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
# want: cluster.pb:1:1: node is missing: nobody would own the VIPs
