package keepalived

// Raft is how the virtual routers of a fleet become one cluster.
type Raft struct{}
