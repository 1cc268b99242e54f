package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of what is read from the other side, in bytes.
const (
	maxRequest = 16 << 10 // a request holds a node's name at most
	maxAnswer  = 16 << 20 // a status of 1,000 services with ten servers each comes to about 8 MiB
)

// maxElements bounds the elements and fields of an answer: three bytes of JSON may
// take fifty times as many in memory. A status of 5,000 VIPs has about 60,000, one of
// 10,000 servers about 250,000.
const maxElements = 500_000

type transferRequest struct {
	To string `json:"to,omitempty"`
}

type drainRequest struct {
	Node string `json:"node"`
}

type joinRequest struct {
	Via string `json:"via,omitempty"`
}

type removeRequest struct {
	Node string `json:"node"`
}

// empty is the body of a request without arguments and of an answer without content.
type empty struct{}

type errorAnswer struct {
	Errors []string `json:"errors"`
}

// decode reads the one JSON value of a request's body; an absent one leaves into
// as it is. Unknown fields and anything behind the value are refused.
func decode(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return Invalid(fmt.Errorf("request body: %w", err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid(errors.New("request body: more than one JSON value"))
	}
	return nil
}

// encode returns v as JSON with a final line feed; <, > and & stay as they are.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// list returns s, or an empty list that JSON shows as [] rather than null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
