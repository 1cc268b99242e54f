package checker

import (
	"context"
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
	case len(name) > unitNameMax || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, notInUnitName):
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
	path, err := conn.loadUnit(ctx, c.name)
	if err != nil {
		return err
	}
	c.path.Store(&path)
	state, err := conn.property(ctx, path, unitIface, "ActiveState")
	if err != nil || isActive(state) {
		return err
	}
	return c.reason(ctx, conn, path, state)
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
func (c *unitCheck) reason(ctx context.Context, conn *busConn, path, state string) error {
	load, err := conn.property(ctx, path, unitIface, "LoadState")
	if err != nil {
		return err
	}
	if load != "loaded" && load != "merged" {
		return because("unit %s is not loaded (%s)", c.name, load)
	}
	iface, property, format := unitIface, "SubState", "unit %s is %s (%s)"
	if state == "failed" {
		iface, property, format = c.iface, "Result", "unit %s is %s (result: %s)"
	}
	more, err := conn.property(ctx, path, iface, property)
	if failure := (*busFailure)(nil); errors.As(err, &failure) {
		return because("unit %s is %s", c.name, state)
	}
	if err != nil {
		return err
	}
	return because(format, c.name, state, more)
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

// loadUnit returns the path of a unit's object.
func (c *busConn) loadUnit(ctx context.Context, name string) (string, error) {
	return c.text(ctx, systemdName, systemdPath, managerIface, "LoadUnit", name)
}

// property returns a property that is a text.
func (c *busConn) property(ctx context.Context, path, iface, name string) (string, error) {
	return c.text(ctx, systemdName, path, propertiesFace, "Get", iface, name)
}

// text calls a method that returns a text.
func (c *busConn) text(ctx context.Context, destination, path, iface, member string, texts ...string) (string, error) {
	answer, err := c.Call(ctx, destination, path, iface, member, texts...)
	if err != nil {
		return "", err
	}
	text, err := answer.text()
	if err != nil {
		return "", because("systemd answers %s with a value that is no text", member)
	}
	return text, nil
}
