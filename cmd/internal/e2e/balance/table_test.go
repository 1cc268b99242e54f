//go:build ipvs

package balance

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

// connection is one of a client to a service. A client may have the same port in several.
type connection struct{ client, service netip.AddrPort }

func (c connection) String() string {
	return fmt.Sprintf("connection of %s to %s", c.client, c.service)
}

// led returns which servers the director has led connections to. One that has been closed
// is there for some seconds more.
func (d *director) led() map[connection]netip.AddrPort {
	d.bed.t.Helper()
	var table []byte
	must(d.bed.t, d.Do(func() (err error) {
		table, err = os.ReadFile("/proc/thread-self/net/ip_vs_conn")
		return err
	}))
	led, err := parseConnections(string(table))
	must(d.bed.t, err)
	return led
}

// parseConnections reads a table whose rows begin with the protocol, and then have address
// and port of the client, the service and the server in hexadecimal digits.
func parseConnections(table string) (map[connection]netip.AddrPort, error) {
	led := map[connection]netip.AddrPort{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 7 || fields[0] == "Pro" {
			continue
		}
		var ends [3]netip.AddrPort
		for i := range ends {
			var err error
			if ends[i], err = parseEnd(fields[1+2*i], fields[2+2*i]); err != nil {
				return nil, err
			}
		}
		led[connection{ends[0], ends[1]}] = ends[2]
	}
	return led, nil
}

func parseEnd(addr, port string) (netip.AddrPort, error) {
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if strings.Contains(addr, ":") {
		ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
		return netip.AddrPortFrom(ip, uint16(number)), err
	}
	octets, err := hex.DecodeString(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ip, ok := netip.AddrFromSlice(octets)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", addr)
	}
	return netip.AddrPortFrom(ip, uint16(number)), nil
}

func TestParseConnections(t *testing.T) {
	led, err := parseConnections(`Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6120001 D3A2 C6120066 0050 C6120004 0050 ESTABLISHED     897
TCP C6120001 D3A2 C6120067 0050 C6120005 0050 SYN_RECV         44
TCP 2001:0db8:0000:0000:0000:0000:0000:0001 8001 2001:0db8:0000:0000:0000:0000:0000:0102 0050 2001:0db8:0000:0000:0000:0000:0000:0005 0050 CLOSE 9
`)
	must(t, err)
	for _, row := range [][3]string{
		{"198.18.0.1:54178", "198.18.0.102:80", "198.18.0.4:80"},
		{"198.18.0.1:54178", "198.18.0.103:80", "198.18.0.5:80"},
		{"[2001:db8::1]:32769", "[2001:db8::102]:80", "[2001:db8::5]:80"},
	} {
		c := connection{netip.MustParseAddrPort(row[0]), netip.MustParseAddrPort(row[1])}
		if got := led[c]; got != netip.MustParseAddrPort(row[2]) {
			t.Errorf("%v was led to %s, want %s", c, got, row[2])
		}
	}
}
