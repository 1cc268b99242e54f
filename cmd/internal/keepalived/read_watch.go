package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// trackFile is a track_file.
type trackFile struct {
	by      *syntax.Statement
	path    said[string]
	weight  weight
	initial said[int] // the number that keepalived writes into a file that is missing
}

func readTrackFile(im *importer, s *syntax.Statement, _ *importer) {
	f := &trackFile{by: s, weight: weight{value: 1}}
	w := im.define(s, watchesFile)
	readBlock(im, s.Keyword(), im.block(s), im.routing.words.file, f)
	if s.Braces && !f.path.given() {
		im.wrong(s, "has no file")
	}
	if w != nil {
		w.weight, w.file, w.write = f.weight, f, im.fileWriter(f)
	}
}

func fileWords() vocabulary[*trackFile] {
	return vocabulary[*trackFile]{
		"file": means(func(im *importer, s *syntax.Statement, f *trackFile) {
			path, ok := im.one(s)
			switch {
			case ok && !strings.HasPrefix(path, "/"):
				im.wrong(s, quoted(path)+" must begin with a slash")
			case f.path.given():
				im.again(s, f.path.by)
				return
			}
			f.path = said[string]{path, s}
		}),
		"weight": means(func(im *importer, s *syntax.Statement, f *trackFile) {
			f.weight = im.weight(s, math.MaxInt32, f.weight)
		}),
		"init_file": means(readInitial),
	}
}

// readInitial reads init_file [NUMBER] [overwrite]. Nothing writes the file here.
func readInitial(im *importer, s *syntax.Statement, f *trackFile) {
	args := s.Args()
	if n := len(args); n > 0 && args[n-1] == "overwrite" {
		im.lose(s, "writes a number into the file as it starts, whatever is in it", "let ExecStartPre= of perch's unit do so")
		args = args[:n-1]
	}
	f.initial = said[int]{by: s}
	if len(args) == 0 {
		return
	}
	n, err := strconv.Atoi(args[0])
	if len(args) > 1 || err != nil || n < math.MinInt32 || n > math.MaxInt32 {
		im.wrong(s, quoted(strings.Join(args, " "))+" must be a number, with overwrite behind it or without")
		return
	}
	f.initial.value = min(max(n, -mostWeight), mostWeight)
	if n != 0 {
		im.remark(s, fmt.Sprintf("perch writes no file: while there is none, also after it was removed, its number is %d", f.initial.value))
	}
}

// trackProcess is a vrrp_track_process.
type trackProcess struct {
	by          *syntax.Statement
	argv        said[[]string]
	whole       bool // full_command
	weight      weight
	quorum      said[int]
	quorumMax   said[int]
	forked, end said[time.Duration]
}

func readProcess(im *importer, s *syntax.Statement, _ *importer) {
	p := &trackProcess{by: s}
	w := im.define(s, watchesProcess)
	readBlock(im, "vrrp_track_process", im.block(s), im.routing.words.process, p)
	if s.Braces && !p.argv.given() {
		im.wrong(s, "has no process")
	}
	if w != nil {
		w.weight, w.write = p.weight, im.processWriter(p)
	}
}

func processWords() vocabulary[*trackProcess] {
	return vocabulary[*trackProcess]{
		"process": means(func(im *importer, s *syntax.Statement, p *trackProcess) {
			switch {
			case len(s.Args()) == 0 || s.Args()[0] == "":
				im.wrong(s, "missing; must have the name of a program")
			case p.argv.given():
				im.again(s, p.argv.by)
				return
			}
			p.argv = said[[]string]{s.Args(), s}
		}),
		"full_command": means(func(_ *importer, _ *syntax.Statement, p *trackProcess) { p.whole = true }),
		"param_match": means(func(im *importer, s *syntax.Statement, p *trackProcess) {
			p.whole = true
			switch mode, ok := im.one(s); {
			case !ok:
			case mode == "initial" || mode == "partial":
			default:
				im.wrong(s, quoted(mode)+" must be initial or partial")
			}
		}),
		"weight": means(func(im *importer, s *syntax.Statement, p *trackProcess) {
			p.weight = im.weight(s, 254, p.weight)
		}),
		"quorum":          keepNumber(1, 65535, func(p *trackProcess) *said[int] { return &p.quorum }),
		"quorum_max":      keepNumber(0, 65535, func(p *trackProcess) *said[int] { return &p.quorumMax }),
		"fork_delay":      keepTimer(time.Microsecond, time.Hour, func(p *trackProcess) *said[time.Duration] { return &p.forked }),
		"terminate_delay": keepTimer(time.Microsecond, time.Hour, func(p *trackProcess) *said[time.Duration] { return &p.end }),
		"delay": means(func(im *importer, s *syntax.Statement, p *trackProcess) {
			if d, ok := im.timer(s, time.Microsecond, time.Hour); ok {
				keep(im, &p.forked, d, s)
				keep(im, &p.end, d, s)
			}
		}),
	}
}

// bfd is a bfd_instance.
type bfd struct {
	by               *syntax.Statement
	neighbor, source said[netip.Addr]
	rx, tx           said[time.Duration]
	multiplier       said[int]
	hops             said[int]
	multihop         said[bool]
	weight           weight
	routers, servers said[bool] // vrrp and checker: for whom it is
}

func readBFD(im *importer, s *syntax.Statement, _ *importer) {
	b := &bfd{by: s}
	w := im.define(s, watchesBFD)
	readBlock(im, "bfd_instance", im.block(s), im.routing.words.bfd, b)
	if s.Braces && !b.neighbor.given() {
		im.wrong(s, "has no neighbor_ip")
	}
	if b.servers.given() && !b.routers.given() {
		im.remark(b.servers.by, "with it keepalived heeds no track_bfd of a virtual router: here each counts")
	}
	im.lose(s, "speaks BFD with a neighbor", "a check whether it answers stands in where it is tracked: the neighbor itself notices nothing")
	if w != nil {
		w.weight, w.write = b.weight, im.bfdWriter(b)
	}
}

func bfdWords() vocabulary[*bfd] {
	v := vocabulary[*bfd]{
		"source_ip":  keepAddress(func(b *bfd) *said[netip.Addr] { return &b.source }),
		"min_rx":     keepMilliseconds(func(b *bfd) *said[time.Duration] { return &b.rx }),
		"min_tx":     keepMilliseconds(func(b *bfd) *said[time.Duration] { return &b.tx }),
		"multiplier": keepNumber(1, 255, func(b *bfd) *said[int] { return &b.multiplier }),
		"max_hops":   keepNumber(-1, 255, func(b *bfd) *said[int] { return &b.hops }),
		"multihop":   keepFlag(func(b *bfd) *said[bool] { return &b.multihop }),
		"weight": means(func(im *importer, s *syntax.Statement, b *bfd) {
			b.weight = im.weight(s, 253, b.weight)
		}),
	}
	v.all(keepAddress(func(b *bfd) *said[netip.Addr] { return &b.neighbor }), "neighbor_ip", "neighbour_ip")
	v["passive"] = needless[*bfd]()
	v["vrrp"] = keepOn(func(b *bfd) *said[bool] { return &b.routers })
	v["checker"] = keepOn(func(b *bfd) *said[bool] { return &b.servers })
	v.all(needlessNumber[*bfd](1, 255), "ttl", "hoplimit")
	v["idle_tx"] = needlessNumber[*bfd](1000, 4294967) // milliseconds
	return v
}

// keepMilliseconds is a keyword with a number of milliseconds, with a fraction or without.
func keepMilliseconds[T any](at func(T) *said[time.Duration]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		arg, ok := im.one(s)
		if !ok {
			return
		}
		n, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(n >= 1 && n <= 4294967) {
			im.wrong(s, quoted(arg)+" must be milliseconds from 1 to 4294967")
			return
		}
		keep(im, at(into), time.Duration(math.Round(n*1000))*time.Microsecond, s)
	})
}
