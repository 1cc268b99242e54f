package vip

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchLab is a Manager on a real kernel with n VIPs of a family configured.
func benchLab(b *testing.B, family, n int, opts Options) (*Manager, []VIP) {
	b.Helper()
	l := newLab(b)
	l.addr("198.19.250.1/16")
	l.addr("2001:db8::1/64")
	m := l.manager(opts)
	all := many(n)
	if family == unix.AF_INET6 {
		all = nil
		for i := range n {
			all = append(all, vips(fmt.Sprintf("2001:db8::1:%x/64", i))...)
		}
	}
	l.must(m.Configure(all))
	return m, all
}

// families runs f with IPv4 and, as the kernel walks all IPv6 addresses of a
// namespace for each change of one, with fewer of IPv6.
func families(b *testing.B, f func(b *testing.B, family, n int)) {
	for _, c := range []struct{ family, n int }{
		{unix.AF_INET, 1}, {unix.AF_INET, 5000}, {unix.AF_INET6, 1}, {unix.AF_INET6, 500},
	} {
		name := map[int]string{unix.AF_INET: "IPv4", unix.AF_INET6: "IPv6"}[c.family]
		b.Run(fmt.Sprintf("%s/%d", name, c.n), func(b *testing.B) { f(b, c.family, c.n) })
	}
}

// BenchmarkTakeOver adds and announces VIPs, and releases them. It reports the
// time from the call to the first frame handed to the kernel, to the last one, and
// of the release.
func BenchmarkTakeOver(b *testing.B) {
	families(b, func(b *testing.B, family, n int) {
		m, all := benchLab(b, family, n, Options{})
		first := &firstSend{transport: m.announcer.transport}
		m.announcer.transport = first
		must := func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		}
		var toFirst, toAll, release time.Duration
		for b.Loop() {
			first.at = time.Time{}
			begin := time.Now()
			must(m.Set(all))
			toAll += time.Since(begin)
			toFirst += first.at.Sub(begin)
			begin = time.Now()
			must(m.Set(nil))
			release += time.Since(begin)
		}
		per := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(b.N) }
		b.ReportMetric(per(toFirst), "first-ms/op")
		b.ReportMetric(per(toAll), "all-ms/op")
		b.ReportMetric(per(release), "release-ms/op")
	})
}

// firstSend notes when the first frame is sent.
type firstSend struct {
	transport
	at time.Time
}

func (f *firstSend) Send(packets []packet) (int, error) {
	n, err := f.transport.Send(packets)
	if f.at.IsZero() {
		f.at = time.Now()
	}
	return n, err
}

// BenchmarkSetAgain is the cost of a Set that changes nothing.
func BenchmarkSetAgain(b *testing.B) {
	families(b, func(b *testing.B, family, n int) {
		m, all := benchLab(b, family, n, Options{})
		if err := m.Set(all); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := m.Set(all); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRefresh renews the lifetime of one VIP among n.
func BenchmarkRefresh(b *testing.B) {
	families(b, func(b *testing.B, family, n int) {
		m, all := benchLab(b, family, n, Options{Lifetime: time.Hour})
		if err := m.Set(all); err != nil {
			b.Fatal(err)
		}
		for i := 0; b.Loop(); i++ {
			m.renew([]VIP{all[i%n]}, time.Now())
		}
		if m.refreshed.Load() == 0 {
			b.Fatal("nothing was refreshed")
		}
	})
}

// BenchmarkAnnounce sends the announcements of one VIP.
func BenchmarkAnnounce(b *testing.B) {
	families(b, func(b *testing.B, family, n int) {
		m, all := benchLab(b, family, n, Options{})
		l, _, err := m.kernel.Link("eth0")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.announcer.Announce(all[i%n], l)
			m.announcer.Send()
		}
	})
}

// BenchmarkFirstAnnouncement takes over many VIPs and reports how long after its
// address each is first announced; 0 is before anybody heard of the address. Wanted
// is 1 ms.
func BenchmarkFirstAnnouncement(b *testing.B) {
	l := newLab(b)
	l.listen()
	m, all := l.manager(Options{}), many(300)
	l.must(m.Configure(all))
	var delays []time.Duration
	for b.Loop() {
		l.captured = nil
		added, announced := l.takeOver(m, all)
		for _, v := range all {
			delays = append(delays, max(0, announced[v].Sub(added[v])))
		}
		l.must(m.Set(nil))
	}
	reportDelays(b, delays)
}

// BenchmarkPutBack removes an address by hand and reports after how long it is
// back. Wanted are 100 ms.
func BenchmarkPutBack(b *testing.B) {
	l := newLab(b)
	l.addr("198.18.0.1/24")
	m, all := l.manager(Options{}), many(200) // each lost a few times: more would be a fight
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	var delays []time.Duration
	for i := 0; b.Loop(); i++ {
		prefix := all[i%len(all)].Address.String()
		l.must(l.delAddr(prefix))
		begin := time.Now()
		l.eventually("back", func() bool { return l.has(prefix) })
		delays = append(delays, time.Since(begin))
	}
	reportDelays(b, delays)
}

func reportDelays(b *testing.B, delays []time.Duration) {
	b.Helper()
	slices.Sort(delays)
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	b.ReportMetric(ms(delays[len(delays)/2]), "median-ms")
	b.ReportMetric(ms(delays[len(delays)*99/100]), "p99-ms")
}
