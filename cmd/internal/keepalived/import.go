package keepalived

import (
	"fmt"
	"sort"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// Options are how a keepalived.conf is read and what it becomes.
type Options struct {
	syntax.Options

	// SecretDir is the folder of the files that the document names for passwords.
	SecretDir string
	// Raft makes a cluster of the virtual routers; nil leaves them what they are.
	Raft *Raft
}

// Result is what a keepalived.conf became.
type Result struct {
	Document *document.Document
	Remarks  []Remark          // in the order of the file
	Secrets  map[string]string // contents by path, all in SecretDir
	Files    []string          // all that was read, the keepalived.conf first
	Scripts  []Script          // those whose verdict counts for a virtual router
}

// Script is a program that a vrrp_script names.
type Script struct {
	syntax.Position
	Argv []string
}

// Import reads a keepalived.conf. The error is a syntax.Mistakes with all that is wrong, or
// that the file cannot be read.
func Import(path string, o Options) (*Result, error) {
	conf, err := syntax.Parse(path, o.Options)
	if err != nil {
		return nil, err
	}
	im := newImporter(o)
	for _, m := range conf.Remarks {
		im.note(m.Position, "", m.Text)
	}
	im.routing.root = conf.Statements
	readBlock(im, "the top level", conf.Statements, rootWords(), im)
	im.doc.Tail = im.discreet(conf.Comments)
	if err := im.writeRouters(); err != nil {
		return nil, err
	}
	im.writeServices()
	im.wantSomething(path, conf.Remarks)
	im.doc.Head = im.rest(conf.Statements) // those that belong to no table
	if len(im.mistakes) > 0 {
		m := im.mistakes
		sort.SliceStable(m, order(conf.Files, func(i int) syntax.Position { return m[i].Position }))
		return nil, atMost(m)
	}
	r := im.remarks
	sort.SliceStable(r, order(conf.Files, func(i int) syntax.Position { return r[i].Position }))
	return &Result{Document: im.doc, Remarks: r, Secrets: im.secrets, Files: conf.Files, Scripts: im.scripts}, nil
}

// wantSomething is wrong where a file that is right otherwise has nothing in it to run. What was
// remarked on in reading it may be why, as a file that is not there to be included.
func (im *importer) wantSomething(path string, remarks syntax.Mistakes) {
	r := &im.routing
	if len(r.instances)+len(im.balancing.virtual)+len(r.staticAddresses)+len(r.staticRoutes)+len(r.staticRules) == 0 && len(im.mistakes) == 0 && im.o.Raft == nil {
		nothing := syntax.Mistake{
			Position: syntax.Position{File: path, Line: 1},
			Text:     "there is nothing to run: must have a vrrp_instance, a virtual_server or something static",
		}
		im.mistakes = append(syntax.Mistakes{nothing}, remarks...)
	}
}

// A file of millions of lines is not answered with as many.
const (
	mostTold     = 100     // mistakes
	mostMistakes = 1000    // that are looked for
	mostRemarks  = 200_000 // some for each of tens of thousands of virtual routers
)

// atMost returns the first mistakes, and how many more there are: a mistake in what is
// generated may be there for each time.
func atMost(list syntax.Mistakes) syntax.Mistakes {
	if len(list) <= mostTold {
		return list
	}
	more := syntax.Mistake{Position: list[mostTold].Position, Text: fmt.Sprintf("and %d more mistakes", len(list)-mostTold)}
	if len(list) == mostMistakes {
		more.Text = fmt.Sprintf("and %d more mistakes at least", len(list)-mostTold)
	}
	return append(list[:mostTold:mostTold], more)
}

// order compares elements by the order of the files, and of their lines.
func order(files []string, at func(i int) syntax.Position) func(i, j int) bool {
	rank := make(map[string]int, len(files))
	for i, file := range files {
		rank[file] = i
	}
	return func(i, j int) bool {
		a, b := at(i), at(j)
		if a.File != b.File {
			return rank[a.File] < rank[b.File]
		}
		return a.Line < b.Line
	}
}

// importer is one import: what was read, and what is written.
type importer struct {
	o        Options
	doc      *document.Document
	remarks  []Remark
	mistakes syntax.Mistakes
	said     map[Remark]bool         // see say
	wrongs   map[syntax.Mistake]bool // see mistake
	secrets  map[string]string
	scripts  []Script
	private  map[string]bool // passwords and keys that the file says: see discreet

	nodeTable *document.Table            // see node
	claimed   map[*syntax.Statement]bool // see claim

	routing   routing
	balancing balancing
}

func newImporter(o Options) *importer {
	if o.Files == nil {
		o.Files = syntax.OSFiles{}
	}
	return &importer{
		o:       o,
		doc:     &document.Document{},
		said:    map[Remark]bool{},
		wrongs:  map[syntax.Mistake]bool{},
		secrets: map[string]string{},
		private: map[string]bool{},
		claimed: map[*syntax.Statement]bool{},
		routing: newRouting(),

		balancing: newBalancing(),
	}
}

// rootWords are the words that stand outside of all blocks.
func rootWords() vocabulary[*importer] {
	return joined(routingWords(), balancingWords())
}

// wrong says what is wrong with a statement: it cannot be imported.
func (im *importer) wrong(s *syntax.Statement, text string) {
	im.mistake(s, s.Keyword()+": "+text)
}

// mistake adds what is wrong at the place of a statement, once: the same place may be generated
// many times.
func (im *importer) mistake(s *syntax.Statement, text string) {
	m := syntax.Mistake{Position: s.Position, Text: text}
	if !im.wrongs[m] && len(im.mistakes) < mostMistakes {
		im.wrongs[m] = true
		im.mistakes = append(im.mistakes, m)
	}
}

// lose says that a statement has no equivalent: what keepalived does with it, as "sends a
// mail", and what to use instead.
func (im *importer) lose(s *syntax.Statement, does, instead string) {
	im.say(Remark{Position: s.Position, Word: s.Keyword(), Lost: true, Text: "keepalived " + does + "; " + instead})
}

// note says of a statement that was imported what is different all the same.
func (im *importer) note(at syntax.Position, word, text string) {
	im.say(Remark{Position: at, Word: word, Text: text})
}

// say adds a remark, once. The last one that there may be says so, and is one of something lost,
// since what follows may be.
func (im *importer) say(r Remark) {
	if len(im.remarks) == mostRemarks-1 {
		r = Remark{Position: r.Position, Lost: true, Text: fmt.Sprintf("has more than %d lines to remark on: nothing is said of those that follow", mostRemarks)}
	}
	if !im.said[r] && len(im.remarks) < mostRemarks {
		im.said[r] = true
		im.remarks = append(im.remarks, r)
	}
}
