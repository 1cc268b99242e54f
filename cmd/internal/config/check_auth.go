package config

import (
	"fmt"
	"strconv"
	"strings"
)

// checkAuth wants a kind that the router's adverts have room for, and the files of
// that kind only.
func checkAuth(r *report, table *value, router *VirtualRouter) {
	auth := table.child("auth")
	kind := auth.child("kind")
	hmacOnly := []string{"key", "active", "window", "mode", "anti_replay"}
	switch router.Auth.Kind {
	case "pass", "ah":
		checkAuthRoom(r, kind, router)
		wantKeys(r, auth, router.Auth.Kind, []string{"secret_file"}, hmacOnly...)
	case "hmac":
		wantKeys(r, auth, "hmac", []string{"key"}, "secret_file")
		checkAuthKeys(r, auth, router.Auth)
		if v := auth.child("window"); v != nil && router.Auth.AntiReplay == "monotonic" {
			r.badKey(v, `given together with anti_replay = "monotonic"`, "must be left out there")
		}
	default:
		if kind != nil && kind.text == "none" {
			wantKeys(r, auth, "none", nil, append(hmacOnly, "secret_file")...)
		}
	}
}

// checkAuthRoom says which adverts have no field for a password or its digest: those
// of version 3 (RFC 9568 section 9), and all over IPv6.
func checkAuthRoom(r *report, kind *value, router *VirtualRouter) {
	const allowed = `must be "none" or "hmac", but for version 2 over IPv4`
	if router.Version != 2 {
		r.badValue(kind, fmt.Sprintf("version %d cannot carry it", router.Version), allowed)
	} else if router.hasFamily() && router.IPv6() {
		r.badValue(kind, "version 2 over IPv6 cannot carry it", allowed)
	}
}

// wantKeys wants the keys of a kind, and none of another's.
func wantKeys(r *report, auth *value, kind string, wanted []string, others ...string) {
	for _, name := range wanted {
		if auth.child(name) == nil {
			r.missing(auth, name, fmt.Sprintf("must be given with kind = %q", kind))
		}
	}
	for _, name := range others {
		if v := auth.child(name); v != nil {
			r.badKey(v, fmt.Sprintf("given together with kind = %q", kind), "must be left out there")
		}
	}
}

func checkAuthKeys(r *report, auth *value, a Auth) {
	list, seen := auth.child("key"), firsts[int]{}
	if list != nil && list.kind == kindArray && len(list.items) == 0 {
		r.badKey(list, "is empty", "must have a [[vrrp.auth.key]] at least")
	}
	var ids []string
	for i, k := range a.Keys {
		v := list.item(i).child("id")
		if v == nil || v.kind != kindInteger {
			return // which one is active cannot be told
		}
		seen.check(r, k.ID, v, "must be different for every key of a router")
		ids = append(ids, strconv.Itoa(k.ID))
	}
	active, allowed := auth.child("active"), "must be the id of the key that signs: "+shorten(strings.Join(ids, ", "))
	switch {
	case active == nil && len(ids) > 1:
		r.missing(auth, "active", allowed)
	case active != nil && len(ids) > 0 && seen[a.Active] == nil && active.kind == kindInteger:
		r.badValue(active, "is not in the list of keys", allowed)
	}
}
