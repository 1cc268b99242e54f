package fence

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

// manyHosts are n VIPs, every other of IPv6.
func manyHosts(n int) []netip.Prefix {
	var list []netip.Prefix
	for i := range n {
		addr := netip.AddrFrom4([4]byte{198, byte(18 + i%2), byte(i / 128), byte(i % 128 * 2)})
		if i%2 == 1 {
			addr = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", 2*i))
		}
		// Each alone: ranges that touch would become one.
		list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return list
}

// BenchmarkRefresh is what it costs to renew the lease.
func BenchmarkRefresh(b *testing.B) {
	for _, c := range strong {
		for _, vips := range []int{1, 5000} {
			b.Run(fmt.Sprintf("%s/vips=%d", c.kind, vips), func(b *testing.B) {
				m := opened(b, c)
				if err := m.Protect(manyHosts(vips)); err != nil {
					b.Fatal(err)
				}
				until := boottime() + time.Hour
				b.ReportAllocs()
				for b.Loop() {
					until++
					if err := m.Set(until); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkProtect is what it costs to replace the set of VIPs.
func BenchmarkProtect(b *testing.B) {
	for _, c := range strong {
		for _, vips := range []int{1, 5000} {
			b.Run(fmt.Sprintf("%s/vips=%d", c.kind, vips), func(b *testing.B) {
				m := opened(b, c)
				list := manyHosts(vips)
				for b.Loop() {
					if err := m.Protect(list); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAudit is what it costs to look at everything.
func BenchmarkAudit(b *testing.B) {
	for _, c := range strong {
		for _, vips := range []int{1, 5000} {
			b.Run(fmt.Sprintf("%s/vips=%d", c.kind, vips), func(b *testing.B) {
				m := opened(b, c)
				if err := m.Protect(manyHosts(vips)); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := m.Audit(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// opened opens a mechanism in a network namespace.
func opened(b *testing.B, c candidate) mechanism {
	newNetwork(b)
	m, err := c.open(slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	})
	return m
}
