package e2e

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// routerCrowd is many virtual routers.
type routerCrowd struct {
	name string // of a benchmark
	what string
	setting
}

// crowds are 200 and 1,000 routers, each with three intervals.
func crowds() []routerCrowd {
	var all []routerCrowd
	for _, size := range []struct{ each, links int }{{200, 1}, {250, 4}} {
		for _, interval := range []time.Duration{time.Second, 100 * time.Millisecond, 20 * time.Millisecond} {
			routers := many(size.each, size.links)
			count := grouped(len(routers))
			all = append(all, routerCrowd{
				name:    fmt.Sprintf("%d-%v", len(routers), interval),
				what:    fmt.Sprintf("%s at %g s", count, interval.Seconds()),
				setting: setting{routers, interval},
			})
		}
	}
	return all
}

// grouped writes a number below a million.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// crowdRows measures what crowds cost, and how late their adverts are.
func crowdRows(b *testing.B) (rows []contest) {
	for _, c := range crowds() {
		b.Run(c.name, func(b *testing.B) { rows = append(rows, c.rows(b)...) })
	}
	return rows
}

// crowdFigure is a figure of a crowd.
type crowdFigure struct {
	what  string
	limit string
	of    func(m *crowdMeasures) float64
}

const (
	asKeepalived = "keepalived's"
	asNone       = "keepalived's; 0 if idle"
)

// crowdFigures are the figures, in their order. Lateness is a time between two adverts of a
// router less the interval: it is the same for who keeps to a schedule and for who counts from
// the last advert, and is negative for an advert that comes early after a late one. How far it is
// from 0, either way, shows who sends early.
var crowdFigures = []crowdFigure{
	{"the master, CPU ms/s", asKeepalived, func(m *crowdMeasures) float64 { return m.masterCPU }},
	{"the backup, CPU ms/s", asKeepalived, func(m *crowdMeasures) float64 { return m.backupCPU }},
	{"lateness, median µs", "", func(m *crowdMeasures) float64 { return m.late.µs(0.5) }},
	{"lateness, p99 µs", asKeepalived, func(m *crowdMeasures) float64 { return m.late.µs(0.99) }},
	{"lateness, longest µs", "", func(m *crowdMeasures) float64 { return m.late.µs(1) }},
	{"late or early, p99 µs", "", func(m *crowdMeasures) float64 { return m.off.µs(0.99) }},
	{"adverts of the master, 1/s", "", func(m *crowdMeasures) float64 { return m.masterAdverts }},
	{"adverts of the backup, 1/s", asNone, func(m *crowdMeasures) float64 { return m.backupAdverts }},
	{"the master, resident MB", "60", func(m *crowdMeasures) float64 { return m.masterMB }},
	{"the backup, resident MB", "60", func(m *crowdMeasures) float64 { return m.backupMB }},
}

// crowdMeasures is what was measured of one rival.
type crowdMeasures struct {
	masterCPU, backupCPU         float64 // ms/s
	masterMB, backupMB           float64
	masterAdverts, backupAdverts float64 // 1/s
	late, off                    deviations
}

// crowdRounds is how often each rival is measured, in turns. A figure is the median.
const crowdRounds = 3

// rows measures both rivals. What a rival does that cannot keep up is measured, too.
func (c routerCrowd) rows(b *testing.B) (rows []contest) {
	var measures [len(rivals)][]*crowdMeasures
	for range crowdRounds {
		for i, r := range rivals {
			measures[i] = append(measures[i], c.measure(b, r))
		}
	}
	for _, f := range crowdFigures {
		row := contest{what: c.what + ", " + f.what, limit: f.limit}
		for i, list := range measures {
			row.results[i] = f.median(list)
		}
		rows = append(rows, row)
	}
	return rows
}

// median is that of a figure, of the measures that have it; else it is NaN.
func (f *crowdFigure) median(list []*crowdMeasures) float64 {
	var all []float64
	for _, m := range list {
		if v := f.of(m); !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// measure measures one rival in a lab of its own.
func (c routerCrowd) measure(b *testing.B, r rival) *crowdMeasures {
	p := startDuel(b, r, c.setting)
	defer p.end()
	if err := p.calm(); err != nil {
		b.Logf("%s, %s: %v", c.what, r.name, err)
	}
	m := &crowdMeasures{}
	p.costs(m)
	if err := p.lateness(m); err != nil {
		b.Logf("%s, %s: lateness dropped: %v", c.what, r.name, err)
	}
	return m
}

// calm waits until a pair has settled and is at rest.
func (p *duel) calm() error {
	err := errors.New("it does not settle")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if p.isSettled() {
			err = nil
			break
		}
	}
	time.Sleep(calm)
	return err
}

// costs measures a while in which nobody looks at the adverts.
func (p *duel) costs(m *crowdMeasures) {
	p.b.Helper()
	begin, master, backup := time.Now(), busyTime(p.b, p.master), busyTime(p.b, p.backup)
	time.Sleep(*benchDuring)
	took := time.Since(begin).Seconds()
	m.masterCPU = 1000 * (busyTime(p.b, p.master) - master).Seconds() / took
	m.backupCPU = 1000 * (busyTime(p.b, p.backup) - backup).Seconds() / took
	m.masterMB, m.backupMB = residentMB(p.b, p.master), residentMB(p.b, p.backup)
}

// lateness measures a while in which the adverts of both nodes are noted at the switches. If
// some of them were lost, there is no figure of it.
func (p *duel) lateness(m *crowdMeasures) error {
	p.b.Helper()
	begin := time.Now()
	masters, backups := p.time(p.master), p.time(p.backup)
	time.Sleep(*benchDuring)
	end := time.Now()
	adverts, err := p.times(masters)
	others, err2 := p.times(backups)
	if err := errors.Join(err, err2); err != nil {
		m.masterAdverts, m.backupAdverts = math.NaN(), math.NaN()
		return err
	}
	m.masterAdverts = rate(adverts, begin, end)
	m.backupAdverts = rate(others, begin, end)
	m.late = deviationsOf(adverts, p.interval, begin, end)
	m.off = m.late.absolute()
	return nil
}

// time begins to note the adverts of a node, on each of its links.
func (p *duel) time(d *lab.Daemon) (timings []*lab.Timing) {
	p.b.Helper()
	expected := int(*benchDuring/p.interval) * len(p.routers) / p.links()
	for _, link := range d.Host.Links()[:p.links()] {
		t, err := link.Time(2*expected + 10000)
		must(p.b, err)
		timings = append(timings, t)
	}
	return timings
}

// times ends that, and returns when the adverts of each router have come.
func (p *duel) times(timings []*lab.Timing) (all [][]time.Time, err error) {
	p.b.Helper()
	at := make([]map[uint8][]time.Time, len(timings))
	for i, t := range timings {
		var failed error
		at[i], failed = t.Times()
		err = errors.Join(err, failed)
		must(p.b, t.Close())
	}
	if err != nil {
		return nil, err
	}
	for _, r := range p.routers {
		all = append(all, at[r.link][uint8(r.vrid)])
	}
	return all, nil
}

func rate(adverts [][]time.Time, begin, end time.Time) float64 {
	sum := 0
	for _, times := range adverts {
		sum += len(times)
	}
	return float64(sum) / end.Sub(begin).Seconds()
}
