package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// unitNameMax is the longest name of a unit (systemd.unit(5)).
const unitNameMax = 255

// unitIfaces are the interfaces of the types of units, by the end of their names, where
// these say how a unit ended.
func unitIfaces(kind string) (string, bool) {
	switch kind {
	case "service", "socket", "mount", "automount", "swap", "timer", "path", "scope", "slice", "target", "device":
		return systemdName + "." + strings.ToUpper(kind[:1]) + kind[1:], true
	}
	return "", false
}

// unitCheck looks whether a unit of systemd is active.
type unitCheck struct {
	bus   *bus
	name  string
	iface string                 // of its type
	path  atomic.Pointer[string] // of its object, as last seen
}

func newUnit(h *Host, s Spec) (Checker, error) {
	name := s.Target
	iface, known := unitIfaces(name[strings.LastIndexByte(name, '.')+1:])
	switch {
	case !known:
		return nil, fmt.Errorf("unit %q: must end with a type, such as .service", name)
	case len(name) > unitNameMax || strings.ContainsRune(".@", rune(name[0])) || strings.ContainsFunc(name, notInUnitName):
		return nil, fmt.Errorf("unit %q: is no name of a unit", name)
	case isTemplate(name):
		return nil, fmt.Errorf("unit %q: is a template, of which no instance is named", name)
	}
	return &unitCheck{bus: h.bus, name: name, iface: iface}, nil
}

// isTemplate tells whether nothing is between the "@" of a name and its type.
func isTemplate(name string) bool {
	at := strings.IndexByte(name, '@')
	return at >= 0 && at+1 == strings.LastIndexByte(name, '.')
}

func notInUnitName(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(`:-_.\@`, r)
}

// askAgain is after which time systemd is asked again where nobody has answered for it.
const askAgain = 50 * time.Millisecond

// busMissing is an error of a look that has met no bus.
type busMissing struct{ error }

// Check asks systemd. Where nobody answers for it, as while it or the bus is started anew,
// it is asked again until the time is up: that says nothing of the unit.
func (c *unitCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	err := c.look(ctx)
	for nobodyAnswers(err) && ctx.Err() == nil {
		pause(ctx, askAgain)
		if next := c.look(ctx); !errors.Is(next, context.DeadlineExceeded) && !errors.Is(next, context.Canceled) {
			err = next
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Finding{}, because("the system bus does not answer within %v", patience)
	}
	if missing, is := errors.AsType[busMissing](err); is {
		return Finding{}, because("no system bus: %v", explain(missing.error))
	}
	if failure, is := errors.AsType[*busFailure](err); is {
		return Finding{}, because("ask systemd for unit %s: %v", c.name, failure)
	}
	return Finding{}, explain(err)
}

// nobodyAnswers tells whether an error, of a look whose time is not up, says that systemd is
// not there to be asked.
func nobodyAnswers(err error) bool {
	_, missing := errors.AsType[busMissing](err)
	if missing || errors.Is(err, errBusGone) || errors.Is(err, context.DeadlineExceeded) { // of an attempt to connect
		return true
	}
	failure, is := errors.AsType[*busFailure](err)
	return is && slices.Contains([]string{
		"org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.NoReply",
		"org.freedesktop.DBus.Error.Disconnected",
		"org.freedesktop.DBus.Error.TimedOut",
	}, failure.name) // the bus answers so in place of who was asked
}

func (c *unitCheck) look(ctx context.Context) error {
	conn, err := c.bus.Conn(ctx)
	if err != nil {
		return noBus(err)
	}
	unit, err := conn.unit(ctx, c.name)
	if err != nil {
		return err
	}
	c.path.Store(&unit.path)
	if isActive(unit.active) {
		return nil
	}
	return c.reason(ctx, conn, unit)
}

func noBus(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return busMissing{err}
}

// isActive reports whether a unit does its work in a state (systemd's org.freedesktop.systemd1).
func isActive(state string) bool {
	return state == "active" || state == "reloading" || state == "refreshing"
}

// reason says more about a unit that is not active.
func (c *unitCheck) reason(ctx context.Context, conn *busConn, unit unitState) error {
	switch {
	case unit.load != "loaded" && unit.load != "merged":
		return because("unit %s is not loaded (%s)", c.name, unit.load)
	case unit.active != "failed":
		return because("unit %s is %s (%s)", c.name, unit.active, unit.sub)
	}
	result, err := conn.property(ctx, unit.path, c.iface, "Result")
	if failure := (*busFailure)(nil); errors.As(err, &failure) || result == "success" { // it was just started again
		return because("unit %s is %s", c.name, unit.active)
	}
	if err != nil {
		return err
	}
	return because("unit %s is failed (result: %s)", c.name, result)
}

// Watch hears from systemd when a property of the unit changes, and when the bus is lost.
// It begins with the first look, which connects.
func (c *unitCheck) Watch(ctx context.Context, changed func()) error {
	c.bus.units.Listen(ctx, c.concerns, changed)
	return nil
}

func (c *unitCheck) concerns(path string) bool {
	mine := c.path.Load()
	return mine != nil && *mine == path
}

// unitState is what systemd says of a unit.
type unitState struct {
	load, active, sub string
	path              string // of its object, which for an alias is that of the unit
}

// unit asks systemd about a unit, in one call: so what it says is of one moment, and a unit
// that is in no use, which systemd forgets between calls, is read from the disk once.
func (c *busConn) unit(ctx context.Context, name string) (unitState, error) {
	list := busWriter{order: binary.LittleEndian}
	list.Uint32(uint32(4 + len(name) + 1)) // of one text, with its length and end
	list.String(name)
	answer, err := c.call(ctx, busMessage{
		kind: busCall, destination: systemdName, path: systemdPath, iface: managerIface, member: "ListUnitsByNames",
		signature: "as", body: list.b,
	})
	if err != nil {
		return unitState{}, err
	}
	unit, err := answer.unit()
	if err != nil {
		return unitState{}, because("systemd answers with what is no list of that unit")
	}
	return unit, nil
}

// unit returns the first unit of the list that is the body.
func (m busMessage) unit() (unitState, error) {
	if m.signature != "a(ssssssouso)" {
		return unitState{}, errBusType
	}
	r := busReader{b: m.body, order: m.order()}
	if r.Uint32() == 0 {
		return unitState{}, errBusType
	}
	r.align(8)
	_, _ = r.String(), r.String() // its name and description
	u := unitState{load: r.String(), active: r.String(), sub: r.String()}
	_ = r.String() // the unit that it follows
	u.path = r.String()
	return u, r.err
}

// property returns a property that is a text.
func (c *busConn) property(ctx context.Context, path, iface, name string) (string, error) {
	answer, err := c.Call(ctx, systemdName, path, propertiesFace, "Get", iface, name)
	if err != nil {
		return "", err
	}
	text, err := answer.text()
	if err != nil {
		return "", because("systemd answers with a %s that is no text", name)
	}
	return text, nil
}
