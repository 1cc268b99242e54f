package fence

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink"
)

// linkTries is how often the list of interfaces is read anew that changed meanwhile.
const linkTries = 5

// wanted lists the interfaces to be guarded: all but the ports of bridges and the
// like, whose frames are others' and pass the master if they are ours; those too
// when Guard was called of them.
func (n *nftFence) wanted() (map[int]string, error) {
	links, err := n.listLinks()
	if err != nil {
		return nil, err
	}
	kinds := map[int]string{}
	for _, l := range links {
		kinds[l.Attrs().Index] = l.Type()
	}
	wanted := map[int]string{}
	for _, l := range links {
		a := l.Attrs()
		// What a VRF's port sends by packet socket passes no other interface.
		if a.MasterIndex == 0 || kinds[a.MasterIndex] == "vrf" || n.asked[a.Index] {
			wanted[a.Index] = a.Name
		}
	}
	return wanted, nil
}

func (n *nftFence) listLinks() (links []netlink.Link, err error) {
	for range linkTries {
		links, err = n.links.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) && !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	return links, nil
}

// follow gives each interface to be guarded its chain, under its present name: a
// kernel since 6.16 detaches the chain of one that is renamed.
func (n *nftFence) follow() error {
	wanted, err := n.wanted()
	if err != nil {
		return err
	}
	for index, name := range n.devices {
		if wanted[index] == name {
			continue
		}
		if err := n.rules.unhook(index, name); err != nil {
			return fmt.Errorf("take the chain off interface %s: %w", name, err)
		}
		delete(n.devices, index)
	}
	for index, name := range wanted {
		if n.devices[index] == name {
			continue
		}
		err := n.rules.hook(index, name)
		if errors.Is(err, syscall.ENOENT) {
			// Either the interface has gone meanwhile, or the tables have.
			return n.install()
		}
		if err != nil {
			return fmt.Errorf("put a chain on interface %s: %w", name, err)
		}
		n.devices[index] = name
	}
	return nil
}
