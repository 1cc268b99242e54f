package cluster

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// ballot is what a voter must never forget, or it could vote twice in a term.
type ballot struct {
	CurrentTerm  uint64
	LastVoteTerm uint64 // 0 until the first vote
	LastVoteCand string // for whom; empty until the first vote
}

// maxCandidate is the longest candidate in bytes. An address needs far less,
// and a record stays within a sector, which disks write whole.
const maxCandidate = 256

// valid holds for every ballot that raft can have.
func (b ballot) valid() error {
	switch {
	case len(b.LastVoteCand) > maxCandidate:
		return fmt.Errorf("candidate of %d bytes, at most %d are allowed", len(b.LastVoteCand), maxCandidate)
	case (b.LastVoteTerm == 0) != (b.LastVoteCand == ""):
		return fmt.Errorf("vote for %q in term %d is half a vote", b.LastVoteCand, b.LastVoteTerm)
	case b.LastVoteTerm > b.CurrentTerm:
		return fmt.Errorf("vote in term %d is ahead of the term, %d", b.LastVoteTerm, b.CurrentTerm)
	}
	return nil
}

// ballotID is drawn when the file is made, and stands in raft.db too.
type ballotID [16]byte

// record is a ballot as it stands on disk:
//
//	magic and version 8 | id 16 | sequence 8 | current term 8 | vote's term 8 |
//	length 2 | candidate | CRC-32C of all before 4
type record struct {
	id       ballotID
	sequence uint64 // counts the changes
	ballot   ballot
}

const (
	recordMagic = "perchbl\x01"
	recordFixed = len(recordMagic) + len(ballotID{}) + 3*8 + 2 // up to the candidate
)

// encode returns the bytes of r.
func (r record) encode() ([]byte, error) {
	if err := r.ballot.valid(); err != nil {
		return nil, err
	}
	out := append([]byte(recordMagic), r.id[:]...)
	out = binary.BigEndian.AppendUint64(out, r.sequence)
	out = binary.BigEndian.AppendUint64(out, r.ballot.CurrentTerm)
	out = binary.BigEndian.AppendUint64(out, r.ballot.LastVoteTerm)
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.ballot.LastVoteCand)))
	out = append(out, r.ballot.LastVoteCand...)
	return binary.BigEndian.AppendUint32(out, checksum(out)), nil
}

// decode reads the record that in begins with.
func decode(in []byte) (record, error) {
	if len(in) < recordFixed || !bytes.HasPrefix(in, []byte(recordMagic)) {
		return record{}, errors.New("not a ballot of this version")
	}
	var r record
	rest := in[len(recordMagic):]
	rest = rest[copy(r.id[:], rest):]
	r.sequence = binary.BigEndian.Uint64(rest)
	r.ballot.CurrentTerm = binary.BigEndian.Uint64(rest[8:])
	r.ballot.LastVoteTerm = binary.BigEndian.Uint64(rest[16:])
	length := int(binary.BigEndian.Uint16(rest[24:]))
	if length > maxCandidate || len(in) < recordFixed+length+crc32.Size {
		return record{}, fmt.Errorf("candidate of %d bytes is too long", length)
	}
	end := recordFixed + length
	r.ballot.LastVoteCand = string(in[recordFixed:end])
	if binary.BigEndian.Uint32(in[end:]) != checksum(in[:end]) {
		return record{}, errors.New("checksum does not match")
	}
	return r, r.ballot.valid()
}

func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// blockSize keeps the two copies of a record in blocks of their own.
const blockSize = 4096

// image returns the whole file that holds r.
func (r record) image() ([]byte, error) {
	one, err := r.encode()
	if err != nil {
		return nil, err
	}
	image := make([]byte, 2*blockSize)
	copy(image, one)
	copy(image[blockSize:], one)
	return image, nil
}

// newest returns the record of an image, and in which of the two blocks it is.
func newest(image []byte) (record, int, error) {
	a, errA := decode(image[:blockSize])
	b, errB := decode(image[blockSize:])
	switch {
	case errA != nil && errB != nil:
		return record{}, 0, fmt.Errorf("both copies are damaged (%w; %w)", errA, errB)
	case errB != nil || errA == nil && a.sequence >= b.sequence:
		return a, 0, nil
	default:
		return b, 1, nil
	}
}

// blockFile is what a ballot needs of a file. Sync returns when the disk has
// what was written.
type blockFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
}

// ballotFile is raft's stable store: one record, written twice side by side by
// one pwrite and one fdatasync.
//
// A write cut short by a loss of power damages at most the block under way: the
// other is whole, old or new. An acknowledged record is in both blocks: if one
// rots, or was never really written, the other still has it. So the newer valid
// copy is always right. Were the copies written in turn, it would not be: a
// damaged newer one may have been torn, or acknowledged and then gone bad, which
// no checksum tells apart, and in the second case the older one has forgotten a
// vote. Two damaged copies are refused, never taken for an empty ballot.
//
// What is read at start may be in the page cache alone, after a kill before the
// fdatasync or a failed one. So loadBallot writes it anew before it is used.
//
// After a failed write the disk's state is unknown and a second fdatasync may
// report success for pages that were dropped: every later call fails too.
type ballotFile struct {
	path string
	file blockFile

	mu      sync.Mutex // guards what follows
	last    record     // on disk
	pending uint64     // the term of a vote whose candidate is still to come, or 0
	broken  error
}

// createBallot makes an empty ballot below dir, whole or not at all.
func createBallot(dir string) error {
	var r record
	rand.Read(r.id[:])
	image, err := r.image()
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, "ballot.new")
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(image)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("create %s: %w", temporary, bare(temporary, err))
	}
	return os.Rename(temporary, filepath.Join(dir, "ballot"))
}

// openBallot opens the ballot below dir. The error is fs.ErrNotExist if there
// is none.
func openBallot(dir string) (*ballotFile, error) {
	path := filepath.Join(dir, "ballot")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	b, err := loadBallot(path, diskFile{file})
	if err == nil {
		err = errors.Join(syncDir(dir), syncDir(filepath.Dir(dir))) // a file without a name is lost too
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return b, nil
}

// loadBallot reads file and makes sure that the disk has what was read. What a
// killed process left in the page cache goes to the disk first, and the copy that
// was read is overwritten last: a good copy is on disk at any moment.
func loadBallot(path string, file blockFile) (*ballotFile, error) {
	if err := file.Sync(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, bare(path, err))
	}
	image := make([]byte, 2*blockSize)
	if _, err := file.ReadAt(image, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", path, bare(path, err))
	}
	r, at, err := newest(image)
	if err != nil {
		return nil, unusable(path, err)
	}
	if image, err = r.image(); err != nil {
		return nil, err
	}
	for _, block := range []int{1 - at, at} {
		start := block * blockSize
		if err := writeSync(file, image[start:start+blockSize], int64(start)); err != nil {
			return nil, fmt.Errorf("write %s: %w", path, bare(path, err))
		}
	}
	return &ballotFile{path: path, file: file, last: r}, nil
}

// unusable is the error for a ballot that would let this node vote twice.
func unusable(path string, why error) error {
	return fmt.Errorf("%s: %w: the votes of this node are not known; when the other nodes have a leader, empty %s and start this one again",
		path, why, filepath.Dir(path))
}

// write makes next durable. Nothing is written when nothing changes.
func (f *ballotFile) write(next ballot) error {
	if f.broken != nil || next == f.last.ballot {
		return f.broken
	}
	r := record{id: f.last.id, sequence: f.last.sequence + 1, ballot: next}
	image, err := r.image()
	if err != nil {
		return err
	}
	if err := writeSync(f.file, image, 0); err != nil {
		f.broken = fmt.Errorf("write %s: %w", f.path, bare(f.path, err))
		return f.broken
	}
	f.last = r
	return nil
}

// SetUint64 implements raft.StableStore. A vote is two calls of the library,
// its term and then its candidate, with nothing read or answered in between.
// The first is only remembered: there is no vote until both are on disk.
func (f *ballotFile) SetUint64(key []byte, value uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch string(key) {
	case "CurrentTerm":
		next := f.last.ballot
		next.CurrentTerm = value
		return f.write(next)
	case "LastVoteTerm":
		f.pending = value
		return f.broken
	}
	return unknownKey(key)
}

// Set implements raft.StableStore.
func (f *ballotFile) Set(key, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if string(key) != "LastVoteCand" {
		return unknownKey(key)
	}
	next := ballot{CurrentTerm: f.last.ballot.CurrentTerm, LastVoteTerm: f.pending, LastVoteCand: string(value)}
	f.pending = 0
	return f.write(next)
}

// GetUint64 implements raft.StableStore: 0 is "none", which the library takes
// like an error that reads "not found".
func (f *ballotFile) GetUint64(key []byte) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch string(key) {
	case "CurrentTerm":
		return f.last.ballot.CurrentTerm, f.broken
	case "LastVoteTerm":
		return f.last.ballot.LastVoteTerm, f.broken
	}
	return 0, unknownKey(key)
}

// Get implements raft.StableStore: nil is "none". The library takes anything
// else, even if empty, for a vote.
func (f *ballotFile) Get(key []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if string(key) != "LastVoteCand" {
		return nil, unknownKey(key)
	}
	return append([]byte(nil), f.last.ballot.LastVoteCand...), f.broken
}

// Close closes the file.
func (f *ballotFile) Close() error { return f.file.Close() }

func unknownKey(key []byte) error { return fmt.Errorf("unknown key %q", key) }

func writeSync(file blockFile, b []byte, offset int64) error {
	if _, err := file.WriteAt(b, offset); err != nil {
		return err
	}
	return file.Sync()
}

// diskFile syncs data alone: the file never grows.
type diskFile struct{ *os.File }

// astray says what is wrong with where the ballot's file is, or "". A file without its name, as
// after rm -r or mv, is written still, and no next start will find it.
func (f *ballotFile) astray() string {
	disk, ok := f.file.(diskFile)
	if !ok {
		return ""
	}
	held, err := disk.Stat()
	if err != nil {
		return ""
	}
	there, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(held, there):
		return f.path + " has been removed or moved: what is written is lost to the next start; put it back, or restart perch, one node at a time"
	case errors.Is(unix.Access(f.path, unix.W_OK), unix.EROFS):
		return f.path + " cannot be written: " + unix.EROFS.Error()
	}
	return ""
}

func (f diskFile) Sync() error { return os.NewSyscallError("fdatasync", unix.Fdatasync(int(f.Fd()))) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
