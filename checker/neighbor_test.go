package checker

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// passes runs a filter as the kernel would.
func passes(t testing.TB, filter []bpf.Instruction, packet []byte) bool {
	t.Helper()
	vm, err := bpf.NewVM(filter)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(packet)
	return err == nil && n > 0
}

// changed is a packet with other bytes at an offset.
func changed(packet []byte, at int, to ...byte) []byte {
	b := bytes.Clone(packet)
	copy(b[at:], to)
	return b
}

var arpReply = []byte{
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 1, 198, 18, 0, 1,
	2, 0, 0, 0, 0, 2, 198, 18, 0, 2,
}

func TestARPQuestionIsARequest(t *testing.T) {
	q := arpQuestion{[6]byte{2, 0, 0, 0, 0, 2}, parse("198.18.0.2"), parse("198.18.0.1")}
	want := []byte{
		0, 1, 8, 0, 6, 4, 0, 1,
		2, 0, 0, 0, 0, 2, 198, 18, 0, 2,
		0, 0, 0, 0, 0, 0, 198, 18, 0, 1,
	}
	if got := q.appendTo(nil); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestARPAnswers(t *testing.T) {
	q := arpQuestion{[6]byte{2, 0, 0, 0, 0, 2}, parse("198.18.0.2"), parse("198.18.0.1")}
	for name, c := range map[string]struct {
		packet []byte
		want   bool
	}{
		"answer":                  {arpReply, true},
		"with padding":            {append(bytes.Clone(arpReply), make([]byte, 18)...), true},
		"cut off":                 {arpReply[:27], false},
		"request":                 {changed(arpReply, 7, 1), false},
		"for another address":     {changed(arpReply, 17, 9), false},
		"to another host":         {changed(arpReply, 27, 9), false},
		"announcement as a reply": {changed(arpReply, 24, 198, 18, 0, 1), false},
	} {
		if got := q.answeredBy(c.packet); got != c.want {
			t.Errorf("%s: answer %v, want %v", name, got, c.want)
		}
		if got := passes(t, q.filter(), c.packet); got != c.want && len(c.packet) >= arpLength {
			t.Errorf("%s: passes %v, want %v", name, got, c.want)
		}
	}
}

func advertisement() []byte {
	b := []byte{136, 0, 0xaa, 0xbb, 0x60, 0, 0, 0}
	return append(b, parse("2001:db8::1:2:3:1").AsSlice()...)
}

func TestNeighborAdvertisements(t *testing.T) {
	target, na := parse("2001:db8::1:2:3:1"), advertisement()
	for name, c := range map[string]struct {
		packet []byte
		want   bool
	}{
		"answer":              {na, true},
		"cut off":             {na[:23], false},
		"solicitation":        {changed(na, 0, 135), false},
		"of another code":     {changed(na, 1, 1), false},
		"for another network": {changed(na, 11, 9), false},
		"for another subnet":  {changed(na, 15, 9), false},
		"for another host":    {changed(na, 17, 9), false},
		"for another address": {changed(na, 23, 9), false},
	} {
		if got := advertises(c.packet, target); got != c.want {
			t.Errorf("%s: answer %v, want %v", name, got, c.want)
		}
		if got := passes(t, advertisementFilter(target), c.packet); got != c.want {
			t.Errorf("%s: passes %v, want %v", name, got, c.want)
		}
	}
	if advertises(changed(na, 4, 0x20), target) {
		t.Error("what nobody asked for is an answer")
	}
}

func TestSolicitedNode(t *testing.T) {
	if got, want := solicitedNode(parse("2001:db8::1:aabb:ccdd")), parse("ff02::1:ffbb:ccdd").As16(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
