package api

// Settings are what all nodes of a cluster are to have alike, as one of them runs with it.
type Settings struct {
	// Values are by the name of a key, such as "cluster.preempt". Nodes of different versions
	// may tell of different keys.
	Values map[string]string `json:"values"`
	// Peers says what the config has of a peer, such as "198.18.0.1:7400, priority 100", by name.
	Peers map[string]string `json:"peers"`
	// VIPs is how many VIPs the cluster has, and VIPDigest stands for their addresses in any
	// order. Interfaces may be others on each node.
	VIPs      int    `json:"vips"`
	VIPDigest string `json:"vip_digest"`
}
