seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" status: TESTING }
# want: cluster.pb:2:1: node: none has the status PRODUCTION of seesaw_vip, so none may own the VIPs
