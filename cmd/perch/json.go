package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printJSON writes v; without indent it is one line.
func printJSON(out io.Writer, v any, indent string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	if _, err := out.Write(harmless(text.Bytes())); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// harmless returns JSON that says the same and does nothing to a terminal: package json
// leaves what is above ASCII as it is, also what moves a cursor or hides text.
func harmless(text []byte) []byte {
	isHarmful := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	if bytes.IndexFunc(text, isHarmful) < 0 {
		return text
	}
	var b []byte
	for _, r := range string(text) {
		switch high, low := utf16.EncodeRune(r); {
		case !isHarmful(r):
			b = utf8.AppendRune(b, r)
		case high != utf8.RuneError:
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
