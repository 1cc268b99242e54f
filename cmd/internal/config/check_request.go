package config

import "cmp"

// checkRequests checks what the keys about requests and their answers say together.
func checkRequests(r *report, table *value, c *Check) {
	list, path := table.child("url"), table.child("json_path")
	if list != nil && list.kind == kindArray && len(list.items) == 0 {
		r.badKey(list, "is empty", "must have a URL at least, or be left out for the target itself")
	}
	tables := []*value{table}
	if list != nil {
		tables = append(tables, list.items...)
	}
	for _, t := range tables {
		checkStatuses(r, t.child("status"))
		if v := t.child("json_value"); v != nil && cmp.Or(t.child("json_path"), path) == nil {
			r.badKey(v, "given without json_path", "must come with json_path, which says where it is")
		}
		if c.HTTP.Method == "HEAD" {
			refuseBody(r, t)
		}
	}
}

func checkStatuses(r *report, list *value) {
	if list != nil && list.kind == kindArray && len(list.items) == 0 {
		r.badKey(list, "is empty", statusesRule)
	}
}

// refuseBody refuses to look into the body of an answer that has none.
func refuseBody(r *report, table *value) {
	for _, name := range []string{"contains", "matches", "mismatch", "digest", "json_path"} {
		if v := table.child(name); v != nil {
			r.badKey(v, `given together with method = "HEAD"`, "must be left out there, since no body is answered")
		}
	}
}
