package doctor

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// isNoTables tells whether the kernel says that it has no nftables. It says nothing to who
// has no CAP_NET_ADMIN.
func isNoTables(err error) bool {
	return slices.ContainsFunc([]error{unix.EPROTONOSUPPORT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT, unix.EINVAL}, func(missing error) bool {
		return errors.Is(err, missing)
	})
}

// tables finds what does not work without nftables.
func tables(c *config.Config, f Facts) (all []Finding) {
	if !f.NoTables {
		return nil
	}
	missing := func(what string) {
		all = append(all, Finding{Error, "nftables", "is not in this kernel, or not loaded: " + what, "modprobe nf_tables"})
	}
	if c.Cluster != nil && c.Cluster.Fence == "nftables" {
		missing(`there is no fence, as cluster.fence = "nftables" wants that one`)
	}
	var names []string
	for i := range c.VRRP {
		if r := &c.VRRP[i]; !r.Accept {
			names = append(names, r.Name)
		}
	}
	if len(names) > 0 {
		missing("this host takes what is sent to the addresses of " + list(names) + ", in spite of accept = false")
	}
	return all
}
