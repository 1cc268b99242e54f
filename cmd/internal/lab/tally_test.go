package lab

import (
	"net"
	"testing"
	"time"
)

func TestTallyCountsAdverts(t *testing.T) {
	_, hosts := newLab(t, 2)
	tally, err := hosts[0].Eth0.Tally()
	must(t, err)
	send := func(from, to *Host, protocol string, packets int) {
		t.Helper()
		must(t, from.Do(func() error {
			conn, err := net.DialIP("ip4:"+protocol, nil, &net.IPAddr{IP: to.Eth0.IPv4.Addr().AsSlice()})
			if err != nil {
				return err
			}
			for range packets {
				if _, err := conn.Write([]byte{0x31, 51}); err != nil {
					return err
				}
			}
			return conn.Close()
		}))
	}
	const many, together = 2000, 200 // more than the socket has room for, but not than a busy kernel
	for n := together; n <= many; n += together {
		send(hosts[0], hosts[1], "112", together)
		eventually(t, "they have been counted", func() bool {
			total, err := tally.Count()
			must(t, err)
			return total >= n
		})
	}
	send(hosts[0], hosts[1], "51", 1)
	send(hosts[1], hosts[0], "112", 1)
	total := 0
	eventually(t, "all have been counted", func() bool {
		total, err = tally.Count()
		must(t, err)
		return total >= many
	})
	if total != many {
		t.Errorf("%d adverts counted, want %d", total, many)
	}
	if err := tally.Next(10 * time.Millisecond); err == nil {
		t.Error("an advert that was sent before is taken for the next one")
	}
	next := make(chan error, 1)
	go func() { next <- tally.Next(10 * time.Second) }()
	for done := false; !done; {
		select {
		case err := <-next:
			must(t, err)
			done = true
		default:
			send(hosts[0], hosts[1], "112", 1)
		}
	}
	must(t, tally.Close())
}
