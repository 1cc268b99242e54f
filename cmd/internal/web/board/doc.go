// Package board turns what a node knows of its cluster into the dashboard: a View goes
// in, an Edition of HTML comes out. It is pure: it reads no clock, asks nobody and starts
// nothing.
//
// A page is made of sections, each of which a browser can replace by itself. What is
// likely to change each second, a live number, is kept apart: two editions of a section
// whose Shape is the same differ in Numbers only (write.go). Everything that comes from
// outside is escaped there, too, which is the only way into a page.
//
// view.go has what is shown, level.go says how bad it is, headline.go and problems.go sum that up in a
// sentence; each section has a file of its own, and page.go puts them together. The files
// next to it that browsers load, the style and the script, are embedded (assets.go).
//
// It must never: let a page grow with what a node is configured for (limits.go); show
// anything as well that is only not known.
package board
