package doctor

import "github.com/perch-vip/perch/cmd/internal/config"

// Unconfigured stands for the config of a host that has none yet.
func Unconfigured() *config.Config { return &config.Config{} }

// ExamineUnconfigured returns what any config would meet on a host that has none yet.
func ExamineUnconfigured(path string, f Facts) []Finding {
	all := []Finding{{
		Hint, path, "is not there: this is what can be said of the host without it", "perch init --help",
	}}
	all = append(all, weaker("auto", f)...)
	all = append(all, untried(f)...)
	if f.NoTables {
		all = append(all, Finding{
			Hint, "nftables", "is not in this kernel, or not loaded: without it there is no second-best fence, and no accept = false", "modprobe nf_tables",
		})
	}
	for _, i := range f.Interfaces {
		if !i.Loopback {
			all = append(all, keeps(f, i.Name)...)
		}
	}
	all = append(all, f.Clock.slow()...)
	return sorted(append(all, unfinished(f)...))
}
