// Package printable makes JSON that does nothing to a terminal, whoever prints it: package
// json leaves what is above ASCII as it is, also what moves a cursor or hides text.
//
// Goroutines: none. The package does no I/O but to the writer that it is given.
package printable
