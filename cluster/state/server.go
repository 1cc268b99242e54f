package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// Limits of the orders that are remembered, so that a snapshot stays small.
const (
	OrdersLimit  = 4096  // servers with an order
	ServiceLimit = 128   // bytes of a service's name as JSON writes it, quotes included
	ServerLimit  = 72    // likewise of a server's
	MaxWeight    = 65535 // of a WantWeight
)

// Errors of Apply for a Server.
var (
	ErrTooManyOrders = fmt.Errorf("%d servers have orders already, which is the limit", OrdersLimit)
	ErrBadOrder      = errors.New("order is not as it must be")
)

// Want is what an operator wants of a real server.
type Want string

// The wants.
const (
	WantDrain   Want = "drain"   // no new connections
	WantUndrain Want = "undrain" // connections again
	WantWeight  Want = "weight"  // another weight than the configured one
	WantDefault Want = "default" // the configured weight again
)

// Server is an operator's order for a real server of a service.
type Server struct {
	Service string `json:"service"`
	Server  string `json:"server"`
	Want    Want   `json:"want"`
	Weight  uint32 `json:"weight,omitempty"` // of WantWeight
}

// Order is what stands for a real server, never the zero value.
type Order struct {
	Drain  bool    `json:"drain,omitempty"`
	Weight *uint32 `json:"weight,omitempty"` // never changed in place
}

// Orders are what stands, by service and server.
type Orders map[string]map[string]Order

// count returns how many servers have orders.
func (o Orders) count() int {
	n := 0
	for _, servers := range o {
		n += len(servers)
	}
	return n
}

// with returns the orders with another one for a server; the zero value is for none.
// What it is made from stays as it is.
func (o Orders) with(service, server string, order Order) Orders {
	all, servers := maps.Clone(o), maps.Clone(o[service])
	if all == nil {
		all = Orders{}
	}
	if servers == nil {
		servers = map[string]Order{}
	}
	servers[server] = order
	if order == (Order{}) {
		delete(servers, server)
	}
	all[service] = servers
	if len(servers) == 0 {
		delete(all, service)
	}
	return all
}

// applyServer gives an order. An entry that a newer perch has written, with a want that
// this one does not know, is ErrUnknownCommand.
func (s *State) applyServer(c Server) error {
	order, known := s.Servers[c.Service][c.Server]
	switch c.Want {
	case WantDrain:
		order.Drain = true
	case WantUndrain:
		order.Drain = false
	case WantWeight:
		order.Weight = &c.Weight
	case WantDefault:
		order.Weight = nil
	default:
		return fmt.Errorf("%w: a server's %.20q", ErrUnknownCommand, c.Want)
	}
	if err := checkOrder(c.Service, c.Server, order); err != nil {
		return err
	}
	if !known && order != (Order{}) && s.Servers.count() >= OrdersLimit {
		return ErrTooManyOrders
	}
	s.Servers = s.Servers.with(c.Service, c.Server, order)
	return nil
}

// checkOrder returns an error for an order that is not to be remembered.
func checkOrder(service, server string, order Order) error {
	switch {
	case !fits(service, ServiceLimit):
		return fmt.Errorf("%w: the service's name is empty or too long", ErrBadOrder)
	case !fits(server, ServerLimit):
		return fmt.Errorf("%w: the server's name is empty or too long", ErrBadOrder)
	case order.Weight != nil && *order.Weight > MaxWeight:
		return fmt.Errorf("%w: weight %d, at most %d is possible", ErrBadOrder, *order.Weight, MaxWeight)
	}
	return nil
}

func fits(name string, limit int) bool {
	quoted, err := json.Marshal(name)
	return err == nil && name != "" && len(quoted) <= limit
}

// checked returns the orders of a snapshot, without those that ask for nothing: a newer
// perch may know of more to ask for.
func (o Orders) checked() (Orders, error) {
	if o.count() > OrdersLimit {
		return nil, fmt.Errorf("%d servers with orders, at most %d are kept", o.count(), OrdersLimit)
	}
	for service, servers := range o {
		for server, order := range servers {
			if err := checkOrder(service, server, order); err != nil {
				return nil, err
			}
			if order == (Order{}) {
				delete(servers, server)
			}
		}
		if len(servers) == 0 {
			delete(o, service)
		}
	}
	return o, nil
}
