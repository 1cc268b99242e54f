//go:build ipvs

package balance

import "testing"

// Each of three servers is reached in each mode and family.
func TestBalanceForwards(t *testing.T) {
	b := newBed(t)
	d := b.directors[0]
	d.balance(modes...)
	for _, m := range modes {
		for _, f := range families {
			d.hold(m.vips[f], inside[f])
			r := b.visit(m.service(f))
			rs := b.answered(r, 6)
			must(t, r.Close())
			for _, w := range b.webs {
				if n := answeredBy(rs, w); n < 2 {
					t.Errorf("%s of %s answered %d of 6 requests: %s", w.Host.Name, m.service(f), n, rs)
				}
			}
			if len(rs.Failures()) != 0 {
				t.Errorf("%s: %s", m.service(f), rs)
			}
		}
	}
}
