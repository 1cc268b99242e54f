package lab

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Advert is one VRRP advert on the wire, as tshark reads it.
type Advert struct {
	At         time.Time
	From, To   MAC
	Src, Dst   netip.Addr
	TOS        uint8 // or the traffic class
	TTL        uint8 // or the hop limit
	ID         uint16
	HeaderGood bool // the IPv4 header's checksum is right; true over IPv6
	Length     int  // of the IP packet, without the header of IPv6

	Version      uint8
	Type         uint8
	VRID         uint8
	Priority     uint8
	Interval     time.Duration
	Addresses    []netip.Addr
	ChecksumGood bool // with a pseudo-header over IPv6, and over IPv4 in version 3
	AuthType     uint8
	Password     string
	AH           *AH // nil without
}

// AH is the authentication header of an advert.
type AH struct {
	SPI      uint32
	Sequence uint32
	ICV      []byte // that tshark does not check
}

// advertFields are those of tshark that an Advert is read from, in this order.
var advertFields = [...]string{
	"frame.time_epoch", "eth.src", "eth.dst",
	"ip.src", "ip.dst", "ip.dsfield", "ip.ttl", "ip.id", "ip.checksum.status", "ip.len",
	"ipv6.src", "ipv6.dst", "ipv6.tclass", "ipv6.hlim", "ipv6.plen",
	"vrrp.version", "vrrp.type", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.checksum.status",
	"vrrp.adver_int", "vrrp.short_adver_int", "vrrp.ip_addr", "vrrp.ipv6_addr",
	"vrrp.auth_type", "vrrp.auth_string", "ah.spi", "ah.sequence", "ah.icv",
}

// Adverts ends the capture and returns the adverts in it.
func (c *Capture) Adverts() ([]Advert, error) {
	rows, err := c.read("vrrp and not icmp and not icmpv6", advertFields[:]...) // which quote what they are about
	if err != nil {
		return nil, err
	}
	var adverts []Advert
	for _, r := range rows {
		a := r.advert()
		if r.err != nil {
			return nil, fmt.Errorf("read an advert of %s: %w", c.file, r.err)
		}
		adverts = append(adverts, a)
	}
	return adverts, nil
}

// Announced is a frame that tells all of a segment where an address is.
type Announced struct {
	At   time.Time
	From MAC
	Addr netip.Addr
}

// Announcements ends the capture and returns the gratuitous ARP and the unsolicited
// neighbour advertisements in it.
func (c *Capture) Announcements() ([]Announced, error) {
	const filter = "arp.isgratuitous or (icmpv6.type == 136 and icmpv6.nd.na.flag.s == 0)"
	rows, err := c.read(filter, "frame.time_epoch", "eth.src", "arp.src.proto_ipv4", "icmpv6.nd.na.target_address")
	if err != nil {
		return nil, err
	}
	var list []Announced
	for _, r := range rows {
		list = append(list, Announced{
			At: r.time("frame.time_epoch"), From: r.mac("eth.src"),
			Addr: r.addr("arp.src.proto_ipv4", "icmpv6.nd.na.target_address"),
		})
		if r.err != nil {
			return nil, fmt.Errorf("read an announcement of %s: %w", c.file, r.err)
		}
	}
	return list, nil
}

// read ends the capture and returns the fields of each frame that passes the filter.
func (c *Capture) read(filter string, fields ...string) ([]*row, error) {
	if err := c.Close(); err != nil {
		return nil, err
	}
	args := []string{"-n", "-r", c.file, "-Y", filter, "-T", "fields", "-o", "ip.check_checksum:TRUE"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("read %s by tshark: %w: %s", c.file, err, stderr.Bytes())
	}
	var rows []*row
	for line := range strings.Lines(string(out)) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		r := &row{values: map[string]string{}}
		for i, f := range fields {
			r.values[f] = values[i]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// row has the fields of one frame, and the errors of reading them.
type row struct {
	values map[string]string
	err    error
}

func (r *row) advert() Advert {
	a := Advert{
		At: r.time("frame.time_epoch"), From: r.mac("eth.src"), To: r.mac("eth.dst"),
		Src: r.addr("ip.src", "ipv6.src"), Dst: r.addr("ip.dst", "ipv6.dst"),
		TOS:        uint8(r.number("ip.dsfield", "ipv6.tclass")),
		TTL:        uint8(r.number("ip.ttl", "ipv6.hlim")),
		ID:         uint16(r.number("ip.id")),
		HeaderGood: r.values["ip.src"] == "" || r.good("ip.checksum.status"),
		Length:     int(r.number("ip.len", "ipv6.plen")),

		Version: uint8(r.number("vrrp.version")), Type: uint8(r.number("vrrp.type")),
		VRID: uint8(r.number("vrrp.virt_rtr_id")), Priority: uint8(r.number("vrrp.prio")),
		Interval: time.Duration(r.number("vrrp.adver_int"))*time.Second +
			time.Duration(r.number("vrrp.short_adver_int"))*10*time.Millisecond,
		ChecksumGood: r.good("vrrp.checksum.status"),
		AuthType:     uint8(r.number("vrrp.auth_type")),
		Password:     r.values["vrrp.auth_string"],
	}
	for field := range strings.FieldsFuncSeq(r.values["vrrp.ip_addr"]+","+r.values["vrrp.ipv6_addr"], isComma) {
		addr, err := netip.ParseAddr(field)
		r.err = errors.Join(r.err, err)
		a.Addresses = append(a.Addresses, addr)
	}
	if r.values["ah.spi"] != "" {
		icv, err := hex.DecodeString(strings.ReplaceAll(r.values["ah.icv"], ":", ""))
		r.err = errors.Join(r.err, err)
		a.AH = &AH{SPI: uint32(r.number("ah.spi")), Sequence: uint32(r.number("ah.sequence")), ICV: icv}
	}
	return a
}

func isComma(r rune) bool { return r == ',' }

// good reads the status of a checksum.
func (r *row) good(field string) bool { return r.values[field] == "1" }

// first returns the first of the fields that the frame has.
func (r *row) first(fields ...string) string {
	for _, f := range fields {
		if v := r.values[f]; v != "" {
			return v
		}
	}
	return ""
}

// number is 0 for a field that the frame does not have.
func (r *row) number(fields ...string) uint64 {
	text := r.first(fields...)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 0, 32)
	r.err = errors.Join(r.err, err)
	return n
}

func (r *row) addr(fields ...string) netip.Addr {
	addr, err := netip.ParseAddr(r.first(fields...))
	r.err = errors.Join(r.err, err)
	return addr
}

func (r *row) mac(field string) (mac MAC) {
	addr, err := net.ParseMAC(r.values[field])
	r.err = errors.Join(r.err, err)
	copy(mac[:], addr)
	return mac
}

func (r *row) time(field string) time.Time {
	seconds, fraction, _ := strings.Cut(r.values[field], ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	ns, errFraction := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	r.err = errors.Join(r.err, err, errFraction)
	return time.Unix(s, ns)
}
