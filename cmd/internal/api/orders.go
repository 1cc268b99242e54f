package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Orders of ServerOrder.Order.
const (
	OrderDrain   = "drain"   // no new connections
	OrderUndrain = "undrain" // connections again
	OrderWeight  = "weight"  // Weight in place of the configured one
	OrderDefault = "default" // the configured weight again
)

// MaxServerWeight is the highest weight of an order.
const MaxServerWeight = 65535

// ServerName names a real server of a service. In a request both may be written in any
// way that fits one only; in an answer they are as in the status.
type ServerName struct {
	Service string `json:"service"`
	Server  string `json:"server"`
}

// ServerOrder is what an operator wants of a real server.
type ServerOrder struct {
	ServerName
	Order  string  `json:"order"`
	Weight *uint32 `json:"weight,omitempty"` // of OrderWeight, and of that only
}

// ServerReport is a real server as the node sees it that connections go through.
type ServerReport struct {
	ServerName
	Node     string `json:"node"`
	Protocol string `json:"protocol"`
	Found    Server `json:"found"`
}

const (
	orderPath  = "/v1/server/order"
	reportPath = "/v1/server/report"
)

// orderer is what both APIs have in common about real servers.
type orderer interface {
	OrderServer(ctx context.Context, o ServerOrder) (ServerName, error)
	ReportServer(ctx context.Context, n ServerName) (ServerReport, error)
}

func order(b orderer) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var o ServerOrder
		if err := decode(body, &o); err != nil {
			return nil, err
		}
		if err := errors.Join(o.ServerName.check(), o.check()); err != nil {
			return nil, Invalid(err)
		}
		return b.OrderServer(ctx, o)
	}
}

// reportServer takes what a later version may ask for besides, as it changes nothing.
func reportServer(b orderer) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var n ServerName
		if err := json.Unmarshal(body, &n); err != nil {
			return nil, Invalid(fmt.Errorf("request body: %w", err))
		}
		if err := n.check(); err != nil {
			return nil, Invalid(err)
		}
		return b.ReportServer(ctx, n)
	}
}

func (n ServerName) check() error {
	switch {
	case n.Service == "":
		return errors.New("the service's name is empty")
	case n.Server == "":
		return errors.New("the server's address is empty")
	}
	return nil
}

func (o ServerOrder) check() error {
	switch o.Order {
	case OrderDrain, OrderUndrain, OrderDefault:
		if o.Weight != nil {
			return fmt.Errorf("order %q has a weight, %d, and none is for it", o.Order, *o.Weight)
		}
	case OrderWeight:
		if o.Weight == nil || *o.Weight > MaxServerWeight {
			return fmt.Errorf("order %q needs a weight of 0 to %d", o.Order, MaxServerWeight)
		}
	default:
		return fmt.Errorf("order %q is not one of %s, %s, %s and %s", o.Order, OrderDrain, OrderUndrain, OrderWeight, OrderDefault)
	}
	return nil
}
