package printable

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON returns JSON text that says the same, in which all is escaped that cannot be printed:
// control characters of C1 too, and those that change the direction of what follows.
func JSON(text []byte) []byte {
	if bytes.IndexFunc(text, harmful) < 0 {
		return text
	}
	var b []byte
	for _, r := range string(text) {
		switch high, low := utf16.EncodeRune(r); {
		case !harmful(r):
			b = utf8.AppendRune(b, r)
		case high != utf8.RuneError:
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}

func harmful(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// Writer writes on JSON texts, each of which comes in one Write.
type Writer struct{ io.Writer }

// Write implements io.Writer.
func (w Writer) Write(text []byte) (int, error) {
	if _, err := w.Writer.Write(JSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
