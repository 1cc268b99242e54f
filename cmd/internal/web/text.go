package web

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendHead begins the samples of a metric, which stand together below it.
func appendHead(b []byte, m metric) []byte {
	b = append(append(b, "# HELP "...), m.name...)
	b = append(append(b, ' '), m.help...)
	b = append(append(b, "\n# TYPE "...), m.name...)
	b = append(append(b, ' '), m.kind...)
	return append(b, '\n')
}

// appendSample appends a sample with labels as appendLabels writes them.
func appendSample(b []byte, name string, labels []byte, value uint64) []byte {
	b = append(b, name...)
	if len(labels) > 0 {
		b = append(b, '{')
		b = append(b, labels...)
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = strconv.AppendUint(b, value, 10)
	return append(b, '\n')
}

// appendLabels appends labels behind those that are there.
func appendLabels(b []byte, names, values []string) []byte {
	for i, name := range names {
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = append(append(b, name...), '=', '"')
		b = append(appendEscaped(b, values[i]), '"')
	}
	return b
}

// appendEscaped appends the value of a label. One that is no UTF-8 would have Prometheus
// refuse the whole page.
func appendEscaped(b []byte, value string) []byte {
	value = readable(value)
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return b
}

// readable is the value of a label, with what is no UTF-8 replaced.
func readable(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}
