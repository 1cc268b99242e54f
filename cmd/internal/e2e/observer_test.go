package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// observer sees who answers for the VIPs of a cluster, and judges whether two do.
type observer struct {
	*lab.Observer
	c      *cluster
	judge  lab.Judge
	reigns []lab.Reign
	read   map[*lab.Node]int // bytes of its log
}

// verdict is what the observer saw since it was last asked.
type verdict struct {
	lab.Observation
	violations []lab.Violation
}

// observe starts observing the VIPs from the client's namespace.
func (c *cluster) observe() *observer {
	c.t.Helper()
	seen, err := c.net.client.Observe(c.addresses()...)
	c.must(err)
	return &observer{Observer: seen, c: c, read: map[*lab.Node]int{}}
}

// verdict judges what was seen since the last verdict.
func (o *observer) verdict() verdict {
	o.c.t.Helper()
	seen, err := o.Take()
	o.c.must(err)
	for _, n := range o.c.Nodes {
		o.c.must(o.readLog(n))
	}
	return verdict{seen, o.judge.Judge(seen.Sightings, o.reigns)}
}

// readLog reads the elections that the node won since the log was last read.
func (o *observer) readLog(n *lab.Node) error {
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		return err
	}
	end := bytes.LastIndexByte(log, '\n') + 1
	for line := range bytes.Lines(log[o.read[n]:end]) {
		if !bytes.Contains(line, []byte(`msg="election won"`)) {
			continue
		}
		r, err := readReign(line)
		if err != nil {
			return fmt.Errorf("log of %s: %w: %s", n.Name, err, line)
		}
		r.MAC = lab.MAC(n.Host.Eth0.MAC)
		o.reigns = append(o.reigns, r)
	}
	o.read[n] = end
	return nil
}

func readReign(line []byte) (r lab.Reign, err error) {
	for field := range bytes.FieldsSeq(line) {
		if value, ok := bytes.CutPrefix(field, []byte("time=")); ok && err == nil {
			r.From, err = time.Parse(time.RFC3339Nano, string(value))
		}
		if value, ok := bytes.CutPrefix(field, []byte("term=")); ok && err == nil {
			r.Term, err = strconv.ParseUint(string(value), 10, 64)
		}
	}
	return r, err
}

// twice is for how long two answered, for the VIP for which they did so for longer.
func (v verdict) twice() (longest time.Duration) {
	sums := map[netip.Addr]time.Duration{}
	for _, x := range v.violations {
		sums[x.Addr] += x.For()
		longest = max(longest, sums[x.Addr])
	}
	return longest
}

// neverTwoAnswers fails the case when two nodes answer for a VIP from now until its
// end, or when nobody was seen to.
func (c *cluster) neverTwoAnswers() *observer {
	c.t.Helper()
	o := c.observe()
	c.t.Cleanup(func() {
		v := o.verdict()
		if o.reigns == nil || v.Asked == 0 {
			c.t.Error("the observer saw nothing")
		}
		for _, x := range v.violations {
			c.t.Error(x)
		}
	})
	return o
}
