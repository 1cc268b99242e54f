package web

import "strconv"

// The types of metrics.
const (
	gauge   = "gauge"
	counter = "counter"
)

// metric is what the samples of one name have in common.
type metric struct{ name, kind, help string }

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

// appendLabels appends labels, given as names that each have their value behind them.
func appendLabels(b []byte, pairs ...string) []byte {
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, pairs[i]...), '=', '"')
		b = append(appendEscaped(b, pairs[i+1]), '"')
	}
	return b
}

func appendEscaped(b []byte, value string) []byte {
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

// labelSets are the labels of many samples, each written once for all metrics.
type labelSets struct {
	text []byte
	ends []int
}

func (l *labelSets) add(pairs ...string) {
	l.text = appendLabels(l.text, pairs...)
	l.ends = append(l.ends, len(l.text))
}

func (l *labelSets) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = l.ends[i-1]
	}
	return l.text[begin:l.ends[i]]
}
