vserver { vserver_entry { protocol: TCP port: 80 scheduler: BEST } }
# want: cluster.pb:1:61: invalid value for enum type: BEST
