package ipvs

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestEngineCodec(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := step{Key: drawKey(t), Balancing: drawBalancing(t)}
		r := encodeStep(want)
		key, engine, err := decodeEngine(r.data)
		if err != nil || key != want.Key || engine != want.Persistence.Engine {
			t.Errorf("got %v %q, %v, want %v %q", key, engine, err, want.Key, want.Persistence.Engine)
		}
	})
}

// A mask is sent as one for IPv4, and as the length of the prefix for IPv6.
func TestMasks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		family Family
		prefix int
		want   []byte
	}{
		{IPv4, 24, []byte{255, 255, 255, 0}},
		{IPv6, 64, binary.NativeEndian.AppendUint32(nil, 64)},
	} {
		r := encodeStep(step{Key: KeyOfMark(7, test.family), Balancing: Balancing{Persistence: Persistence{Timeout: 60, Prefix: test.prefix}}})
		var got []byte
		err := decodeNested(r.data, attrService, func(dec *netlink.AttributeDecoder) {
			if dec.Type() == serviceNetmask {
				got = dec.Bytes()
			}
		})
		if err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("ipv%d: %v, %v, want %v", test.family, got, err, test.want)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	key := KeyOf(TCP, netip.MustParseAddrPort("198.18.0.100:80"))
	same := Server{Address: netip.MustParseAddrPort("10.0.0.1:80")}
	other := Server{Address: netip.MustParseAddrPort("[2001:db8::1]:80")}
	foo := Balancing{Scheduler: "foo"}
	sip := Balancing{Scheduler: "rr", Persistence: Persistence{Engine: "sip"}}
	for _, test := range []struct {
		step  step
		errno unix.Errno
		want  string // "" for done
	}{
		{step{verb: addService, Key: key}, unix.EEXIST, "add service tcp 198.18.0.100:80: somebody else has made it"},
		{step{verb: addService, Key: key, Balancing: foo}, unix.ENOENT, `add service tcp 198.18.0.100:80: scheduler "foo": the kernel does not have it, nor a module ip_vs_foo`},
		{step{verb: addService, Key: key, Balancing: sip}, unix.ENOENT, `add service tcp 198.18.0.100:80: scheduler "rr" or persistence engine "sip": the kernel does not have it, nor a module ip_vs_rr or ip_vs_pe_sip`},
		{step{verb: addService, Key: key}, unix.EPERM, "add service tcp 198.18.0.100:80: operation not permitted"},
		{step{verb: editService, Key: key}, unix.ESRCH, "edit service tcp 198.18.0.100:80: the kernel does not have it"},
		{step{verb: removeService, Key: key}, unix.ESRCH, ""},
		{step{verb: addServer, Key: key, Server: same}, unix.EEXIST, ""},
		{step{verb: addServer, Key: key, Server: same}, unix.ESRCH, "add server 10.0.0.1:80 to tcp 198.18.0.100:80: its service: the kernel does not have it"},
		{step{verb: addServer, Key: key, Server: same}, unix.EINVAL, "add server 10.0.0.1:80 to tcp 198.18.0.100:80: the kernel takes its address for no host's, as it does with a broadcast address: invalid argument"},
		{step{verb: addServer, Key: key, Server: other}, unix.EINVAL, "add server [2001:db8::1]:80 to tcp 198.18.0.100:80: a server of another family than its service needs a tunnel, and no sync daemon: invalid argument"},
		{step{verb: editServer, Key: key, Server: same}, unix.ENOENT, "edit server 10.0.0.1:80 of tcp 198.18.0.100:80: the kernel does not have it"},
		{step{verb: removeServer, Key: key, Server: same}, unix.ENOENT, ""},
		{step{verb: removeServer, Key: key, Server: same}, unix.ESRCH, ""},
		{step{verb: removeServer, Key: key, Server: same}, unix.EPERM, "remove server 10.0.0.1:80 of tcp 198.18.0.100:80: operation not permitted"},
	} {
		got := ""
		if err := explain(test.step, test.errno); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
