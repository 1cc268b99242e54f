package checker

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kinds of D-Bus messages (D-Bus Specification, "Message Format").
const (
	busCall   = 1
	busReturn = 2
	busError  = 3
	busSignal = 4
)

// Header fields of D-Bus messages.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSender      = 7
	fieldSignature   = 8
)

const (
	busFixedHeader = 16
	busVersion     = 1
	busMessageMax  = 64 << 10  // bytes of a message that is read
	busMessageEver = 128 << 20 // bytes of the longest that the specification allows
)

var (
	// errBusFormat is that of bytes which are no D-Bus message.
	errBusFormat = errors.New("not as the D-Bus specification says")
	// errBusType is that of a message which does not say what was asked for.
	errBusType = errors.New("unexpected type of value")
)

// busMessage is a D-Bus message.
type busMessage struct {
	kind        byte
	serial      uint32
	replySerial uint32
	path        string
	iface       string
	member      string
	errorName   string
	destination string
	sender      string
	signature   string
	body        []byte
	bigEndian   bool
}

func (m busMessage) order() binary.ByteOrder {
	if m.bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// marshal returns the message in its byte order.
func (m busMessage) marshal() []byte {
	w := busWriter{order: m.order()}
	mark := byte('l')
	if m.bigEndian {
		mark = 'B'
	}
	w.b = append(w.b, mark, m.kind, 0, busVersion)
	w.Uint32(uint32(len(m.body)))
	w.Uint32(m.serial)
	w.Uint32(0) // the length of the fields, once it is known
	w.field(fieldPath, 'o', m.path)
	w.field(fieldInterface, 's', m.iface)
	w.field(fieldMember, 's', m.member)
	w.field(fieldErrorName, 's', m.errorName)
	w.replyField(m.replySerial)
	w.field(fieldDestination, 's', m.destination)
	w.field(fieldSender, 's', m.sender)
	w.field(fieldSignature, 'g', m.signature)
	m.order().PutUint32(w.b[12:], uint32(len(w.b)-busFixedHeader))
	w.align(8)
	return append(w.b, m.body...)
}

// busLengths reads the begin of a message, and returns how long its header is, and how long
// the whole message.
func busLengths(begin [busFixedHeader]byte) (header, whole int, err error) {
	m := busMessage{bigEndian: begin[0] == 'B'}
	if begin[0] != 'l' && begin[0] != 'B' || begin[1] == 0 || begin[3] != busVersion {
		return 0, 0, fmt.Errorf("message that begins with % x: %w", begin[:4], errBusFormat)
	}
	fields, body := m.order().Uint32(begin[12:]), m.order().Uint32(begin[4:])
	if fields > busMessageEver || body > busMessageEver {
		return 0, 0, fmt.Errorf("message of %d and %d bytes: %w", fields, body, errBusFormat)
	}
	header = aligned(busFixedHeader+int(fields), 8)
	return header, header + int(body), nil
}

// parseBusMessage reads a whole message.
func parseBusMessage(b []byte) (busMessage, error) {
	if len(b) < busFixedHeader {
		return busMessage{}, fmt.Errorf("message of %d bytes: %w", len(b), errBusFormat)
	}
	header, whole, err := busLengths([busFixedHeader]byte(b))
	if err != nil {
		return busMessage{}, err
	}
	if len(b) != whole {
		return busMessage{}, fmt.Errorf("message of %d bytes that says %d: %w", len(b), whole, errBusFormat)
	}
	m := busMessage{kind: b[1], body: b[header:], bigEndian: b[0] == 'B'}
	m.serial = m.order().Uint32(b[8:])
	end := busFixedHeader + int(m.order().Uint32(b[12:]))
	r := busReader{b: b[:end], at: busFixedHeader, order: m.order()}
	for r.at < end && r.err == nil {
		r.align(8)
		m.set(r.Byte(), &r)
	}
	if r.err != nil {
		return busMessage{}, fmt.Errorf("header of message: %w", r.err)
	}
	return m, nil
}

// set takes the value of a header field, which is a variant. Unknown ones are skipped.
func (m *busMessage) set(field byte, r *busReader) {
	text, number := r.Variant()
	switch field {
	case fieldPath:
		m.path = text
	case fieldInterface:
		m.iface = text
	case fieldMember:
		m.member = text
	case fieldErrorName:
		m.errorName = text
	case fieldReplySerial:
		m.replySerial = number
	case fieldDestination:
		m.destination = text
	case fieldSender:
		m.sender = text
	case fieldSignature:
		m.signature = text
	}
}

// text returns the first value of the body, a string or an object's path, or a variant
// that is one.
func (m busMessage) text() (string, error) {
	r := busReader{b: m.body, order: m.order()}
	if m.signature == "" {
		return "", errBusType
	}
	var text string
	switch m.signature[0] {
	case 's', 'o':
		text = r.String()
	case 'v':
		text = r.VariantText()
	default:
		return "", errBusType
	}
	return text, r.err
}

func aligned(at, to int) int { return (at + to - 1) &^ (to - 1) }
