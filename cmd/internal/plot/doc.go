// Package plot draws measurements as SVG: [Strips] shows where single samples lie, [Lines] how
// something grows with something else. Scales are logarithmic: samples differ by magnitudes, and
// what grows in proportion has a slope of 1.
//
// The pictures are of plain lines and texts, without fonts, scripts or files of others, and can be
// read on light and on dark pages. The same values give the same bytes.
//
// Goroutines: none. The package does no I/O.
package plot
