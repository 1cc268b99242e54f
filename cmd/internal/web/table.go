package web

import "slices"

// emit gives a sample, with the values of the labels that its row does not have.
type emit func(value uint64, labels ...string)

// column is a metric of which each row of a table has one sample, or several.
type column[T any] struct {
	metric
	value func(*T) uint64 // of the one, which has the labels of the row alone
	each  func(*T, emit)  // of those that have more
}

// appendTable appends metrics of many rows, whose labels are written once for all of
// them. The names of a row's labels are the first of each column.
func appendTable[T any](b []byte, rows []T, labels func(*T) []string, columns []column[T]) []byte {
	if len(rows) == 0 {
		return b
	}
	var sets labelSets
	own := 0 // labels of a row
	for i := range rows {
		values := labels(&rows[i])
		own = len(values)
		sets.add(columns[0].labels[:own], values)
	}
	for _, c := range columns {
		if c.value != nil {
			b = appendHead(b, c.metric)
			for i := range rows {
				b = appendSample(b, c.name, sets.at(i), c.value(&rows[i]))
			}
			continue
		}
		b = appendEach(b, rows, &sets, c, c.labels[own:])
	}
	return b
}

// appendEach appends the samples of a column that has further labels.
func appendEach[T any](b []byte, rows []T, sets *labelSets, c column[T], names []string) []byte {
	var row, all []byte
	begun := false
	give := func(value uint64, labels ...string) {
		if !begun {
			begun, b = true, appendHead(b, c.metric)
		}
		all = appendLabels(append(all[:0], row...), names, labels)
		b = appendSample(b, c.name, all, value)
	}
	for i := range rows {
		row = sets.at(i)
		c.each(&rows[i], give)
	}
	return b
}

// labelSets are the labels of many rows.
type labelSets struct {
	text []byte
	ends []int
}

func (l *labelSets) add(names, values []string) {
	l.text = append(l.text, appendLabels(nil, names, values)...)
	l.ends = append(l.ends, len(l.text))
}

func (l *labelSets) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = l.ends[i-1]
	}
	return l.text[begin:l.ends[i]]
}

// metricsOf are those that columns declare.
func metricsOf[T any](columns ...[]column[T]) (all []metric) {
	for _, c := range slices.Concat(columns...) {
		all = append(all, c.metric)
	}
	return all
}
