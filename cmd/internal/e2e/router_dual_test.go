package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// The example for two nodes that both serve, as it stands there but for paths.
func TestRouterExampleOfTwoMasters(t *testing.T) {
	t.Parallel()
	const left, right = "198.18.0.201", "198.18.0.202"
	s := newSite(t, "lb1", "lb2")
	for _, n := range s.nodes {
		n.useExample("dual-master")
	}
	lb1, lb2 := s.nodes[0], s.nodes[1]
	s.start(lb1, lb2)
	s.eachHasItsOwn(left, right)

	must(t, lb1.Kill())
	s.hasJust(lb2, left+" "+right, "")
	s.answeredBy(left, lb2)
	s.answeredBy(right, lb2)
	s.start(lb1)
	s.eachHasItsOwn(left, right)
}

// useExample is that of a cluster for a node of a site.
func (n *station) useExample(folder string, oldnew ...string) {
	n.t.Helper()
	text := exampleFor(n.t, folder, n.Name, filepath.Join(n.Dir, "data"), n.socket(), oldnew...)
	must(n.t, os.WriteFile(n.config(), []byte(text), 0o600))
}

// eachHasItsOwn waits until the first node has the first address alone, the second the
// second.
func (s *site) eachHasItsOwn(first, second string) {
	s.t.Helper()
	s.hasJust(s.nodes[0], first, second)
	s.hasJust(s.nodes[1], second, first)
	s.answeredBy(first, s.nodes[0])
	s.answeredBy(second, s.nodes[1])
}
