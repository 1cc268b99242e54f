package config

import (
	"cmp"
	"time"
)

// maxDefaultTimeout is for checks that look less often.
const maxDefaultTimeout = 5 * time.Second

func settleCheck(table *value, c *Check) {
	if table.child("interval") == nil {
		c.Interval = time.Second
	}
	if table.child("fast_interval") == nil {
		c.FastInterval = c.Interval
	}
	if table.child("timeout") == nil {
		c.Timeout = min(c.Interval, maxDefaultTimeout)
		if c.Kind == "unit" { // systemd answers nobody while it reads its units anew
			c.Timeout = maxDefaultTimeout
		}
	}
	rise, fall := 2, 3
	switch c.Kind {
	case "process", "unit", "file", "interface", "bgp":
		rise, fall = 1, 1 // what the kernel or systemd says needs no second look
	case "http":
		c.HTTP.Method = cmp.Or(c.HTTP.Method, "GET")
		settleRequests(&c.HTTP)
	case "dns":
		settleQuestion(table, &c.DNS)
	}
	if most := c.Process.QuorumMax; c.Kind == "process" && (most == nil || *most > 0) {
		c.Process.Quorum = cmp.Or(c.Process.Quorum, 1)
	}
	c.Rise, c.Fall = cmp.Or(c.Rise, rise), cmp.Or(c.Fall, fall)
}

func settleQuestion(table *value, q *CheckDNS) {
	if table.child("type") == nil {
		q.Type = "SOA"
	}
	if table.child("rcode") == nil {
		q.RCode = "NOERROR"
	}
}

// settleRequests gives each URL what is wanted of all.
func settleRequests(h *CheckHTTP) {
	if len(h.Answer.Status) == 0 {
		h.Answer.Status = []CheckRange{{200, 299}}
	}
	if len(h.Requests) == 0 {
		h.Requests = []CheckRequest{{}}
	}
	for i := range h.Requests {
		r := &h.Requests[i]
		if len(r.Status) == 0 {
			r.Status = h.Answer.Status
		}
		r.Contains = cmp.Or(r.Contains, h.Answer.Contains)
		r.Matches = cmp.Or(r.Matches, h.Answer.Matches)
		r.Mismatch = cmp.Or(r.Mismatch, h.Answer.Mismatch)
		r.Digest = cmp.Or(r.Digest, h.Answer.Digest)
		if r.JSONPath == "" { // else the value there is its own, too
			r.JSONPath = h.Answer.JSONPath
			r.JSONValue = cmp.Or(r.JSONValue, h.Answer.JSONValue)
		}
	}
}

// settleTracks lets a cluster without a list track each check, and gives the tracked ones
// what their check says.
func settleTracks(root *value, c *Config) {
	checks := map[string]*Check{}
	for i := range c.Checks {
		checks[c.Checks[i].Name] = &c.Checks[i]
	}
	for _, l := range trackLists(root, c) {
		for i := range l.tracks {
			if check := checks[l.tracks[i].Check]; check != nil {
				settleTrack(l.v.item(i), &l.tracks[i], check)
			}
		}
	}
	var all []Track
	for _, check := range c.Checks {
		all = append(all, Track{check.Name, check.Weight, check.Reverse})
	}
	if c.Cluster != nil && root.child("cluster").child("track") == nil {
		c.Cluster.Track = all
	}
	switch {
	case c.BGP == nil:
	case c.Cluster != nil:
		c.BGP.Track = c.Cluster.Track
	default:
		c.BGP.Track = all
	}
}

func settleTrack(v *value, t *Track, check *Check) {
	if v.child("weight") == nil {
		t.Weight = check.Weight
	}
	if v.child("reverse") == nil {
		t.Reverse = check.Reverse
	}
}

// trackList is one list of the file, and what was read of it.
type trackList struct {
	v      *value
	tracks []Track
}

func trackLists(root *value, c *Config) []trackList {
	var lists []trackList
	add := func(table *value, tracks []Track) {
		if v := table.child("track"); v != nil {
			lists = append(lists, trackList{v, tracks})
		}
	}
	if c.Cluster != nil {
		add(root.child("cluster"), c.Cluster.Track)
	}
	for i := range c.VRRP {
		add(root.child("vrrp").item(i), c.VRRP[i].Track)
	}
	for i := range c.SyncGroups {
		add(root.child("sync_group").item(i), c.SyncGroups[i].Track)
	}
	return lists
}
