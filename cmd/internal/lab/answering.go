package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
)

// Answering asks the whole segment of the host's eth0 who has addr, by ARP or
// by a neighbour solicitation, and returns the hosts that answer within the
// time. More than one is what must never be. Ask from a host that does not use
// addr: answers change its neighbour cache.
func (h *Host) Answering(addr netip.Addr, within time.Duration) ([]*Host, error) {
	macs, err := h.AnsweringMACs(addr, within)
	if err != nil {
		return nil, err
	}
	var answering []*Host
	for _, mac := range macs {
		host := h.lab.hostByMAC(mac[:])
		if host == nil {
			return nil, fmt.Errorf("ask from %s who has %s: unknown MAC %s", h.Name, addr, mac)
		}
		if !slices.Contains(answering, host) {
			answering = append(answering, host)
		}
	}
	return answering, nil
}

// AnsweringMACs is Answering for addresses that may have a MAC that is not of one host:
// it returns each that answers once.
func (h *Host) AnsweringMACs(addr netip.Addr, within time.Duration) ([]MAC, error) {
	ask := h.askNDP
	if addr.Is4() {
		ask = h.askARP
	}
	answers, err := ask(addr, within)
	if err != nil {
		return nil, fmt.Errorf("ask from %s who has %s: %w", h.Name, addr, err)
	}
	var macs []MAC
	for _, mac := range answers {
		if !slices.Contains(macs, MAC(mac)) {
			macs = append(macs, MAC(mac))
		}
	}
	return macs, nil
}

func (h *Host) askARP(addr netip.Addr, within time.Duration) ([]net.HardwareAddr, error) {
	var client *arp.Client
	err := h.withEth0(func(ifi *net.Interface) (err error) {
		client, err = arp.Dial(ifi)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ask := func() error { return client.Request(addr) }
	return survey(client, within, ask, func() (net.HardwareAddr, error) {
		packet, _, err := client.Read()
		if err != nil || packet.Operation != arp.OperationReply || packet.SenderIP != addr {
			return nil, err
		}
		return packet.SenderHardwareAddr, nil
	})
}

func (h *Host) askNDP(addr netip.Addr, within time.Duration) ([]net.HardwareAddr, error) {
	group, err := ndp.SolicitedNodeMulticast(addr)
	if err != nil {
		return nil, err
	}
	var conn *ndp.Conn
	err = h.withEth0(func(ifi *net.Interface) (err error) {
		// The name becomes the zone of what is sent, and package net keeps one
		// table of zones for all namespaces. A number is not looked up there.
		ifi.Name = strconv.Itoa(ifi.Index)
		conn, _, err = ndp.Listen(ifi, ndp.Addr(h.Eth0.IPv6.Addr().String()))
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ask := func() error { return conn.WriteTo(h.solicitation(addr), nil, group) }
	return survey(conn, within, ask, func() (net.HardwareAddr, error) {
		message, _, _, err := conn.ReadFrom()
		if err != nil {
			return nil, err
		}
		return advertised(message, addr), nil
	})
}

func (h *Host) withEth0(fn func(*net.Interface) error) error {
	return h.Do(func() error {
		ifi, err := net.InterfaceByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		return fn(ifi)
	})
}

func (h *Host) solicitation(addr netip.Addr) *ndp.NeighborSolicitation {
	return &ndp.NeighborSolicitation{
		TargetAddress: addr,
		Options: []ndp.Option{
			&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: h.Eth0.MAC},
		},
	}
}

// advertised returns the MAC address that a solicited advertisement gives for
// addr, or nil for any other message.
func advertised(message ndp.Message, addr netip.Addr) net.HardwareAddr {
	advert, ok := message.(*ndp.NeighborAdvertisement)
	if !ok || !advert.Solicited || advert.TargetAddress != addr {
		return nil
	}
	for _, option := range advert.Options {
		if lla, ok := option.(*ndp.LinkLayerAddress); ok && lla.Direction == ndp.Target {
			return lla.Addr
		}
	}
	return nil
}

// surveyRounds is how often a question is asked: one may be lost, as on a host
// whose kernel has the IPv6 address but has not joined its group yet.
const surveyRounds = 5

// survey asks, and returns what next reads until the time is over, unless nil.
func survey(
	conn interface{ SetReadDeadline(time.Time) error },
	within time.Duration,
	ask func() error,
	next func() (net.HardwareAddr, error),
) ([]net.HardwareAddr, error) {
	var macs []net.HardwareAddr
	for range surveyRounds {
		if err := conn.SetReadDeadline(time.Now().Add(within / surveyRounds)); err != nil {
			return nil, err
		}
		if err := ask(); err != nil {
			return nil, err
		}
		more, err := collect(next)
		if err != nil {
			return nil, err
		}
		macs = append(macs, more...)
	}
	return macs, nil
}

// collect calls next until its deadline and returns what was not nil.
func collect(next func() (net.HardwareAddr, error)) ([]net.HardwareAddr, error) {
	var macs []net.HardwareAddr
	for {
		mac, err := next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return macs, nil
		}
		if err != nil {
			return nil, err
		}
		if mac != nil {
			macs = append(macs, mac)
		}
	}
}
