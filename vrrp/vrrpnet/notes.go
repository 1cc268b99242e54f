package vrrpnet

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// notes are the notes of all routers of an engine, and the filters that look into them. All
// but making them is the loop's alone.
type notes struct {
	table  *ebpf.Map // of notes
	owners *ebpf.Map // ownerKey to the index of a note
	four   *ebpf.Program
	six    *ebpf.Program
	memory []byte
	notes  []note // in the memory
	free   []uint32
}

// ownerKey says of whom an advert is.
type ownerKey struct{ cookie, vrid uint64 }

// noNote is the index of those whose adverts are heard one by one.
const noNote = ^uint32(0)

// minNotes is for how many routers there is room at least.
const minNotes = 64

// newNotes makes them, with room for so many routers, and tries them out.
func newNotes(routers int) (*notes, error) {
	m := &notes{}
	err := m.open(1 << bits.Len(uint(max(routers, minNotes)-1)))
	if err == nil {
		err = m.try()
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *notes) open(room int) (err error) {
	m.table, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "perch_notes", Type: ebpf.Array, KeySize: 4, ValueSize: noteLength, MaxEntries: uint32(room), Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return fmt.Errorf("create BPF map perch_notes: %w", err)
	}
	// Those of a reload come before those that it takes away have gone.
	m.owners, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "perch_owners", Type: ebpf.Hash, KeySize: 16, ValueSize: 4, MaxEntries: uint32(2 * room), Flags: unix.BPF_F_NO_PREALLOC,
	})
	if err != nil {
		return fmt.Errorf("create BPF map perch_owners: %w", err)
	}
	page, size := unix.Getpagesize(), room*noteLength
	m.memory, err = unix.Mmap(m.table.FD(), 0, (size+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map BPF map perch_notes into memory: %w", err)
	}
	m.notes = unsafe.Slice((*note)(unsafe.Pointer(&m.memory[0])), room)
	for i := range m.notes {
		m.free = append(m.free, uint32(room-1-i))
	}
	if m.four, err = m.load(false); err != nil {
		return err
	}
	m.six, err = m.load(true)
	return err
}

func (m *notes) close() {
	m.notes = nil
	if m.memory != nil {
		_ = unix.Munmap(m.memory)
		m.memory = nil
	}
	m.four.Close() // of nil, too
	m.six.Close()
	m.table.Close()
	m.owners.Close()
}

// tell says whose note is for a VRID at a socket.
func (m *notes) tell(cookie uint64, vrid uint8, index uint32) error {
	if err := m.owners.Put(ownerKey{cookie, uint64(vrid)}, index); err != nil {
		return fmt.Errorf("write to BPF map perch_owners: %w", err)
	}
	return nil
}

// untell has a socket hear nothing of a VRID.
func (m *notes) untell(cookie uint64, vrid uint8) {
	_ = m.owners.Delete(ownerKey{cookie, uint64(vrid)}) // if it is there, it can be deleted
}

// attach makes the program the filter of a socket.
func (m *notes) attach(fd int, ipv6 bool) error {
	p := m.four
	if ipv6 {
		p = m.six
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, p.FD()); err != nil {
		return fmt.Errorf("attach BPF program for adverts: %w", err)
	}
	return nil
}

// cookieOf returns the kernel's name of a socket.
func cookieOf(fd int) (uint64, error) {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("get the cookie of a socket: %w", err)
	}
	return cookie, nil
}

var (
	errNotHeard   = errors.New("the filter has not taken note of an advert")
	errOtherClock = errors.New("the filter reads another clock: this process is in a time namespace of its own")
)

// try has the filter take note of something, at a socket of a pair. Not all kernels have
// what it takes, and in a time namespace its clock is not ours.
func (m *notes) try() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open a pair of sockets: %w", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	cookie, err := cookieOf(pair[0])
	if err == nil {
		err = m.attach(pair[0], false)
	}
	if err == nil {
		err = m.tell(cookie, trialVRID, 0)
	}
	if err != nil {
		return err
	}
	defer m.untell(cookie, trialVRID)
	return m.notes[0].try(pair[1], cookie)
}

const (
	trialVRID = 1
	trialAge  = time.Hour
)

// try has the filter of a socket, to whom is sent, take note of an advert.
func (n *note) try(to int, cookie uint64) error {
	defer func() { *n = note{} }()
	header, nowhere := append([]byte{0x45}, make([]byte, 19)...), netip.IPv4Unspecified()
	p := vrrp.Packet{Src: nowhere, Dst: nowhere, Header: header, Payload: []byte{0x31, trialVRID}}
	before := Clock()
	n.write(cookie, p)
	n.open(n.passed(), before-trialAge)
	if _, err := unix.Write(to, append(p.Header, p.Payload...)); err != nil {
		return fmt.Errorf("try the filter of adverts: %w", err)
	}
	switch at := n.heard().near(before); {
	case n.count.Load() != 1:
		return errNotHeard
	case at < before-trialAge/2 || at > Clock():
		return errOtherClock
	}
	return nil
}
