package vrrpnet

import "testing"

func TestTry(t *testing.T) {
	needNetwork(t)
	m, err := newNotes(1)
	must(t, err)
	m.close()
}
