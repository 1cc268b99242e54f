package cluster

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"pgregory.net/rapid"
)

func load(t interface{ Fatal(...any) }, d *disk) *ballotFile {
	f, err := loadBallot("ballot", d)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// stable reads b by the interface that raft uses.
func stable(t interface{ Fatal(...any) }, s raft.StableStore) ballot {
	term, err1 := s.GetUint64([]byte("CurrentTerm"))
	voteTerm, err2 := s.GetUint64([]byte("LastVoteTerm"))
	candidate, err3 := s.Get([]byte("LastVoteCand"))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if voteTerm == 0 && candidate != nil {
		t.Fatal("raft takes a candidate that is not nil for a vote")
	}
	return ballot{CurrentTerm: term, LastVoteTerm: voteTerm, LastVoteCand: string(candidate)}
}

// vote does what raft does when it votes in a term that is new to it.
func vote(s raft.StableStore, term uint64, candidate string) error {
	if err := s.SetUint64([]byte("CurrentTerm"), term); err != nil {
		return err
	}
	if err := s.SetUint64([]byte("LastVoteTerm"), term); err != nil {
		return err
	}
	return s.Set([]byte("LastVoteCand"), []byte(candidate))
}

func TestVoteIsOneWriteAndOneSync(t *testing.T) {
	d := newDisk(t, ballot{CurrentTerm: 7, LastVoteTerm: 4, LastVoteCand: "lb1:7400"})
	f := load(t, d)
	d.die() // resets the counters
	if err := f.SetUint64([]byte("LastVoteTerm"), 7); err != nil {
		t.Fatal(err)
	}
	if got := stable(t, f); got.LastVoteTerm != 4 || d.writes != 0 {
		t.Errorf("half a vote was written %d times and reads as %+v", d.writes, got)
	}
	if err := f.Set([]byte("LastVoteCand"), []byte("lb2:7400")); err != nil {
		t.Fatal(err)
	}
	want := ballot{CurrentTerm: 7, LastVoteTerm: 7, LastVoteCand: "lb2:7400"}
	if got := stable(t, f); got != want || d.writes != 1 || d.syncs != 1 {
		t.Errorf("%+v after %d writes and %d syncs, want %+v after one", got, d.writes, d.syncs, want)
	}
	if err := vote(f, 7, "lb2:7400"); err != nil || d.writes != 1 {
		t.Errorf("what is known already was written again: %d writes, %v", d.writes, err)
	}
	if err := f.SetUint64([]byte("CurrentTerm"), 8); err != nil || d.writes != 2 || d.syncs != 2 {
		t.Errorf("a term took %d writes and %d syncs, %v", d.writes-1, d.syncs-1, err)
	}
	want.CurrentTerm = 8
	d.losePower([2]int{}, tear{})
	if got := load(t, d).last.ballot; got != want {
		t.Errorf("after a restart %+v, want %+v", got, want)
	}
}

func TestBallotRefusals(t *testing.T) {
	before := ballot{CurrentTerm: 7, LastVoteTerm: 4, LastVoteCand: "lb1:7400"}
	d := newDisk(t, before)
	f := load(t, d)
	d.die()
	pend := func(term uint64) error { return f.SetUint64([]byte("LastVoteTerm"), term) }
	set := func(candidate string) error { return f.Set([]byte("LastVoteCand"), []byte(candidate)) }
	_, get := f.Get([]byte("CurrentTerm"))
	_, getUint64 := f.GetUint64([]byte("LastVoteCand"))
	tests := []struct {
		err  error
		want string
	}{
		{f.Set([]byte("CurrentTerm"), nil), `unknown key "CurrentTerm"`},
		{f.SetUint64([]byte("Other"), 1), `unknown key "Other"`},
		{get, `unknown key "CurrentTerm"`},
		{getUint64, `unknown key "LastVoteCand"`},
		{set("lb2:7400"), `vote for "lb2:7400" in term 0 is half a vote`},
		{errors.Join(pend(7), set("")), `vote for "" in term 7 is half a vote`},
		{set("lb2:7400"), `vote for "lb2:7400" in term 0 is half a vote`}, // nothing is left of the one before
		{errors.Join(pend(8), set("lb2:7400")), "vote in term 8 is ahead of the term, 7"},
		{errors.Join(pend(7), set(strings.Repeat("x", maxCandidate+1))), "candidate of 257 bytes, at most 256 are allowed"},
	}
	for _, test := range tests {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("got %v, want %s", test.err, test.want)
		}
	}
	if got := stable(t, f); got != before || d.writes != 0 {
		t.Errorf("refused, yet written %d times: %+v", d.writes, got)
	}
	if err := errors.Join(pend(7), set(strings.Repeat("x", maxCandidate))); err != nil {
		t.Error(err)
	}
}

func TestFailedWritePoisons(t *testing.T) {
	fail := map[string]func(*disk){
		"pwrite":    func(d *disk) { d.failWrite = 1 },
		"fdatasync": func(d *disk) { d.failSync = 1 },
	}
	for name, fail := range fail {
		d := newDisk(t, ballot{CurrentTerm: 1})
		f := load(t, d)
		d.die()
		fail(d)
		first := f.SetUint64([]byte("CurrentTerm"), 2)
		writes := d.writes
		_, get := f.Get([]byte("LastVoteCand"))
		_, getUint64 := f.GetUint64([]byte("CurrentTerm"))
		for _, err := range []error{
			first, get, getUint64,
			f.SetUint64([]byte("CurrentTerm"), 1),
			f.SetUint64([]byte("LastVoteTerm"), 1),
			f.Set([]byte("LastVoteCand"), []byte("lb1:7400")),
		} {
			if !errors.Is(err, errDisk) {
				t.Errorf("after a failed %s: %v", name, err)
			}
		}
		if d.writes != writes {
			t.Errorf("written to again after a failed %s", name)
		}

		d.die() // the page cache has the new term now, and the disk may not
		image, err := load(t, d).last.image()
		if err != nil {
			t.Fatal(err)
		}
		if d.losePower([2]int{}, tear{}); !bytes.Equal(d.durable, image) {
			t.Errorf("opened after a failed %s: what was read is not on disk", name)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := record{
			id:       ballotID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			sequence: rapid.Uint64().Draw(t, "sequence"),
			ballot:   ballot{CurrentTerm: rapid.Uint64().Draw(t, "term")},
		}
		if want.ballot.CurrentTerm > 0 && rapid.Bool().Draw(t, "voted") {
			want.ballot.LastVoteTerm = rapid.Uint64Range(1, want.ballot.CurrentTerm).Draw(t, "vote")
			want.ballot.LastVoteCand = string(rapid.SliceOfN(rapid.Byte(), 1, maxCandidate).Draw(t, "candidate"))
		}
		out, err := want.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(append(out, 1, 2, 3)); got != want || err != nil {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		for n := range out {
			if _, err := decode(out[:n]); err == nil {
				t.Fatalf("%d of %d bytes are taken for a record", n, len(out))
			}
		}
	})
}

func FuzzRecord(f *testing.F) {
	out, err := record{sequence: 3, ballot: ballot{CurrentTerm: 9, LastVoteTerm: 8, LastVoteCand: "lb1:7400"}}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out)
	f.Add(out[:recordFixed])
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := decode(in)
		if err != nil {
			return
		}
		if out, err := r.encode(); err != nil || !bytes.HasPrefix(in, out) {
			t.Errorf("%x, %v after decoding %x", out, err, in)
		}
	})
}

func TestBallotOnDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ballot.new"), make([]byte, 3*blockSize), 0o600); err != nil { // of a start cut short
		t.Fatal(err)
	}
	if err := createBallot(dir); err != nil {
		t.Fatal(err)
	}
	for term := range uint64(3) {
		f, err := openBallot(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := stable(t, f); got.CurrentTerm != term {
			t.Errorf("term %d, want %d", got.CurrentTerm, term)
		}
		if err := errors.Join(vote(f, term+1, "lb1:7400"), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

// BenchmarkVote is what a voter writes before it answers: the new term, and the
// vote. Set TMPDIR to a folder on the disk that counts.
func BenchmarkVote(b *testing.B) {
	stores := map[string]func(dir string) (raft.StableStore, error){
		"ballot": func(dir string) (raft.StableStore, error) {
			if err := createBallot(dir); err != nil {
				return nil, err
			}
			return openBallot(dir)
		},
		"raft-boltdb": func(dir string) (raft.StableStore, error) {
			return raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
		},
	}
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			s, err := open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer s.(io.Closer).Close()
			var term uint64
			for b.Loop() {
				term++
				if err := vote(s, term, "198.18.0.1:7400"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
