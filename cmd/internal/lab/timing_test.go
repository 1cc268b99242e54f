package lab

import (
	"net"
	"testing"
	"time"
)

func TestTimingNotesAdverts(t *testing.T) {
	_, hosts := newLab(t, 2)
	const (
		room = timingBlock / timingFrame // all of one block
		some = 1000
	)
	send := func(from, to *Host, protocol string, vrid byte, packets int) {
		t.Helper()
		must(t, from.Do(func() error {
			conn, err := net.DialIP("ip4:"+protocol, nil, &net.IPAddr{IP: to.Eth0.IPv4.Addr().AsSlice()})
			if err != nil {
				return err
			}
			for range packets {
				if _, err := conn.Write([]byte{0x31, vrid, 0, 0, 0, 0, 0, 0}); err != nil {
					return err
				}
			}
			return conn.Close()
		}))
	}
	timing, err := hosts[0].Eth0.Time(room - 1)
	must(t, err)
	defer func() { must(t, timing.Close()) }()
	tally, err := hosts[0].Eth0.Tally()
	must(t, err)
	defer func() { must(t, tally.Close()) }()
	total := 0
	counted := func(want int) {
		t.Helper()
		eventually(t, "all have come in", func() bool {
			total, err = tally.Count()
			must(t, err)
			return total >= want
		})
	}
	begin := time.Now()
	send(hosts[0], hosts[1], "112", 51, some)
	send(hosts[0], hosts[1], "112", 255, 1)
	send(hosts[0], hosts[1], "51", 7, 1)
	send(hosts[1], hosts[0], "112", 8, 1)
	counted(some + 1)
	end := time.Now()
	times, err := timing.Times()
	must(t, err)
	if len(times) != 2 || len(times[51]) != some || len(times[255]) != 1 {
		t.Fatalf("adverts of %d routers: %d and %d, want those of two: %d and 1", len(times), len(times[51]), len(times[255]), some)
	}
	last := begin
	for _, at := range append(times[51], times[255]...) {
		if at.Before(last.Round(0)) || at.After(end.Round(0)) {
			t.Fatalf("an advert at %v, want it between %v and %v", at, last, end)
		}
		last = at
	}
	send(hosts[0], hosts[1], "112", 51, room)
	counted(some + 1 + room)
	if _, err := timing.Times(); err == nil {
		t.Error("nothing is said of adverts that were lost")
	}
}
