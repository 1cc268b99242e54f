package sysctl

import (
	"os"
	"path/filepath"
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
func followersOf(root string, s Setting) (found []follower) {
	add := func(name string, after int) {
		if before, err := Read(root, name); err == nil {
			found = append(found, follower{name, before, after})
		}
	}
	switch s.Name {
	case forward4:
		add("net/ipv4/conf/all/accept_redirects", 1-s.Value)
		addForwarding(root, "net/ipv4/conf/", func(name string) { add(name, s.Value) })
	case forward6:
		addForwarding(root, "net/ipv6/conf/", func(name string) { add(name, s.Value) })
	}
	return found
}

// addForwarding calls add with the names of forwarding of each interface, and of default.
func addForwarding(root, folder string, add func(name string)) {
	interfaces, _ := os.ReadDir(filepath.Join(root, folder)) // none: then there is none to add
	for _, i := range interfaces {
		if i.Name() != "all" { // another name of what it follows
			add(folder + i.Name() + "/forwarding")
		}
	}
}
