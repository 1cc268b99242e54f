package e2e

import (
	"fmt"
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

// useExample gives the node the file that an example has for it, as it stands there but for
// paths.
func (n *station) useExample(folder string) {
	n.t.Helper()
	own := fmt.Sprintf("[node]\ndata_dir = %q\nsocket = %q\n", filepath.Join(n.Dir, "data"), n.socket())
	text := example(n.t, filepath.Join(folder, n.Name+".toml"), "[node]\n", own)
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
