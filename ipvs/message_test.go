package ipvs

import (
	"net/netip"
	"testing"

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
		{step{verb: addService, Key: key}, unix.EEXIST, ""},
		{step{verb: addService, Key: key, Balancing: foo}, unix.ENOENT, `add service tcp 198.18.0.100:80: scheduler "foo": the kernel does not have it`},
		{step{verb: addService, Key: key, Balancing: sip}, unix.ENOENT, `add service tcp 198.18.0.100:80: scheduler "rr" or persistence engine "sip": the kernel does not have it`},
		{step{verb: addService, Key: key}, unix.EPERM, "add service tcp 198.18.0.100:80: operation not permitted"},
		{step{verb: editService, Key: key}, unix.ESRCH, "edit service tcp 198.18.0.100:80: the kernel does not have it"},
		{step{verb: removeService, Key: key}, unix.ESRCH, ""},
		{step{verb: addServer, Key: key, Server: same}, unix.EEXIST, ""},
		{step{verb: addServer, Key: key, Server: same}, unix.ESRCH, "add server 10.0.0.1:80 to tcp 198.18.0.100:80: its service: the kernel does not have it"},
		{step{verb: addServer, Key: key, Server: same}, unix.EINVAL, "add server 10.0.0.1:80 to tcp 198.18.0.100:80: invalid argument"},
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
