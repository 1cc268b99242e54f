package sysctl

import (
	"path/filepath"
	"strings"
)

const (
	forward4 = "net/ipv4/ip_forward"
	forward6 = "net/ipv6/conf/all/forwarding"
)

// follower is a sysctl that the kernel changes when another one is written.
type follower struct {
	Name   string `json:"name"`
	Before int    `json:"before"`
	After  int    `json:"after"` // what the kernel makes of it
}

// followersOf returns those that the kernel changes along with a setting: also those that
// are so already, as putting it back changes them, too. Of forwarding those are the ones
// of each interface, which an operator may have set by themselves, and whether redirects
// are taken, which somebody may have turned off.
func followersOf(root string, s Setting) []follower {
	var found []follower
	look := func(pattern string, after int) {
		paths, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are right
		for _, path := range paths {
			name := strings.TrimPrefix(path, root+"/")
			before, err := Read(root, name)
			if err == nil && !isAll(name) {
				found = append(found, follower{name, before, after})
			}
		}
	}
	switch s.Name {
	case forward4:
		look("net/ipv4/conf/*/forwarding", s.Value)
		look("net/ipv4/conf/all/accept_redirects", 1-s.Value)
	case forward6:
		look("net/ipv6/conf/*/forwarding", s.Value)
	}
	return found
}

// isAll reports whether a name is another one of what it follows.
func isAll(name string) bool { return strings.HasSuffix(name, "/all/forwarding") }
