package doctor

import (
	"errors"
	"io/fs"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/netns"
)

// Namespace is where the network namespace of a config is.
type Namespace int

// What came of looking for it.
const (
	NamespaceHere    Namespace = iota // it is that of doctor, or that is not to be seen
	NamespaceMissing                  // there is none of that name
	NamespaceOther                    // doctor is in another one
)

func lookForNamespace(name string) Namespace {
	inside, err := netns.Inside(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return NamespaceMissing
	case err == nil && !inside:
		return NamespaceOther
	default:
		return NamespaceHere
	}
}

// namespace finds that perch cannot enter the network namespace that it is to run in, or
// that all else here is said of another one.
func namespace(c *config.Config, f Facts) []Finding {
	name := c.Node.NetNamespace
	switch f.Namespace {
	case NamespaceMissing:
		return []Finding{{Error, "network namespace " + name, "is not there: perch does not start", "ip netns add " + name}}
	case NamespaceOther:
		return []Finding{{
			Warning, "network namespace " + name, "is where perch is to run, and doctor looks at another one: what it says of the network is not so there",
			"ip netns exec " + name + " perch doctor",
		}}
	default:
		return nil
	}
}
