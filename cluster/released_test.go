package cluster

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"
	bolt "go.etcd.io/bbolt"

	"github.com/perch-vip/perch/cluster/state"
)

// releases is the folder of what versions that were released wrote and said, one folder for
// each; its README.md says how one is added.
const releases = "testdata/released"

var recordAs = flag.String("record", "", "the version, to record what this one reads and says into "+releases)

// legacy is what a version that was released reads in the data of a node.
type legacy struct {
	Index, Term uint64
	Members     []Member
	Memory      state.State
}

// spokenRecord is what a version says, in bytes: requests of the group, and a question and an
// answer about the membership.
type spokenRecord struct {
	Requests         [][]byte
	Question, Answer json.RawMessage
}

// founder is of the cluster whose data is kept.
func founder(name, dir string) Config {
	cfg := Config{Name: "edge", Node: name, Heartbeat: time.Second, Dir: dir}
	for i, peer := range []string{"lb1", "lb2", "lb3"} {
		address := netip.MustParseAddrPort(fmt.Sprintf("198.18.0.%d:7400", 3+i))
		cfg.Peers = append(cfg.Peers, Peer{Name: peer, Address: address, Priority: 100})
	}
	return cfg
}

// unpackTo unpacks the data of a node.
func unpackTo(t *testing.T, path, dir string) {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, header.Name)
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o700)
		} else {
			var content []byte
			if content, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(to, content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// eachOldNode gives a copy of the data of each node of each version, and the path of what is
// kept beside it.
func eachOldNode(t *testing.T, with func(t *testing.T, name, dir, beside string)) {
	t.Helper()
	packed, err := filepath.Glob(filepath.Join(releases, "*", "lb?.tar.gz"))
	if err != nil || len(packed) < 3 {
		t.Fatalf("%d nodes below %s (%v)", len(packed), releases, err)
	}
	for _, path := range packed {
		version, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)[:3]
		t.Run(version+" "+name, func(t *testing.T) {
			dir := t.TempDir()
			unpackTo(t, path, dir)
			with(t, name, filepath.Join(dir, "raft"), filepath.Join(releases, version, name+".json"))
		})
	}
}

func readLegacy(t *testing.T, name, dir string) legacy {
	t.Helper()
	r, err := OpenRecovery(founder(name, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return legacy{r.Index, r.Term, r.Members, r.Memory}
}

// said is what this version says, with every field set.
func said(t *testing.T) spokenRecord {
	t.Helper()
	linger := 3 * time.Second
	q := question{
		Birth: "b1", Admit: &wish{Address: "198.18.0.6:7400", Joining: true}, Remove: "lb4",
		Invite: &invitation{Birth: "b2", Term: 7}, Linger: &linger,
	}
	a := answer{
		Birth: "b1", List: "l", Listed: []string{"lb1"}, Member: true, Late: true,
		Founders: map[string]string{"lb1": "b1"}, Leader: "lb1",
		Members:  []Member{{Name: "lb1", Address: netip.MustParseAddrPort("198.18.0.3:7400"), Voter: true}},
		Standing: votes, Index: 9, Error: "no",
	}
	var err [2]error
	r := spokenRecord{Requests: spoken()}
	r.Question, err[0] = json.Marshal(q)
	r.Answer, err[1] = json.Marshal(a)
	if err := errors.Join(err[:]...); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecord does nothing unless it is told to record.
func TestRecord(t *testing.T) {
	if *recordAs == "" {
		return
	}
	write := func(path string, v any) {
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(releases, *recordAs, "said.json"), said(t))
	for _, name := range []string{"lb1", "lb2", "lb3"} {
		dir, version := t.TempDir(), filepath.Join(releases, *recordAs)
		unpackTo(t, filepath.Join(version, name+".tar.gz"), dir)
		write(filepath.Join(version, name+".json"), readLegacy(t, name, filepath.Join(dir, "raft")))
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The log, the snapshot, the term and the vote that a released version wrote are read as that
// version read them.
func TestDataOfReleasedVersions(t *testing.T) {
	eachOldNode(t, func(t *testing.T, name, dir, beside string) {
		var want legacy
		readJSON(t, beside, &want)
		got := readLegacy(t, name, dir)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
		if len(got.Memory.History) == 0 || len(got.Memory.Drained) == 0 || len(got.Memory.Servers) == 0 || len(got.Members) != 3 {
			t.Errorf("there is too little in it: %+v", got)
		}
	})
}

// What is written today is, byte for byte, what a released version wrote of the same: it reads
// this after a way back.
func TestReleasedVersionsReadTheData(t *testing.T) {
	eachOldNode(t, func(t *testing.T, _, dir, _ string) {
		before, entries := rawLog(t, filepath.Join(dir, "raft.db"))
		if len(entries) == 0 {
			t.Fatal("no entries")
		}
		path := filepath.Join(t.TempDir(), "raft.db")
		log, err := openBoltLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(log.StoreLogs(entries), log.Close()); err != nil {
			t.Fatal(err)
		}
		if after, _ := rawLog(t, path); !cmp.Equal(before, after) {
			t.Errorf("the log is written otherwise:\n%s", cmp.Diff(before, after))
		}
		image, err := os.ReadFile(filepath.Join(dir, "ballot"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := decode(image)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := r.encode(); err != nil || !bytes.HasPrefix(image, again) {
			t.Errorf("the ballot is written otherwise (%v)", err)
		}
	})
}

// rawLog returns the entries of a raft.db as they stand there, and as they are read.
func rawLog(t *testing.T, path string) (raw map[string][]byte, entries []*raft.Log) {
	t.Helper()
	log, err := openBoltLog(path)
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := log.FirstIndex()
	last, err2 := log.LastIndex()
	for index := first; index <= last; index++ {
		var entry raft.Log
		if err := log.GetLog(index, &entry); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, &entry)
	}
	if err := errors.Join(err1, err2, log.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	raw = map[string][]byte{}
	if err := db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("logs")).ForEach(func(key, value []byte) error {
			raw[string(key)] = bytes.Clone(value)
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return raw, entries
}

// Nodes say the same as a released version, byte for byte in what the library says, and
// understand it.
func TestWordsOfReleasedVersions(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(releases, "*", "said.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing was said below %s (%v)", releases, err)
	}
	for _, path := range paths {
		var old spokenRecord
		readJSON(t, path, &old)
		today := said(t)
		for i, request := range old.Requests {
			if !bytes.Equal(request, today.Requests[i]) {
				t.Errorf("%s: request %d was %q, and is %q", path, i, request, today.Requests[i])
			}
			s := scanner{requests: true}
			if err := s.scan(request); err != nil || s.inside() {
				t.Errorf("%s: request %d: %v", path, i, err)
			}
		}
		var q question
		var a answer
		for _, each := range []struct {
			was json.RawMessage
			is  any
		}{{old.Question, &q}, {old.Answer, &a}} {
			if err := json.Unmarshal(each.was, each.is); err != nil {
				t.Fatal(err)
			}
			var was bytes.Buffer
			if err := json.Compact(&was, each.was); err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(each.is); err != nil || !bytes.Equal(again, was.Bytes()) {
				t.Errorf("%s: %s is said as %s (%v)", path, was.Bytes(), again, err)
			}
		}
		if err := errors.Join(q.check(), a.check()); err != nil {
			t.Error(err)
		}
	}
}
