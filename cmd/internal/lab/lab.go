package lab

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
)

// Lab is a set of switches and hosts. Its methods may be called from several
// goroutines; so may those of its parts.
type Lab struct {
	mu       sync.Mutex
	switches []*Switch
	hosts    []*Host
	watchers []io.Closer // pingers and watches, ended first
	closed   bool
}

// New returns an empty lab, or a *MissingError when this machine or this user
// cannot have one.
func New() (*Lab, error) {
	probe, err := newNamespace()
	if err != nil {
		return nil, err
	}
	if err := probe.close(); err != nil {
		return nil, err
	}
	return &Lab{}, nil
}

// Close kills what runs in the lab and removes it. It may be called again.
func (l *Lab) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	watchers, hosts, switches := l.watchers, l.hosts, l.switches
	l.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	for _, w := range watchers {
		errs = append(errs, w.Close())
	}
	for _, h := range hosts {
		errs = append(errs, h.close())
	}
	for _, sw := range switches {
		errs = append(errs, sw.ns.close())
	}
	return errors.Join(errs...)
}

// Hosts returns the hosts in the order they were added.
func (l *Lab) Hosts() []*Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.hosts)
}

// hostByMAC returns the host that has an interface with the MAC address, or nil.
func (l *Lab) hostByMAC(mac net.HardwareAddr) *Host {
	for _, h := range l.Hosts() {
		for _, link := range h.Links() {
			if slices.Equal(link.MAC, mac) {
				return h
			}
		}
	}
	return nil
}

// begin calls start, unless the lab is closed, and lets c end with the lab.
func (l *Lab) begin(c io.Closer, start func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	l.watchers = append(l.watchers, c)
	start() // before anybody closes c
	return nil
}
