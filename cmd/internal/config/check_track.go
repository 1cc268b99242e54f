package config

// checkTracks wants each name in a list of checks to be that of a [[check]], once.
func checkTracks(r *report, root *value, c *Config) {
	var names []string
	known := map[string]bool{}
	for _, check := range c.Checks {
		if check.Name != "" && !known[check.Name] {
			known[check.Name] = true
			names = append(names, check.Name)
		}
	}
	for _, l := range trackLists(root, c) {
		seen := firsts[string]{}
		for i, t := range l.tracks {
			v := checkOf(l.v.item(i))
			switch {
			case t.Check == "": // it was refused
			case !known[t.Check]:
				r.badValue(v, "is no [[check]]", suggestion(t.Check, names))
			default:
				seen.check(r, t.Check, v, "must be in one list once")
			}
		}
	}
}

// checkOf returns the name of a tracked check, which may be written by itself.
func checkOf(track *value) *value {
	if v := track.child("check"); v != nil {
		return v
	}
	return track
}
