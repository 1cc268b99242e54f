//go:build ipvs

package balance

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// At the end of perch its services stay, go, or go with those of others.
func TestPerchAtTheEnd(t *testing.T) {
	b := newBed(t)
	s := plain(dr, ipv4)
	const foreign = "-A -t 198.18.0.99:80 -s rr"
	ours := b.want(nil, s)
	a := b.newAlone("")
	a.ipvsadm(foreign+"\n", "-R")
	for _, end := range []struct {
		how  string
		left []string
	}{
		{"keep", append(ours, foreign)},
		{"remove", []string{foreign}},
		{"flush", nil},
	} {
		a.write("\n[ipvs]\nat_end = \"" + end.how + "\"\n" + b.tables(s))
		must(t, a.Start())
		eventually(t, "perch runs", func() bool { return a.allAre(api.ServerUp) })
		a.has(append(ours, foreign))
		must(t, a.stop())
		if wrong := different(a.saved(), end.left); wrong != "" {
			t.Errorf("%s:\n%s", end.how, wrong)
		}
	}
}
