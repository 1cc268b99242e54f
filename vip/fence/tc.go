package fence

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	clsactHandle = 0xffff0000
	tcPatience   = 5 // seconds in which the kernel has to answer
	dumpTries    = 5
)

// parent is where the filters of a direction hang.
func (d direction) parent() uint32 {
	if d == ingress {
		return netlink.HANDLE_MIN_INGRESS
	}
	return netlink.HANDLE_MIN_EGRESS
}

// filter is what the fence needs to know of a traffic control filter.
type filter struct {
	kind     string
	priority uint16
	handle   uint32
	name     string // of kind bpf, as are these
	program  ebpf.ProgramID
}

func (f filter) String() string {
	if f.name != "" {
		return fmt.Sprintf("filter %s %q of priority %d", f.kind, f.name, f.priority)
	}
	return fmt.Sprintf("filter %s of priority %d", f.kind, f.priority)
}

// traffic reads the state of traffic control. netlink.Handle could, too, but fails
// where a filter of somebody else is not as it expects.
type traffic struct {
	sockets map[int]*nl.SocketHandle
}

// openTraffic works in the namespace of the calling thread from then on.
func openTraffic() (*traffic, error) {
	socket, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	t := &traffic{map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}}
	if err := socket.SetReceiveTimeout(&unix.Timeval{Sec: tcPatience}); err != nil {
		t.close()
		return nil, fmt.Errorf("set netlink timeout: %w", err)
	}
	return t, nil
}

func (t *traffic) close() {
	for _, handle := range t.sockets {
		handle.Close()
	}
}

// filters are those that see each packet of an interface, in their order: filters in
// other chains than 0 only see what a filter sends them.
func (t *traffic) filters(index int, d direction) ([]filter, error) {
	answers, err := t.dump(unix.RTM_GETTFILTER, unix.RTM_NEWTFILTER, index, d.parent())
	if err != nil {
		return nil, fmt.Errorf("list filters: %w", err)
	}
	var list []filter
	for _, answer := range answers {
		f, ok, err := parseFilter(answer)
		if err != nil {
			return nil, fmt.Errorf("list filters: %w", err)
		}
		if ok {
			list = append(list, f)
		}
	}
	return list, nil
}

// qdiscs is the kinds of the qdiscs at which filters of ingress hang ("clsact" or
// "ingress"), by the index of the interface.
func (t *traffic) qdiscs() (map[int]string, error) {
	answers, err := t.dump(unix.RTM_GETQDISC, unix.RTM_NEWQDISC, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("list qdiscs: %w", err)
	}
	kinds := map[int]string{}
	for _, answer := range answers {
		if len(answer) < nl.SizeofTcMsg {
			return nil, fmt.Errorf("list qdiscs: %w", unix.EBADMSG)
		}
		m := nl.DeserializeTcMsg(answer)
		if m.Handle != clsactHandle {
			continue
		}
		attrs, err := nl.ParseRouteAttr(answer[nl.SizeofTcMsg:])
		if err != nil {
			return nil, fmt.Errorf("list qdiscs: %w", err)
		}
		kinds[int(m.Ifindex)] = text(find(attrs, nl.TCA_KIND))
	}
	return kinds, nil
}

// dump asks again if the answer was cut by a change.
func (t *traffic) dump(ask int, answer uint16, index int, parent uint32) ([][]byte, error) {
	var answers [][]byte
	var err error
	for range dumpTries {
		r := nl.NewNetlinkRequest(ask, unix.NLM_F_DUMP)
		r.Sockets = t.sockets
		r.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(index), Parent: parent})
		answers, err = r.Execute(unix.NETLINK_ROUTE, answer)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return answers, err
}

// parseFilter also tells whether it is a filter that sees packets: the kernel lists
// each priority by itself, too.
func parseFilter(answer []byte) (filter, bool, error) {
	if len(answer) < nl.SizeofTcMsg {
		return filter{}, false, unix.EBADMSG
	}
	m := nl.DeserializeTcMsg(answer)
	attrs, err := nl.ParseRouteAttr(answer[nl.SizeofTcMsg:])
	if err != nil {
		return filter{}, false, err
	}
	priority, _ := netlink.MajorMinor(m.Info)
	f := filter{
		kind: text(find(attrs, nl.TCA_KIND)), handle: m.Handle, priority: priority,
	}
	options := find(attrs, nl.TCA_OPTIONS)
	if options == nil || number(find(attrs, nl.TCA_CHAIN)) != 0 {
		return f, false, nil
	}
	if f.kind != "bpf" {
		return f, true, nil
	}
	inner, err := nl.ParseRouteAttr(options)
	f.name = text(find(inner, nl.TCA_BPF_NAME))
	f.program = ebpf.ProgramID(number(find(inner, nl.TCA_BPF_ID)))
	return f, true, err
}

// find is an attribute's value, not nil if it is there.
func find(attrs []syscall.NetlinkRouteAttr, kind uint16) []byte {
	for _, a := range attrs {
		if a.Attr.Type&^unix.NLA_F_NESTED == kind {
			return append([]byte{}, a.Value...)
		}
	}
	return nil
}

func text(value []byte) string { return string(bytes.TrimRight(value, "\x00")) }

func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return nl.NativeEndian().Uint32(value)
}
