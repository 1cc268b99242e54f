package checker

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxGRPCMessage is how long an answer may be, in bytes. It takes two.
const maxGRPCMessage = 4096

// grpcHead is how long what comes before a message is: a byte that tells whether it is
// compressed, and four of its length.
const grpcHead = 5

// healthRequest returns a HealthCheckRequest, whose field 1 is the name of the service.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(binary.AppendUvarint([]byte{1<<3 | wireBytes}, uint64(len(service))), service...)
	}
	head := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(head, message...)
}

// readGRPC reads the one message of an answer; nil if there is none.
func readGRPC(body io.Reader) ([]byte, error) {
	var head [grpcHead]byte
	n, err := io.ReadFull(body, head[:])
	if err == io.EOF && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, cutShort(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	switch {
	case head[0] != 0:
		return nil, because("malformed answer: compressed, which was not asked for")
	case size > maxGRPCMessage:
		return nil, because("an answer of %d bytes; must be at most %d", size, maxGRPCMessage)
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(body, message); err != nil {
		return nil, cutShort(err)
	}
	return message, endOf(body)
}

// cutShort gives an answer that ends before its message does a reason of its own.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return because("malformed answer: ends within a message")
	}
	return err
}

// endOf reads to the end of an answer, where it must be already; then its trailers are there.
func endOf(body io.Reader) error {
	var more [1]byte
	switch _, err := io.ReadFull(body, more[:]); err {
	case nil:
		return because("malformed answer: more than one message")
	case io.EOF:
		return nil
	default:
		return err
	}
}

// grpcStatus judges the status of a call and what it has answered.
func grpcStatus(code, text string, message []byte) error {
	number, err := strconv.ParseUint(code, 10, 8)
	switch {
	case code == "":
		return because("malformed answer: without grpc-status")
	case err != nil:
		return because("malformed answer: grpc-status %s", quote(code))
	case number != 0 && text != "":
		return because("%s: %s", grpcCode(number), percentDecoded(text))
	case number != 0:
		return because("%s", grpcCode(number))
	case message == nil:
		return because("malformed answer: without a message")
	}
	return judgeHealth(message)
}

// judgeHealth looks at a HealthCheckResponse.
func judgeHealth(message []byte) error {
	status, err := healthStatus(message)
	names := []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
	switch {
	case err != nil:
		return because("malformed answer: %s", err)
	case status == 1:
		return nil
	case status < uint64(len(names)):
		return because("%s, wanted SERVING", names[status])
	}
	return because("status %d, wanted SERVING", status)
}

// grpcCode returns the name of a status code of gRPC.
func grpcCode(code uint64) string {
	names := []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
		"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
		"OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if code < uint64(len(names)) {
		return names[code]
	}
	return "grpc-status " + strconv.FormatUint(code, 10)
}

// percentDecoded returns a grpc-message as it was meant; what is encoded wrongly stays.
func percentDecoded(text string) string {
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				plain.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		plain.WriteByte(text[i])
	}
	return plain.String()
}

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errWire = errors.New("no message of protobuf")

// healthStatus returns field 1 of a HealthCheckResponse; 0 if it is not there. As protobuf
// has it, the last one counts, and other fields do not.
func healthStatus(message []byte) (status uint64, err error) {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag>>3 == 0 {
			return 0, errWire
		}
		value, size, err := protoField(tag&7, message[n:])
		if err != nil {
			return 0, err
		}
		if tag == 1<<3|wireVarint {
			status = value
		}
		message = message[n+size:]
	}
	return status, nil
}

// protoField returns the value of a field, if it is a varint, and how long the field is.
func protoField(wire uint64, data []byte) (value uint64, size int, err error) {
	switch wire {
	case wireVarint:
		value, size = binary.Uvarint(data)
	case wireFixed64:
		size = 8
	case wireFixed32:
		size = 4
	case wireBytes:
		length, n := binary.Uvarint(data)
		if n > 0 && length <= uint64(len(data)-n) {
			size = n + int(length)
		}
	}
	if size <= 0 || size > len(data) {
		return 0, 0, errWire
	}
	return value, size, nil
}
