//go:build ipvs

package balance

import (
	"context"
	"testing"
)

// Only the owner of the VIP looks at servers that are looked at while it is held, and whoever
// takes it over begins to. A server that dies while nobody looks is used until then.
func TestPerchLooksWhileHeld(t *testing.T) {
	b := newBed(t)
	s := plain(dr, ipv4)
	s.keys = "check_while = \"held\"\n"
	l := b.newBalancers("", s)
	dead := weights{b.webs[0]: gone}
	must(t, b.webs[0].Kill())
	l.director(l.owner).has(b.want(dead, s))
	if wrong := different(l.director(l.spare).saved(), b.want(nil, s)); wrong != "" {
		t.Errorf("%s, which does not hold the VIP, has looked:\n%s", l.spare.Name, wrong)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, l.owner.Terminate(ctx))
	l.director(l.spare).has(b.want(dead, s))
}
