package seesaw

import (
	"errors"
	"net/netip"
	"slices"
	"sort"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/document"
)

// Options are what a cluster.pb does not say.
type Options struct {
	// Interface is the network interface of the VIPs, "lb" in Seesaw's own seesaw.cfg; "" is
	// eth0, with a remark.
	Interface string
	// Cluster is the cluster's name, which is in seesaw.cfg, too; "" is seesaw, with a remark.
	Cluster string
	// Anycast are the networks of anycast VIPs; none are those that Seesaw's source has.
	Anycast []netip.Prefix
}

// Result is what a cluster.pb became.
type Result struct {
	Document *document.Document
	Remarks  []Remark // in the order of the file
}

// Import reads the text of a cluster.pb. What it returns passes "perch check". The error is a
// config.Mistakes with all that is wrong.
func Import(file string, text []byte, o Options) (*Result, error) {
	cluster, err := parse(file, text)
	if err != nil {
		return nil, err
	}
	im := newImporter(file, scan(text), o)
	im.required(cluster.ProtoReflect(), im.root)
	if len(im.mistakes) == 0 {
		im.write(cluster)
	}
	if len(im.mistakes) == 0 {
		im.check()
	}
	if len(im.mistakes) > 0 {
		return nil, inOrder(im.mistakes)
	}
	sort.SliceStable(im.remarks, func(i, j int) bool { return im.remarks[i].place().before(im.remarks[j].place()) })
	return &Result{Document: im.doc, Remarks: im.remarks}, nil
}

// inOrder returns mistakes in the order of the file, each once: some fields are read twice.
func inOrder(mistakes config.Mistakes) config.Mistakes {
	sort.SliceStable(mistakes, func(i, j int) bool {
		a, b := mistakes[i], mistakes[j]
		at, than := place{a.Line, a.Col}, place{b.Line, b.Col}
		return at.before(than) || at == than && a.Text < b.Text
	})
	return slices.Compact(mistakes)
}

// importer is one import.
type importer struct {
	file     string
	root     *field
	o        Options
	doc      *document.Document
	remarks  []Remark
	told     map[Remark]bool
	mistakes config.Mistakes

	host     string // the first node's name
	networks []network
	vips     map[netip.Addr]bool // those that are written
	anycast  []netip.Addr
	names    names
	marks    int // that are taken
}

func newImporter(file string, root *field, o Options) *importer {
	im := &importer{
		file: file, root: root, o: o, doc: &document.Document{},
		told: map[Remark]bool{}, vips: map[netip.Addr]bool{}, names: names{},
	}
	at := root.at("seesaw_vip")
	if o.Interface == "" {
		im.o.Interface = "eth0"
		im.note(at, "seesaw_vip", `interface "eth0" is a guess: it is "lb" in seesaw.cfg, to be given by --interface`)
	}
	if o.Cluster == "" {
		im.o.Cluster = "seesaw"
		im.note(at, "seesaw_vip", `cluster name "seesaw" is a guess: it is "name" in seesaw.cfg, to be given by --cluster`)
	}
	if len(o.Anycast) == 0 {
		im.o.Anycast = seesawAnycast()
	}
	return im
}

// write says the cluster in perch's words.
func (im *importer) write(c *pb.Cluster) {
	im.doc.Head = im.head(c)
	im.findNetworks(c)
	im.writeCluster(c)
	im.writeOwnVIPs(c)
	im.writeVservers(c)
	im.remarkRest(c)
	im.writeBGP(c)
	im.doc.Tail = append(im.doc.Tail, im.root.comments...)
}

// check has package config read what was written.
func (im *importer) check() {
	_, _, err := im.doc.Parse("perch.toml", im.host)
	mistakes, _ := errors.AsType[config.Mistakes](err) // its only error
	im.mistakes = append(im.mistakes, mistakes...)
}

// from returns the place that a document knows.
func (im *importer) from(p place) document.Place {
	return document.Place{File: im.file, Line: p.line}
}

// wrong says what is wrong at a place: it cannot be imported.
func (im *importer) wrong(at place, text string) {
	im.mistakes = append(im.mistakes, config.Mistake{File: im.file, Line: at.line, Col: at.col, Text: text})
}

// lose says that a field has no equivalent: what Seesaw does with it, as "marks the packets",
// and what to use instead.
func (im *importer) lose(at place, word, does, instead string) {
	im.remark(Remark{File: im.file, Line: at.line, Col: at.col, Word: word, Lost: true, Text: "Seesaw " + does + "; " + instead})
}

// note says of a field that was imported what is different all the same.
func (im *importer) note(at place, word, text string) {
	im.remark(Remark{File: im.file, Line: at.line, Col: at.col, Word: word, Text: text})
}

// remark keeps a remark, once: a check of several services is written for each of them.
func (im *importer) remark(r Remark) {
	if !im.told[r] {
		im.told[r] = true
		im.remarks = append(im.remarks, r)
	}
}
