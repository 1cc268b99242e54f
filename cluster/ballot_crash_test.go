package cluster

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var errDisk = errors.New("input/output error")

// disk is a file between the page cache and a disk that may lose power. Its
// unit is the block: those not synced yet reach the disk in any order or not at
// all, and of one, the one under way, any first part may.
type disk struct {
	durable, cache []byte
	dirty          [2][][]byte // of each block the unsynced versions
	writes, syncs  int
	failWrite      int // the write of this number fails, after its first block
	failSync       int // the sync of this number fails, and the pages count as clean
	failed         bool
}

func newDisk(t interface{ Fatal(...any) }, b ballot) *disk {
	image, err := record{sequence: 1, ballot: b}.image()
	if err != nil {
		t.Fatal(err)
	}
	return &disk{durable: image, cache: slices.Clone(image)}
}

func (d *disk) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, d.cache[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	d.writes++
	for at := 0; at < len(p); at += blockSize {
		block := p[at : at+blockSize]
		copy(d.cache[int(off)+at:], block)
		d.dirty[(int(off)+at)/blockSize] = append(d.dirty[(int(off)+at)/blockSize], block)
		if d.writes == d.failWrite {
			return at, errDisk
		}
	}
	return len(p), nil
}

func (d *disk) Sync() error {
	d.syncs++
	dirty := d.dirty
	d.dirty = [2][][]byte{}
	if d.syncs == d.failSync {
		d.failed = true
		return errDisk
	}
	for block, versions := range dirty {
		if len(versions) > 0 {
			copy(d.durable[block*blockSize:], versions[len(versions)-1])
		}
	}
	return nil
}

func (d *disk) Close() error { return nil }

// tear is what becomes of the block under way when power is lost.
type tear struct {
	block, bytes int  // only the first bytes are written
	scrambled    bool // the others are neither new nor old
}

// losePower keeps the version of each block that was chosen, but for the tear.
func (d *disk) losePower(chosen [2]int, tear tear) {
	var image []byte
	for block, version := range chosen {
		versions := append([][]byte{d.durable[block*blockSize:][:blockSize]}, d.dirty[block]...)
		content := slices.Clone(versions[version])
		if block == tear.block && version > 0 {
			copy(content[tear.bytes:], versions[version-1][tear.bytes:])
			if tear.scrambled {
				copy(content[tear.bytes:], bytes.Repeat([]byte{0xff}, blockSize))
			}
		}
		image = append(image, content...)
	}
	*d = disk{durable: image, cache: slices.Clone(image), failed: d.failed}
}

// die is the end of the process alone: the page cache stays.
func (d *disk) die() { d.writes, d.syncs, d.failWrite, d.failSync = 0, 0, 0, 0 }

// Every way in which one write can be cut short leaves the state before or
// after it.
func TestTornAtEveryByte(t *testing.T) {
	before := ballot{CurrentTerm: 6, LastVoteTerm: 6, LastVoteCand: "lb1.example:7400"}
	after := ballot{CurrentTerm: 6 << 40, LastVoteTerm: 6, LastVoteCand: "lb1.example:7400"}
	seen := make(map[ballot]int)
	for cut := range 2 * blockSize {
		for way := range 4 { // the block beside the torn one may be first, or not
			d := newDisk(t, before)
			image, err := record{sequence: 2, ballot: after}.image()
			if err != nil {
				t.Fatal(err)
			}
			d.WriteAt(image, 0)
			torn := cut / blockSize
			chosen := [2]int{way >> 1, way >> 1}
			chosen[torn] = 1
			d.losePower(chosen, tear{torn, cut % blockSize, way&1 == 1})
			seen[load(t, d).last.ballot]++
		}
	}
	if len(seen) != 2 || seen[before] == 0 || seen[after] == 0 {
		t.Errorf("after a torn write: %v", seen)
	}
}

// An acknowledged ballot survives damage to either block, and is not replaced by
// an older one when both are gone.
func TestRot(t *testing.T) {
	written := func() *disk {
		d := newDisk(t, ballot{CurrentTerm: 1})
		for term := range uint64(5) {
			if err := vote(load(t, d), term+1, "lb2:7400"); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	want := ballot{CurrentTerm: 5, LastVoteTerm: 5, LastVoteCand: "lb2:7400"}
	size := recordFixed + len(want.LastVoteCand) + 4
	older := newDisk(t, ballot{CurrentTerm: 4})
	for block := range 2 {
		d := written()
		copy(d.cache[block*blockSize:][:blockSize], older.cache)
		if got := load(t, d).last.ballot; got != want {
			t.Errorf("block %d never written: %+v", block, got)
		}
	}
	for at := range size {
		for _, block := range []int{0, 1} {
			d := written()
			d.cache[block*blockSize+at] ^= 0x20
			if got := load(t, d).last.ballot; got != want {
				t.Fatalf("byte %d of block %d damaged: %+v", at, block, got)
			}
			if !bytes.Equal(d.durable[:blockSize], d.durable[blockSize:]) {
				t.Fatalf("byte %d of block %d damaged: not mended", at, block)
			}
		}
		d := written()
		d.cache[at] ^= 0x20
		d.cache[blockSize+size-1-at] ^= 0x20
		if _, err := loadBallot("/dir/ballot", d); err == nil || !strings.Contains(err.Error(), "/dir/ballot: both copies are damaged") ||
			!strings.Contains(err.Error(), "empty /dir and start this one again") {
			t.Fatalf("byte %d of both blocks damaged: %v", at, err)
		}
	}
	for _, size := range []int{0, 1, blockSize - 1} {
		if _, err := loadBallot("ballot", &disk{cache: make([]byte, size)}); err == nil {
			t.Errorf("a file of %d bytes is taken for a ballot", size)
		}
	}
}

// A file with a damaged block is mended by its opening. That may be cut short
// too, by a kill and by a loss of power, and never damages the good block.
func TestMendingCutShort(t *testing.T) {
	want := ballot{CurrentTerm: 6, LastVoteTerm: 6, LastVoteCand: "lb1:7400"}
	for way := range 16 {
		damaged, torn, at, kills := way&1, way>>1&1, way>>2&1+1, way>>3&1
		d := newDisk(t, want)
		clear(d.durable[damaged*blockSize:][:blockSize])
		copy(d.cache, d.durable)
		d.failWrite = at
		for range kills + 1 {
			if _, err := loadBallot("ballot", d); err == nil {
				t.Fatal("opening was not cut short")
			}
			d.writes = 0
		}
		var chosen [2]int // the other block is as it was
		chosen[torn] = len(d.dirty[torn])
		d.losePower(chosen, tear{torn, 0, true})
		if got, err := loadBallot("ballot", d); err != nil || got.last.ballot != want {
			t.Errorf("damaged %d, torn %d, at %d, kills %d: %+v, %v", damaged, torn, at, kills, got, err)
		}
	}
}

// TestCrashes writes terms and votes to a disk that loses power, and in a
// process that is killed, at any point: what an open returns is the last
// acknowledged ballot or the one under way, and stays so from then on.
func TestCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current := ballot{CurrentTerm: 1}
		d := newDisk(t, current)
		maybe := current // also allowed: the one whose write was not acknowledged
		var f *ballotFile
		crash := func(t *rapid.T) {
			f = nil
			if rapid.Bool().Draw(t, "only the process") {
				d.die()
				return
			}
			chosen := [2]int{
				rapid.IntRange(0, len(d.dirty[0])).Draw(t, "block 0"),
				rapid.IntRange(0, len(d.dirty[1])).Draw(t, "block 1"),
			}
			// A disk that fails and then scrambles may leave two damaged copies.
			d.losePower(chosen,
				tear{rapid.IntRange(0, 2).Draw(t, "torn block"), rapid.IntRange(0, recordFixed+40).Draw(t, "bytes"), !d.failed && rapid.Bool().Draw(t, "scrambled")})
		}
		fault := func(t *rapid.T) {
			switch n := rapid.IntRange(1, 3).Draw(t, "which"); rapid.IntRange(0, 2).Draw(t, "fault") {
			case 1:
				d.failWrite = d.writes + n
			case 2:
				d.failSync = d.syncs + n
			}
		}
		open := func(t *rapid.T) {
			fault(t)
			var err error
			if f, err = loadBallot("ballot", d); errors.Is(err, errDisk) {
				crash(t) // the process ends
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if got := stable(t, f); got != current && got != maybe {
				t.Fatalf("%+v, want %+v or %+v", got, current, maybe)
			}
			current, maybe = f.last.ballot, f.last.ballot
		}
		write := func(t *rapid.T, next ballot, set func() error) {
			maybe = next
			if set() != nil {
				crash(t)
				return
			}
			current = next
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if f == nil {
					open(t)
				}
			},
			"crash": crash,
			"fault": fault,
			"term": func(t *rapid.T) {
				if f == nil {
					return
				}
				next := current
				next.CurrentTerm += rapid.SampledFrom([]uint64{0, 1, 255, 1 << 40}).Draw(t, "terms")
				write(t, next, func() error { return f.SetUint64([]byte("CurrentTerm"), next.CurrentTerm) })
			},
			"vote": func(t *rapid.T) {
				if f == nil || f.SetUint64([]byte("LastVoteTerm"), current.CurrentTerm) != nil {
					return
				}
				if rapid.Bool().Draw(t, "half") {
					crash(t)
					return
				}
				candidate := rapid.StringN(1, 10, 40).Draw(t, "candidate")
				next := ballot{CurrentTerm: current.CurrentTerm, LastVoteTerm: current.CurrentTerm, LastVoteCand: candidate}
				write(t, next, func() error { return f.Set([]byte("LastVoteCand"), []byte(candidate)) })
			},
		})
	})
}
