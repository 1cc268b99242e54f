package e2e

import (
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// successions runs rounds of a move and returns how long each took until another node
// than the owner answered, which until its lease's end may answer itself.
func (x *bench) successions(name string, rounds int, move, mend func(owner *lab.Node)) figure {
	x.b.Helper()
	o, err := x.client.Observe(x.vip)
	must(x.b, err)
	f := figure{name: name}
	for range rounds {
		owner := x.settled()
		begin := time.Now()
		move(owner)
		x.answered(time.Now().Add(benchHeartbeat))
		x.answered(time.Now())
		seen, err := o.Take()
		must(x.b, err)
		i := slices.IndexFunc(seen.Sightings, func(s lab.Sighting) bool {
			return s.At.After(begin) && s.From != lab.MAC(owner.Host.Eth0.MAC)
		})
		if i < 0 {
			x.b.Fatal("no other node has answered")
		}
		f.samples = append(f.samples, seen.Sightings[i].At.Sub(begin))
		mend(owner)
	}
	must(x.b, o.Close())
	x.b.Log(f.row())
	return f
}
