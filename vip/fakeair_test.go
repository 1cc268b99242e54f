package vip

import (
	"os"
	"slices"
)

// This file is the fake kernel's ear: what neighbours say.

type heardFrame struct {
	index int
	data  []byte
}

// says lets a neighbour send a frame to an interface. What nobody listens to is
// lost.
func (k *fakeKernel) says(index int, etherType uint16, frame []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.listening, etherType) {
		k.air[etherType] <- heardFrame{index, frame}
	}
}

func (k *fakeKernel) Listen(etherTypes ...uint16) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listening = slices.Clone(etherTypes)
	return k.unheard
}

func (k *fakeKernel) Hear(etherType uint16, b []byte) (n, index int, err error) {
	select {
	case <-k.closed:
		return 0, 0, os.ErrClosed
	case f := <-k.air[etherType]:
		k.mu.Lock()
		defer k.mu.Unlock()
		return copy(b, f.data), f.index, k.unheard
	}
}

// dumpLinks lists all interfaces.
func (k *fakeKernel) dumpLinks() [][]byte {
	k.dumps++
	var answers [][]byte
	for _, l := range k.links {
		answers = append(answers, appendLink(nil, l))
	}
	return answers
}

func (k *fakeKernel) frames() []sentFrame {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.sent)
}

func (k *fakeKernel) listensTo() []uint16 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.listening
}

// listed is how often all interfaces were.
func (k *fakeKernel) listed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dumps
}

// questions are what was sent to find out who else has an address.
func (k *fakeKernel) questions(question []byte) []sentFrame {
	var list []sentFrame
	for _, f := range k.frames() {
		if slices.Equal(f.data, question) {
			list = append(list, f)
		}
	}
	return list
}
