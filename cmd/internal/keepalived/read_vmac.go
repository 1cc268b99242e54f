package keepalived

import (
	"net"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// vmac is the device of an instance with a virtual MAC.
type vmac struct {
	name string // "" if none is given
	mac  string // "" for that of the VRID
}

// readVMAC reads use_vmac [NAME] [MAC] [netlink_notify_msg] [group G].
func readVMAC(im *importer, s *syntax.Statement, i *instance) {
	given := vmac{}
	args := s.Args()
	for len(args) > 0 {
		switch word := args[0]; {
		case word == "netlink_notify_msg":
		case word == "group" && len(args) > 1:
			im.lose(s, "puts its device into the group of interfaces "+quoted(args[1]), "perch's is in none")
			args = args[1:]
		case strings.Count(word, ":") >= 4:
			given.mac = im.vmacAddress(s, word)
		case given.name != "":
			im.wrong(s, quoted(word)+" is a second name; must be one")
		default:
			given.name = word
			im.routing.deviceNames[word] = true
		}
		args = args[1:]
	}
	i.own().vmac = said[vmac]{given, s}
}

// vmacAddress returns a MAC as perch writes it. keepalived makes something of one that is not
// whole, and forgets one of a group.
func (im *importer) vmacAddress(s *syntax.Statement, text string) string {
	var padded []string
	for _, pair := range strings.Split(text, ":") {
		if len(pair) == 1 {
			pair = "0" + pair
		}
		padded = append(padded, pair)
	}
	mac, err := net.ParseMAC(strings.Join(padded, ":"))
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
		im.wrong(s, quoted(text)+" must be the MAC of one station, as 02:00:00:00:00:51")
		return ""
	}
	return mac.String()
}
