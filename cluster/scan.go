package cluster

import (
	"errors"
	"fmt"
)

// What comes over raft's connections is MessagePack, which the library decodes as it
// comes: it sets memory aside for whatever length a message claims. So each message is
// scanned before: its lengths, its nesting, and that it has nothing that no node sends.

// Limits of a message. What nodes send comes to some KiB, is nested three deep and has
// 64 entries at most.
const (
	maxMessage = 1 << 20 // bytes, beside the content of a snapshot
	maxItems   = 2048    // of one list, or the keys and values of one map
	maxNesting = 8
)

// errMalformed is what no node of this cluster sends.
var errMalformed = errors.New("malformed message")

// kindSnapshot is the library's number of the one request that has something behind
// it: as many bytes as it says in a field.
const (
	kindSnapshot = 2
	kindLast     = 4
	fieldSize    = "Size"
)

// scanner follows one direction of a connection. Its zero value is for answers and for
// what is kept encoded: values, one after the other.
type scanner struct {
	// requests says that before each value, a map, comes a byte for what it asks, and
	// behind that of a snapshot its content.
	requests bool

	size    int             // of the message under way so far, in bytes
	kind    byte            // of the request under way
	open    [maxNesting]int // how many items are to come in each list or map
	depth   int             // how many are open
	skip    int             // bytes of a string or a content to come
	number  int             // bytes of a number or a length to come
	value   uint64          // what came of it
	head    byte            // what it belongs to
	sized   bool            // the key before is that of the content's size
	content int             // the size of the content behind the message
}

// inside tells whether a message has begun and is not over.
func (s *scanner) inside() bool { return s.size > 0 || s.skip > 0 }

// scan takes what came next.
func (s *scanner) scan(p []byte) error {
	for len(p) > 0 {
		if s.skip > 0 {
			p = p[s.pass(p):]
			continue
		}
		if err := s.step(p[0]); err != nil {
			return err
		}
		p = p[1:]
	}
	return nil
}

// pass passes over bytes of a string or a content, and returns how many.
func (s *scanner) pass(p []byte) int {
	n := min(s.skip, len(p))
	if s.size == 0 { // a content
		s.skip -= n
		return n
	}
	if s.sized {
		at := len(fieldSize) - s.skip
		s.sized = string(p[:n]) == fieldSize[at:at+n]
	}
	s.size += n
	if s.skip -= n; s.skip == 0 {
		s.ended()
	}
	return n
}

// step takes one byte that belongs to no string.
func (s *scanner) step(b byte) error {
	s.size++
	switch {
	case s.size > maxMessage:
		return fmt.Errorf("%w: over %d bytes", errMalformed, maxMessage)
	case s.size == 1 && s.requests:
		s.kind, s.content = b, 0
		if b > kindLast {
			return fmt.Errorf("%w: request of kind %d", errMalformed, b)
		}
		return nil
	case s.number == 0:
		return s.begin(b)
	}
	s.value = s.value<<8 | uint64(b)
	if s.number--; s.number > 0 {
		return nil
	}
	return s.counted()
}

// begin takes the first byte of an item.
func (s *scanner) begin(b byte) error {
	if err := s.fits(b); err != nil {
		return err
	}
	s.head, s.value = b, 0
	switch {
	case b < 0x80: // a small number
		return s.is(int(b))
	case b < 0x90:
		return s.enter(2 * int(b&0x0f))
	case b < 0xa0:
		return s.enter(int(b & 0x0f))
	case b < 0xc0:
		return s.text(int(b & 0x1f))
	case b == 0xc0, b == 0xc2, b == 0xc3: // nil, false, true
		return s.is(-1)
	case b >= 0xe0: // a small negative number
		return s.is(-1)
	}
	if s.number = numbers[b-0xc0]; s.number == 0 { // a fraction, an extension
		return fmt.Errorf("%w: byte %#x", errMalformed, b)
	}
	return nil
}

// numbers are the lengths of what comes behind the bytes 0xc0 to 0xdf: numbers, and
// the lengths of strings, lists and maps. No node sends the others.
var numbers = [0x20]int{
	0x04: 1, 0x05: 2, 0x06: 4, // bytes
	0x0c: 1, 0x0d: 2, 0x0e: 4, 0x0f: 8, // numbers
	0x10: 1, 0x11: 2, 0x12: 4, 0x13: 8, // numbers with a sign
	0x19: 1, 0x1a: 2, 0x1b: 4, // text
	0x1c: 2, 0x1d: 4, // lists
	0x1e: 2, 0x1f: 4, // maps
}

// fits wants a request to be a map whose keys are text.
func (s *scanner) fits(b byte) error {
	isMap := b&0xf0 == 0x80 || b == 0xde || b == 0xdf
	isText := b&0xe0 == 0xa0 || b == 0xd9 || b == 0xda || b == 0xdb
	if s.requests && (s.depth == 0 && !isMap || s.atKey() && !isText) {
		return fmt.Errorf("%w: byte %#x", errMalformed, b)
	}
	return nil
}

// atKey tells whether the item is a key of the request's own.
func (s *scanner) atKey() bool { return s.depth == 1 && s.open[0]%2 == 0 }

// counted acts on a number or a length that is complete.
func (s *scanner) counted() error {
	value := int(min(s.value, maxMessage+maxSnapshot)) // more than any limit
	switch b := s.head; {
	case b <= 0xc6, b >= 0xd9 && b <= 0xdb:
		return s.text(value)
	case b >= 0xd0 && b <= 0xd3 && s.value>>(8<<(b-0xd0)-1) > 0:
		return s.is(-1)
	case b <= 0xd3:
		return s.is(value)
	case b <= 0xdd:
		return s.enter(value)
	default:
		return s.enter(2 * value)
	}
}

// text begins a string.
func (s *scanner) text(length int) error {
	if length > maxMessage {
		return fmt.Errorf("%w: %d bytes in one field", errMalformed, length)
	}
	if s.atKey() {
		s.sized = s.requests && s.kind == kindSnapshot && length == len(fieldSize)
	} else if err := s.isSize(-1); err != nil {
		return err
	}
	if s.skip = length; length == 0 {
		s.ended()
	}
	return nil
}

// enter begins a list or a map.
func (s *scanner) enter(items int) error {
	if items > maxItems || s.depth == maxNesting {
		return fmt.Errorf("%w: %d items, %d deep", errMalformed, items, s.depth)
	}
	if err := s.isSize(-1); err != nil {
		return err
	}
	if items == 0 {
		s.ended()
		return nil
	}
	s.open[s.depth] = items
	s.depth++
	return nil
}

// is takes a whole item, a number where it is not negative.
func (s *scanner) is(number int) error {
	if err := s.isSize(number); err != nil {
		return err
	}
	s.ended()
	return nil
}

// isSize notes the size of a snapshot's content if that is what the item is.
func (s *scanner) isSize(number int) error {
	if s.depth != 1 || !s.sized {
		return nil
	}
	if number < 0 || number > maxSnapshot {
		return fmt.Errorf("%w: a snapshot of %d bytes", errMalformed, number)
	}
	s.sized, s.content = false, number
	return nil
}

// ended notes that an item is over, and with it those that it was the last of.
func (s *scanner) ended() {
	for ; s.depth > 0; s.depth-- {
		if s.open[s.depth-1]--; s.open[s.depth-1] > 0 {
			return
		}
	}
	s.size, s.skip, s.content = 0, s.content, 0
}

// whole returns an error unless data is one value, as far as can be told without
// decoding it.
func whole(data []byte) error {
	var s scanner
	if err := s.scan(data); err != nil {
		return err
	}
	if s.inside() || len(data) == 0 {
		return fmt.Errorf("%w: cut short", errMalformed)
	}
	return nil
}
