package checker

import "encoding/binary"

// busWriter writes values as D-Bus does, each at a multiple of its size.
type busWriter struct {
	b     []byte
	order binary.ByteOrder
}

func (w *busWriter) align(to int) {
	for len(w.b)%to != 0 {
		w.b = append(w.b, 0)
	}
}

// Uint32 appends a number.
func (w *busWriter) Uint32(v uint32) {
	w.align(4)
	var b [4]byte
	w.order.PutUint32(b[:], v)
	w.b = append(w.b, b[:]...)
}

// String appends a text or the path of an object.
func (w *busWriter) String(s string) {
	w.Uint32(uint32(len(s)))
	w.b = append(w.b, s...)
	w.b = append(w.b, 0)
}

// Signature appends the signature of types.
func (w *busWriter) Signature(s string) {
	w.b = append(w.b, byte(len(s)))
	w.b = append(w.b, s...)
	w.b = append(w.b, 0)
}

// field appends a header field, if it has a value.
func (w *busWriter) field(field, kind byte, value string) {
	if value == "" {
		return
	}
	w.align(8)
	w.b = append(w.b, field)
	w.Signature(string(kind))
	if kind == 'g' {
		w.Signature(value)
	} else {
		w.String(value)
	}
}

func (w *busWriter) replyField(serial uint32) {
	if serial == 0 {
		return
	}
	w.align(8)
	w.b = append(w.b, fieldReplySerial)
	w.Signature("u")
	w.Uint32(serial)
}

// busReader reads values as D-Bus writes them. After an error all it reads is zero.
type busReader struct {
	b     []byte
	at    int
	order binary.ByteOrder
	err   error
}

// take returns the next n bytes, which begin at a multiple of a number; nil if there are
// not so many.
func (r *busReader) take(n uint32, alignment int) []byte {
	r.align(alignment)
	if r.err != nil || uint64(n) > uint64(len(r.b)-r.at) {
		r.err = errBusFormat
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at]
}

func (r *busReader) align(to int) {
	if at := aligned(r.at, to); at <= len(r.b) {
		r.at = at
	} else {
		r.err = errBusFormat
	}
}

// Byte reads a byte.
func (r *busReader) Byte() byte {
	if b := r.take(1, 1); b != nil {
		return b[0]
	}
	return 0
}

// Uint32 reads a number.
func (r *busReader) Uint32() uint32 {
	if b := r.take(4, 4); b != nil {
		return r.order.Uint32(b)
	}
	return 0
}

// String reads a text or the path of an object.
func (r *busReader) String() string { return r.terminated(r.Uint32()) }

// Signature reads the signature of types.
func (r *busReader) Signature() string { return r.terminated(uint32(r.Byte())) }

// terminated reads a text of n bytes and the zero byte after it.
func (r *busReader) terminated(n uint32) string {
	text := string(r.take(n, 1))
	if r.Byte() != 0 {
		r.err = errBusFormat
	}
	if r.err != nil {
		return ""
	}
	return text
}

// Variant reads a value that says its own type, a text or a number as it may be; other
// simple types are skipped.
func (r *busReader) Variant() (text string, number uint32) {
	switch r.Signature() {
	case "s", "o":
		return r.String(), 0
	case "g":
		return r.Signature(), 0
	case "u", "i", "b", "h":
		return "", r.Uint32()
	case "y":
		r.Byte()
	case "n", "q":
		r.take(2, 2)
	case "x", "t", "d":
		r.take(8, 8)
	default:
		r.err = errBusFormat
	}
	return "", 0
}

// VariantText reads a variant that is a text or the path of an object.
func (r *busReader) VariantText() string {
	if kind := r.Signature(); kind != "s" && kind != "o" {
		r.err = errBusType
		return ""
	}
	return r.String()
}
