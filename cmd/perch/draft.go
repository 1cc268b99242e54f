package main

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// draft is what init writes into a config.
type draft struct {
	path string

	Name      string
	Cluster   string
	Secret    string
	Peers     []draftPeer
	VIPs      []string
	Interface string
}

type draftPeer struct{ Name, Address string }

// defaultPort is where nodes listen for their peers when none is given.
const defaultPort = 7400

// withPort adds the default port to an address that has none. Whether it is an
// address at all is for the config's own rules to say.
func withPort(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil {
		return netip.AddrPortFrom(ip, defaultPort).String()
	}
	return address
}

// self returns the index of this node among the peers, or -1.
func (d *draft) self() int {
	return slices.IndexFunc(d.Peers, func(p draftPeer) bool { return p.Name == d.Name })
}

// render returns the text of a config that `perch check` accepts. Where the
// flags do not allow that, the error has a line for each mistake.
func (d *draft) render() ([]byte, error) {
	text := []byte(d.text())
	_, _, err := config.Parse(d.path, text, d.Name)
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		return nil, &usageError{withoutPlaces(mistakes)}
	}
	return text, err
}

// withoutPlaces drops the lines and columns of a file that is not written.
func withoutPlaces(mistakes config.Mistakes) error {
	var errs []error
	for _, m := range mistakes {
		errs = append(errs, errors.New(m.Text))
	}
	return errors.Join(errs...)
}
