package config

// checkClock wants a cluster, whose leader is followed.
func checkClock(r *report, root *value, c *Config) {
	if clock := root.child("clock"); clock != nil && root.child("cluster") == nil {
		r.badKey(clock, "there is no [cluster], whose leader it takes the time from", "must stand beside a [cluster]")
	}
}
