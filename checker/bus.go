package checker

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

const (
	busName  = "org.freedesktop.DBus"
	busPath  = "/org/freedesktop/DBus"
	busIface = "org.freedesktop.DBus"

	systemdName    = "org.freedesktop.systemd1"
	systemdPath    = "/org/freedesktop/systemd1"
	managerIface   = "org.freedesktop.systemd1.Manager"
	unitIface      = "org.freedesktop.systemd1.Unit"
	propertiesFace = "org.freedesktop.DBus.Properties"

	changedSignal = "PropertiesChanged"
	ownerSignal   = "NameOwnerChanged"

	// unitRule is for the signals of all units: it costs less than a rule for each.
	unitRule = "type='signal',sender='" + systemdName + "',interface='" + propertiesFace + "',member='" +
		changedSignal + "',path_namespace='" + systemdPath + "/unit',arg0='" + unitIface + "'"
	ownerRule = "type='signal',sender='" + busName + "',interface='" + busIface + "',member='" +
		ownerSignal + "',arg0='" + systemdName + "'"
)

// bus is the connection to the system bus that all checks of units share. It is made when
// one of them needs it, and anew when one needs it after it was lost.
type bus struct {
	address  string
	patience time.Duration // of one attempt to connect
	wanted   bell
	units    listeners[string] // by the path of their object

	mu      sync.Mutex
	conn    *busConn // nil for none
	attempt *attempt // the one that comes next, or goes on
}

// attempt is one to connect.
type attempt struct {
	done chan struct{} // closed when err is known
	conn *busConn
	err  error
}

func newAttempt() *attempt { return &attempt{done: make(chan struct{})} }

// newBus returns the bus at an address, that of the system if it is "".
func newBus(address string) *bus {
	if address == "" {
		address = busDefault
	}
	return &bus{address: address, patience: busPatience, wanted: newBell(), attempt: newAttempt()}
}

func systemBusAddress() string { return os.Getenv("DBUS_SYSTEM_BUS_ADDRESS") }

// Conn returns the connection, or why there is none.
func (b *bus) Conn(ctx context.Context) (*busConn, error) {
	b.mu.Lock()
	conn, next := b.conn, b.attempt
	b.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	b.wanted.ring()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-next.done:
		return next.conn, next.err
	}
}

// Run connects whenever that is wanted, until ctx ends.
func (b *bus) Run(ctx context.Context) {
	b.wanted.answer(ctx, func() { b.session(ctx) })
}

// session is one connection, from its begin to its end.
func (b *bus) session(ctx context.Context) {
	greeting, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	conn, err := openBus(greeting, b.address, b.take)
	if err != nil {
		b.publish(nil, err)
		return
	}
	var reading sync.WaitGroup
	reading.Go(conn.Read)
	defer reading.Wait()
	defer conn.Close()
	if err := conn.greet(greeting); err != nil {
		b.publish(nil, err)
		return
	}
	b.publish(conn, nil)
	select {
	case <-ctx.Done():
	case <-conn.ended:
	}
	b.withdraw()
	b.units.TellAll()
}

// publish tells those who wait how an attempt went.
func (b *bus) publish(conn *busConn, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempt.conn, b.attempt.err = conn, err
	close(b.attempt.done)
	b.conn, b.attempt = conn, newAttempt()
}

func (b *bus) withdraw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = nil
}

// take hears that a unit has changed. When systemd comes, goes or is another, it has
// forgotten who subscribed.
func (b *bus) take(conn *busConn, m busMessage) {
	switch {
	case m.kind != busSignal:
	case m.iface == propertiesFace && m.member == changedSignal:
		b.units.Tell(m.path)
	case m.iface == busIface && m.member == ownerSignal:
		conn.Close()
	}
}

// greet makes a connection one that hears of units.
func (c *busConn) greet(ctx context.Context) error {
	if _, err := c.Call(ctx, busName, busPath, busIface, "Hello"); err != nil {
		return err
	}
	for _, rule := range [...]string{ownerRule, unitRule} {
		if _, err := c.Call(ctx, busName, busPath, busIface, "AddMatch", rule); err != nil {
			return err
		}
	}
	_, err := c.Call(ctx, systemdName, systemdPath, managerIface, "Subscribe")
	if failure := (*busFailure)(nil); errors.As(err, &failure) {
		return nil // a look says more about it
	}
	return err
}
