package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/perch-vip/perch/cmd/internal/printable"
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
	if _, err := out.Write(printable.JSON(text.Bytes())); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
