//go:build ipvs

package balance

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// director is a host that may hold VIPs and balances.
type director struct {
	*lab.Host
	bed *bed
}

func newDirector(b *bed, h *lab.Host) *director {
	b.t.Helper()
	must(b.t, h.Do(func() error {
		return errors.Join(
			set("ipv4/ip_forward", "1"),
			set("ipv6/conf/all/forwarding", "1"),
			set("ipv4/conf/all/send_redirects", "0"), // servers and clients are on one switch
			set("ipv4/conf/eth0/send_redirects", "0"),
			addAddress("eth0", insideOf(h, ipv4)),
			addAddress("eth0", insideOf(h, ipv6)),
		)
	}))
	return &director{Host: h, bed: b}
}

// hold gives the director addresses, as perch would.
func (d *director) hold(addrs ...netip.Addr) {
	d.bed.t.Helper()
	must(d.bed.t, d.Do(func() (err error) {
		for _, addr := range addrs {
			err = errors.Join(err, addAddress("eth0", single(addr)))
		}
		return err
	}))
	d.bed.forget(addrs...)
}

// ipvsadm runs ipvsadm(8) with the lines as its input and returns what it printed.
func (d *director) ipvsadm(lines string, args ...string) string {
	d.bed.t.Helper()
	out, err := d.run(lines, "ipvsadm", args...)
	must(d.bed.t, err)
	return out
}

func (d *director) run(input, command string, args ...string) (output string, err error) {
	return run(d.Host, input, command, args...)
}

func run(h *lab.Host, input, command string, args ...string) (output string, err error) {
	cmd := exec.Command(command, args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &out
	process, err := h.Start(cmd)
	if err != nil {
		return "", err
	}
	if err := process.Err(); err != nil {
		return out.String(), fmt.Errorf("%s %s on %s: %w: %s", command, strings.Join(args, " "), h.Name, err, &out)
	}
	return out.String(), nil
}

// balance has the director balance the web services of modes over all servers, by
// ipvsadm with rr.
func (d *director) balance(of ...mode) {
	d.bed.t.Helper()
	var rules strings.Builder
	for _, m := range of {
		for _, f := range families {
			fmt.Fprintf(&rules, "-A -t %s -s rr\n", m.service(f))
			for _, w := range d.bed.webs {
				fmt.Fprintf(&rules, "-a -t %s -r %s %s -w 1\n", m.service(f), m.realServer(w, f), m.flag)
			}
		}
	}
	d.ipvsadm(rules.String(), "-R")
}
