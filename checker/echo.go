package checker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"golang.org/x/net/bpf"
)

// icmp is what differs between ICMP and ICMPv6 for an echo (RFC 792, RFC 4443).
type icmp struct {
	request, answer byte // types
	header          bool // a raw socket receives the IP header, too
}

var (
	icmp4 = icmp{request: 8, answer: 0, header: true}
	icmp6 = icmp{request: 128, answer: 129}
)

const echoHeader = 8

// echo is an echo request. The kernel may replace the identifier: it does so for datagram
// sockets, each of which gets only what has its own.
type echo struct {
	icmp
	id, sequence uint16
	data         [24]byte
}

// appendTo appends the request with its checksum, which ICMPv6 leaves to the kernel.
func (e echo) appendTo(b []byte) []byte {
	start := len(b)
	b = append(b, e.request, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, e.id)
	b = binary.BigEndian.AppendUint16(b, e.sequence)
	b = append(b, e.data[:]...)
	binary.BigEndian.PutUint16(b[start+2:], internetChecksum(b[start:]))
	return b
}

// answeredBy reports whether an ICMP message is the answer. The identifier counts if the
// kernel has left it alone.
func (e echo) answeredBy(b []byte, raw bool) bool {
	return len(b) == echoHeader+len(e.data) && b[0] == e.answer && b[1] == 0 &&
		e.numbered(b, raw) && bytes.Equal(b[echoHeader:], e.data[:])
}

// isQuoted reports whether an ICMP message, or its begin, is the request itself.
func (e echo) isQuoted(b []byte, raw bool) bool {
	return len(b) >= echoHeader && b[0] == e.request && b[1] == 0 && e.numbered(b, raw)
}

func (e echo) numbered(b []byte, raw bool) bool {
	return binary.BigEndian.Uint16(b[6:]) == e.sequence && (!raw || binary.BigEndian.Uint16(b[4:]) == e.id)
}

// filter passes what may be the answer, of all that a raw socket is given.
func (e echo) filter() []bpf.Instruction {
	begin := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegX, Val: 0}}
	if e.header {
		begin = []bpf.Instruction{bpf.LoadMemShift{Off: 0}}
	}
	return append(begin,
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(e.answer), SkipTrue: 3},
		bpf.LoadIndirect{Off: 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(e.id)<<16 | uint32(e.sequence), SkipTrue: 1},
		bpf.RetConstant{Val: math.MaxUint32},
		bpf.RetConstant{},
	)
}

// withoutHeader takes the IPv4 header off a packet, nil if there is no whole one.
func withoutHeader(b []byte) []byte {
	if len(b) == 0 || len(b) < int(b[0]&0xf)*4 {
		return nil
	}
	return b[int(b[0]&0xf)*4:]
}

// internetChecksum is that of RFC 1071.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// refusal is what an ICMP error says, "" for one that does not end the hope for an answer,
// such as a redirect.
func (i icmp) refusal(kind, code byte) string {
	if i == icmp4 {
		return refusal4(kind, code)
	}
	return refusal6(kind, code)
}

func refusal4(kind, code byte) string {
	switch kind {
	case 3:
		return unreachable4(code)
	case 11:
		return "time to live exceeded"
	case 12:
		return "parameter problem"
	}
	return ""
}

func unreachable4(code byte) string {
	switch code {
	case 0, 6, 11:
		return "destination network unreachable"
	case 1, 7, 8, 12:
		return "destination host unreachable"
	case 2:
		return "destination protocol unreachable"
	case 3:
		return "destination port unreachable"
	case 4:
		return "fragmentation needed"
	case 9, 10, 13:
		return "administratively prohibited"
	}
	return fmt.Sprintf("destination unreachable, code %d", code)
}

func refusal6(kind, code byte) string {
	switch kind {
	case 1:
		return unreachable6(code)
	case 2:
		return "packet too big"
	case 3:
		return "hop limit exceeded"
	case 4:
		return "parameter problem"
	}
	return ""
}

func unreachable6(code byte) string {
	switch code {
	case 0:
		return "no route to destination"
	case 1, 5:
		return "administratively prohibited"
	case 2:
		return "destination beyond the scope of the source"
	case 3:
		return "destination address unreachable"
	case 4:
		return "destination port unreachable"
	case 6:
		return "destination rejected by a route"
	}
	return fmt.Sprintf("destination unreachable, code %d", code)
}
