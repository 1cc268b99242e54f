package daemon

import (
	"errors"
	"net/netip"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/doctor"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vrrp"
)

// Probes are how the doctor finds out what only the domain packages know.
func Probes() doctor.Probes {
	return doctor.Probes{
		AskPeers: AskPeers,
		Fences:   tryFences,
		Ahead:    findAhead,
		Vet:      vetAsRoot,
		Lease:    cluster.LeaseLength,
		Frames:   doctor.Frames{Claimed: vip.Claimed, Question: vip.Question, Advert: readAdvert},
	}
}

func tryFences() (bpf, nftables error, tried bool) {
	found, err := fence.Trial()
	return found[fence.BPF], found[fence.NFTables], err == nil
}

func findAhead() (all []doctor.Ahead) {
	found, _ := fence.FindAhead() // as far as it may be seen
	for _, a := range found {
		all = append(all, doctor.Ahead(a))
	}
	return all
}

// readAdvert reads an advert, heeded by anybody or not.
func readAdvert(body []byte, from, to netip.Addr) (h doctor.Heard, ok bool) {
	var a vrrp.Advert
	_, _, drop := a.Decode(body, from, to)
	if drop != 0 && drop != vrrp.BadChecksum {
		return h, false
	}
	return doctor.Heard{
		VRID: int(a.VRID), Version: int(a.Version), Priority: int(a.Priority), Interval: a.Interval, Auth: a.Auth.String(), Addresses: a.Addresses,
	}, true
}

// vetAsRoot is an error if root would not run a program, since others can change it, or what
// leads to it: at.
func vetAsRoot(path string) (at string, err error) {
	program, err := checker.NewProgram([]string{path}, "root")
	if err != nil {
		return "", err
	}
	err = program.Vet()
	if loose, ok := errors.AsType[*checker.LooseError](err); ok {
		at = loose.Path
	}
	return at, err
}
